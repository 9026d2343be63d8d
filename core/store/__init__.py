"""The database floor: the doors through which rows change, the engine under them, and the local files beside it."""
