"""Safe loading of pickles that a job wrote, in a sandboxed process without network, homes and projects."""

from harness.asserts.unpickling.sandbox import LoadFailed, NoSandbox, SandboxedObject, load, type_name

__all__ = ["LoadFailed", "NoSandbox", "SandboxedObject", "load", "type_name"]
