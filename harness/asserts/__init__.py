"""Expectations for scenarios: checks of API responses, S3 objects and models; a failure shows its evidence.

The package uses boto3 only, so an expectation means the same on the emulator and on AWS.
"""

from harness.asserts.classification import Classification, classification
from harness.asserts.expectations import ExpectationFailed, Expectations

__all__ = ["Classification", "ExpectationFailed", "Expectations", "classification"]
