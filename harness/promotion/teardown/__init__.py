"""Teardown of everything that a run created on AWS, and the check that nothing billable is left."""
