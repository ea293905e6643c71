"""Pickles that a job wrote, loaded where their code can do no harm: a process without network, homes or projects."""

from harness.asserts.unpickling.sandbox import LoadFailed, NoSandbox, SandboxedObject, load, type_name

__all__ = ["LoadFailed", "NoSandbox", "SandboxedObject", "load", "type_name"]
