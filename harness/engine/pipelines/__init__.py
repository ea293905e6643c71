"""Pipelines after the answer: executions whose steps are ordinary jobs, created by the ordinary operations."""
