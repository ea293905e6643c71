"""Backends outside this process: LocalStack for all services, any S3-compatible URL for objects."""
