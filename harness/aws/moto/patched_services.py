"""Replaces methods of moto's services that a request could misuse against the emulator or other machines.

moto makes regular expressions of texts that a request holds, and some of those take for ever, under moto's lock. It
also sends what is published to a topic to any address.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import Any

from harness.aws.wire.error_responses import Refusal
from harness.kernel.wildcards import matches

_MARK = "is_patched_by_harness"
_NOT_DELIVERED = ("http", "https", "lambda", "firehose")


def install(package: str) -> None:
    """Replace the methods of a package of moto whose models were just imported. Doing it again changes nothing."""
    replace = _REPLACE.get(package)
    models: Any = importlib.import_module(f"moto.{package}.models")
    if replace is not None and not hasattr(models, _MARK):
        replace(models)
        setattr(models, _MARK, True)


def _replace_in_sqs(models: Any) -> None:
    """ListQueues: QueueNamePrefix is "a string to use for filtering", and no expression."""

    def list_queues(self: Any, queue_name_prefix: str | None) -> list[Any]:
        return [queue for name, queue in self.queues.items() if name.startswith(queue_name_prefix or "")]

    models.SQSBackend.list_queues = list_queues


def _replace_in_events(models: Any) -> None:
    inner = models.EventsBackend.list_rules

    def list_rules(self: Any, *, prefix: str | None = None, **others: Any) -> Any:
        return inner(self, prefix=re.escape(prefix) if prefix else prefix, **others)

    models.EventsBackend.list_rules = list_rules
    models.EventPattern._wildcard_match = staticmethod(_match_event)


def _match_event(item: Any, pattern: str) -> bool:
    """The wildcard of event patterns: ``*``, and a backslash before a literal ``*`` or backslash."""
    if not isinstance(item, str):
        return False
    literal = re.sub(r"\\([*\\])", lambda match: {"*": "\ue000", "\\": "\ue001"}[match[1]], pattern)
    text = item.replace("\ue000", "").replace("\ue001", "")
    return matches(literal, text.replace("*", "\ue000").replace("\\", "\ue001"), one="")


def _replace_in_ecr(models: Any) -> None:
    def match(self: Any, pattern: str, repository_name: str) -> bool:
        return pattern in repository_name or matches(f"{pattern}*", repository_name, one="")

    models.ECRBackend._match_repository_filter = match


def _replace_in_sns(models: Any) -> None:
    """Deliver to queues only: the emulator makes no connections to addresses that a request names."""
    inner = models.SNSBackend.subscribe

    def subscribe(self: Any, topic_arn: str, endpoint: str, protocol: str) -> Any:
        if protocol in _NOT_DELIVERED:
            text = f"The emulator does not deliver messages by {protocol}; subscribe a queue (sqs) instead"
            raise Refusal(501, "UnsupportedOperation", text)
        return inner(self, topic_arn, endpoint, protocol)

    models.SNSBackend.subscribe = subscribe
    models.requests = SimpleNamespace(post=lambda *_, **__: None)  # for subscriptions that an older harness saved


_REPLACE: Mapping[str, Callable[[Any], None]] = {
    "ecr": _replace_in_ecr,
    "events": _replace_in_events,
    "sns": _replace_in_sns,
    "sqs": _replace_in_sqs,
}
