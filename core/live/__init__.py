"""Values as they are now: samples, tags, the table of latest values and the one way to write a machine."""
