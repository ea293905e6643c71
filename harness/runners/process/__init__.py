"""Runs programs as host processes in container-like surroundings. Knows nothing of SageMaker's records."""
