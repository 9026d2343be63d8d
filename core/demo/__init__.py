"""The other side of the wire: a simulated factory of six lines behind real protocol servers, for demonstration, training and tests."""
