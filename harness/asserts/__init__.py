"""Expectations on what the API, the bucket and the models answer; each failure ends with its evidence.

Speaks boto3 only, so an expectation means the same on the emulator and on AWS.
"""

from harness.asserts.classification import Classification, classification
from harness.asserts.expectations import ExpectationFailed, Expectations

__all__ = ["Classification", "ExpectationFailed", "Expectations", "classification"]
