"""Embedded moto as the ``AwsBackend``. Only the ``patched_*`` modules replace parts of moto."""

from harness.aws.moto.backend import MotoBackend

__all__ = ["MotoBackend"]
