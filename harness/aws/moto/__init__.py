"""Embedded moto as the ``AwsBackend``. Parts of moto are replaced in the ``patched_*`` modules and nowhere else."""

from harness.aws.moto.backend import MotoBackend

__all__ = ["MotoBackend"]
