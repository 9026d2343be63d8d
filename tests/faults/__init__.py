"""Everything that breaks: proxies for cables and switches, and ``python -m tests.faults``, the run of real stations through all of it."""
