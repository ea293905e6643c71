"""What a failure shows: the last answer of the API, the end of a log, what lies in S3, and where to look further."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from harness.asserts.objects import bucket_and_key, listing
from harness.kernel.kinds import ResourceKind
from harness.kernel.masking import mask
from harness.scenario.job_logs import job_log

LONGEST, MEMBER, TAIL, OBJECTS = 2_000, 200, 20, 20
"""Characters of an answer and of one of its members where it is longer, lines of a log, objects of a listing."""


def trimmed(answer: Any) -> str:
    """An answer as text of a length that somebody reads."""
    if isinstance(answer, bytes):
        answer = answer.decode("utf-8", "replace")
    if isinstance(answer, Mapping):
        answer = mask({key: value for key, value in answer.items() if key != "ResponseMetadata"})
    text = _written(answer)
    if len(text) > LONGEST and isinstance(answer, Mapping):
        # What matters of a description (status, reason, times) is short; a long list before it must not crowd it out.
        text = _written({key: _shortened(value) for key, value in answer.items()})
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}… ({len(text)} characters)"


def _written(answer: Any) -> str:
    return json.dumps(answer, indent=2, default=str) if isinstance(answer, Mapping) else repr(answer)


def _shortened(value: Any) -> Any:
    text = value if isinstance(value, str) else json.dumps(value, default=str)
    return value if len(text) <= MEMBER else f"{text[:MEMBER]}… ({len(text)} characters)"


def last_answer(operation: str, answer: Any) -> str:
    return f"the last answer of {operation}: {trimmed(answer)}"


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
    """What lies under the folder of an object, or under a prefix."""
    bucket, key = bucket_and_key(uri)
    folder = f"s3://{bucket}/{key.rpartition('/')[0]}"
    return listed(listing(s3, folder), folder)


def listed(found: Iterable[str], prefix: str) -> str:
    uris = list(found)
    if not uris:
        return f"nothing lies under it; look with `aws s3 ls --recursive {prefix}`"
    more = [f"  … and {len(uris) - OBJECTS} more"] if len(uris) > OBJECTS else []
    return "\n".join(
        ["there are:", *(f"  {uri}" for uri in uris[:OBJECTS]), *more, f"more: aws s3 ls --recursive {prefix}"]
    )
