"""The screen: what an operator sees and touches; knows the services and views of core, no SQL and no sockets."""
