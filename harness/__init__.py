"""harness: a local-first Amazon SageMaker emulator and test harness."""

__version__ = "0.1.0"
