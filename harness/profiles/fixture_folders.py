"""What a fixture folder of a project must be like: a licence is stated, and what is committed is not large."""

from __future__ import annotations

LARGEST_MB = 5
