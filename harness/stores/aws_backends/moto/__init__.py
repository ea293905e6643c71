"""Embedded moto as the ``AwsBackend``: its state on disk, its internals touched in the ``seam_*`` modules only."""

from harness.stores.aws_backends.moto.backend import MotoBackend

__all__ = ["MotoBackend"]
