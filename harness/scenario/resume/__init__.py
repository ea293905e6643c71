"""Continuing a run from one of its steps: a recording of its calls, and answers taken from that recording."""
