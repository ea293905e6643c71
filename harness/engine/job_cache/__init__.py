"""Reuse of the results of an equal earlier job."""
