"""Removal of everything that a run created on AWS, and the proof that nothing billable is left."""
