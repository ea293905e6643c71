"""Benchmarks: ratios measured in one run, never asserted in a timed test. ``tox -e bench [NAME…]`` prints the table."""
