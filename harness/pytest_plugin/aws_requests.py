"""Requests to AWS while a test has harness's fixtures: each goes through that test's hooks, or is refused.

Nothing is left hooked or replaced after the test. A test's clients keep their hooks, which follow the next test.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from harness.aws_run.hooks import AwsRequestHooks, Handler, hook
from harness.aws_run.resource_requests import creation
from harness.pytest_plugin.surroundings import loaded_shim

_FOLLOWED = "harness-followed"
"""An event of our own that only followed clients answer."""
_UPLOADS = ("PutObject", "CreateMultipartUpload", "CopyObject")


class NotFollowed(RuntimeError):
    """A request that would have made something on AWS that nobody tags, writes down or removes."""


class Relay:
    """Hands requests to the test that runs now. One for a pytest run, as the clients of one test outlive it."""

    def __init__(self) -> None:
        self._tests: list[AwsRequestHooks] = []
        self._handlers: list[Handler] | None = None
        self.refused: str | None = None
        """Why nothing more may be created by the test that runs."""

    def exempt(self, session: Any) -> None:
        """Exempt the harness's own boto3 session, which reads and removes."""
        session.events.register(_FOLLOWED, _yes)

    @contextlib.contextmanager
    def follow(self, hooks: AwsRequestHooks) -> Iterator[None]:
        """Hand requests to the hooks of one test while the block lasts."""
        unhook = hook(self._hooks())
        self._tests.append(hooks)
        try:
            with _refuse_unfollowed():
                yield
        finally:
            self._tests.remove(hooks)
            self.refused = None
            unhook()

    def refuse(self, reason: str) -> None:
        """Refuse what the current test would still create."""
        self.refused = reason

    def _hooks(self) -> list[Handler]:
        from botocore.handlers import REGISTER_LAST

        if self._handlers is None:
            self._handlers = [
                ("before-parameter-build", self._complete, REGISTER_LAST),
                ("before-call", self._intend, REGISTER_LAST),
                ("after-call", self._record_answer, REGISTER_LAST),
                (_FOLLOWED, _yes, REGISTER_LAST),
            ]
        return self._handlers

    def _complete(self, params: dict[str, Any], model: Any, context: dict[str, Any], **_: Any) -> None:
        if self.refused and (model.name in _UPLOADS or creation(model, params)):
            raise NotFollowed(f"harness: {model.name} was not sent: {self.refused}")
        if self._tests:
            self._tests[-1].complete(params, model, context)
        elif model.name in _UPLOADS or creation(model, params):
            raise NotFollowed(
                f"harness: {model.name} was sent to AWS by a client of a test that is over; nothing was created. "
                "Create things in tests, or in fixtures that ask for `sagemaker_harness`."
            )

    def _intend(self, model: Any, context: dict[str, Any], **_: Any) -> None:
        if self._tests:
            self._tests[-1].intend(model, context)

    def _record_answer(self, http_response: Any, parsed: Any, model: Any, context: dict[str, Any], **_: Any) -> None:
        if self._tests:
            self._tests[-1].record_answer(http_response, parsed, model, context)


def _yes(**_: Any) -> bool:
    return True


@contextlib.contextmanager
def _refuse_unfollowed() -> Iterator[None]:
    """Refuse clients made before the test: they have no hooks, and perhaps the keys of another account."""
    from botocore.client import BaseClient

    is_aws, call = loaded_shim().is_aws, BaseClient._make_api_call

    def guard(self: Any, operation_name: str, api_params: Any) -> Any:
        if is_aws(self.meta.endpoint_url) and not self.meta.events.emit(_FOLLOWED):
            raise NotFollowed(
                f"harness: {operation_name} was not sent to {self.meta.endpoint_url}: its client, or its session, was "
                "made before the test began, so nothing would tag or remove what it creates. Make sessions and clients "
                "where they are used, or in a fixture that asks for `sagemaker_harness`."
            )
        return call(self, operation_name, api_params)

    BaseClient._make_api_call = guard
    try:
        yield
    finally:
        BaseClient._make_api_call = call
