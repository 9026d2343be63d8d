"""Faults on the way: a proxy that breaks connections in every way a cable, a switch or a frozen host does."""
