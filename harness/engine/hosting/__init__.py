"""Endpoints after Create was answered: instances, invocations, data capture and metrics."""
