"""Preflight: read-only checks of the AWS account before a run; each problem is reported with its remedy."""
