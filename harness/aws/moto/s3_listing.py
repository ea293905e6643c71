"""Pages of the keys of a bucket in key order, read from a sorted index. Pure functions.

A marker is a position in the order of keys, so the key that it names may have been deleted.
"""

from __future__ import annotations

import base64
import binascii
from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from harness.aws.moto.s3_arguments import invalid

MOST = 1000
"""The most entries of a page (MaxKeys of ListObjectsV2 in the S3 API reference)."""


class Entry(NamedTuple):
    """A key, or a common prefix, which stands for all keys that begin with it."""

    name: str
    is_prefix: bool


@dataclass(frozen=True)
class Question:
    """The request for one page. ``after`` is the last entry of the previous page, or any text to begin after."""

    prefix: str = ""
    delimiter: str = ""
    after: str | None = None


@dataclass
class SortedNames:
    """Names in the order of S3: by code point, which is the order of their UTF-8."""

    names: list[str] = field(default_factory=list)

    def add(self, name: str) -> None:
        insort(self.names, name)

    def remove(self, name: str) -> None:
        index = bisect_left(self.names, name)
        if self.names[index : index + 1] == [name]:
            del self.names[index]

    def beginning_with(self, prefix: str) -> Sequence[str]:
        start = bisect_left(self.names, prefix)
        return self.names[start : _end_of(self.names, start, prefix)]


def walk(names: Sequence[str], question: Question, is_shown: Callable[[str], bool]) -> Iterator[Entry]:
    """Yield the entries from the marker on; keys that are not shown (deleted ones) make no common prefix either."""
    prefix, delimiter, after = question.prefix, question.delimiter, question.after
    index = bisect_left(names, prefix)
    if after is not None:
        index = max(index, bisect_right(names, after))
    while index < len(names) and names[index].startswith(prefix):
        name = names[index]
        end = name.find(delimiter, len(prefix)) if delimiter else -1
        if end < 0:
            if is_shown(name):
                yield Entry(name, False)
            index += 1
            continue
        group = name[: end + len(delimiter)]
        stop = _end_of(names, index, group)
        if group != after and any(is_shown(names[other]) for other in range(index, stop)):
            yield Entry(group, True)
        index = stop


def _end_of(names: Sequence[str], start: int, prefix: str) -> int:
    return bisect_left(names, True, start, key=lambda name: not name.startswith(prefix))


def token_of(name: str) -> str:
    """Return the continuation token of the page that ends with this entry."""
    return base64.urlsafe_b64encode(b"1" + name.encode()).decode()


def name_of(token: str) -> str:
    try:
        text = base64.b64decode(token, altchars=b"-_", validate=True).decode()
    except (binascii.Error, ValueError):
        text = ""
    if not text.startswith("1"):
        raise invalid("The continuation token provided is incorrect")
    return text[1:]
