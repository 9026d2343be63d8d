"""Benchmarks: ``python -m tests.benchmarks start|latency [--quick]``; the last line is one JSON object.

The product is measured as it is shipped: what measures lives here and is hooked into a running process from outside.
"""
