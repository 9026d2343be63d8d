"""Users: who may do what, how a person proves who he is, and for how long."""
