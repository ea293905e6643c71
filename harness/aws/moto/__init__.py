"""Embedded moto as the ``AwsBackend``: its state on disk, its internals touched in the ``seam_*`` modules only."""

from harness.aws.moto.backend import MotoBackend

__all__ = ["MotoBackend"]
