"""The runtime of a scenario: its session, steps, events and evidence, and resuming from an earlier run."""
