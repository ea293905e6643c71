"""Running a scenario again from one of its steps: the recording of its calls and the answers taken from it."""
