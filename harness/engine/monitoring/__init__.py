"""Monitoring schedules: which executions are due and how they run."""
