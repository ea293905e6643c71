"""Evidence for failed expectations: the last API response, the end of a log, objects in S3, and further commands."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from harness.asserts.objects import bucket_and_key, listing
from harness.kernel.kinds import ResourceKind
from harness.kernel.masking import mask
from harness.scenario.job_logs import job_log

LONGEST, MEMBER, TAIL, OBJECTS = 2_000, 200, 20, 20
"""Limits: characters of an answer, characters of each member of a longer one, lines of a log, objects of a listing."""


def trim(answer: Any) -> str:
    """Format an answer as text of limited length."""
    if isinstance(answer, bytes):
        answer = answer.decode("utf-8", "replace")
    if isinstance(answer, Mapping):
        answer = mask({key: value for key, value in answer.items() if key != "ResponseMetadata"})
    text = _format(answer)
    if len(text) > LONGEST and isinstance(answer, Mapping):
        # The important members of a description (status, reason, times) are short, so only long members are shortened.
        text = _format({key: _shorten(value) for key, value in answer.items()})
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}… ({len(text)} characters)"


def _format(answer: Any) -> str:
    return json.dumps(answer, indent=2, default=str) if isinstance(answer, Mapping) else repr(answer)


def _shorten(value: Any) -> Any:
    text = value if isinstance(value, str) else json.dumps(value, default=str)
    return value if len(text) <= MEMBER else f"{text[:MEMBER]}… ({len(text)} characters)"


def last_answer(operation: str, answer: Any) -> str:
    return f"the last answer of {operation}: {trim(answer)}"


def log_lines(logs: Any, kind: ResourceKind, name: str) -> Iterator[str]:
    return job_log(logs, kind.group_of(name), kind.stream_prefix(name))


def log_tail(logs: Any, kind: ResourceKind, name: str) -> str:
    lines = list(log_lines(logs, kind, name))
    tail = [f"  | {line}" for line in lines[-TAIL:]] or ["  (it wrote no log)"]
    prefix = kind.stream_prefix(name)
    where = kind.group_of(name) + (f" --log-stream-name-prefix {prefix}" if prefix else "")
    more = f"more: harness logs {name}; on AWS: aws logs tail {where}"
    return "\n".join(["end of its log:", *tail, more])


def objects_beside(s3: Any, uri: str) -> str:
    """List the objects in the folder of an object, or under a prefix."""
    bucket, key = bucket_and_key(uri)
    folder = f"s3://{bucket}/{key.rpartition('/')[0]}"
    return list_objects(listing(s3, folder), folder)


def list_objects(listing: Iterable[str], prefix: str) -> str:
    uris = list(listing)
    if not uris:
        return f"there is nothing under it; look with `aws s3 ls --recursive {prefix}`"
    more = [f"  … and {len(uris) - OBJECTS} more"] if len(uris) > OBJECTS else []
    return "\n".join(
        ["there are:", *(f"  {uri}" for uri in uris[:OBJECTS]), *more, f"more: aws s3 ls --recursive {prefix}"]
    )
