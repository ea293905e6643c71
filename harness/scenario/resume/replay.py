"""``Replay``: records the API calls of a run by step, and answers those of earlier steps when the run is continued.

The code of an earlier step is executed again, but its requests are answered from the recording, so they change nothing
and take no time. A request that was not recorded is sent. Requests to S3 are always sent, as its objects still exist.
"""

from __future__ import annotations

import contextlib
import io
import json
import sys
import threading
from collections import defaultdict, deque
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from harness.aws_run.resource_requests import creation
from harness.scenario.resume.request_fingerprint import decode, encode, fingerprint

_CALL, _DONE = "harness_call", "harness_answered"
_NAMES = {
    "sagemaker.utils": ("sagemaker_timestamp", "sagemaker_short_timestamp", "unique_name_from_base"),
    "sagemaker.core.common_utils": ("sagemaker_timestamp", "sagemaker_short_timestamp", "unique_name_from_base"),
}
"""The functions in which the SDKs make names from the time: an earlier step must get the same names again."""
_READS = ("Describe", "List", "Get", "Search", "Head")


class Replay:
    """The recording of one run; with ``start`` it also answers the steps before that one."""

    def __init__(self, file: Path, start: str = "") -> None:
        self._past = read(file) if start else []
        self._start = start
        self._live = not start
        self._step: str | None = None
        self._lock = threading.Lock()
        self._answers: dict[tuple[str | None, str], deque[dict[str, Any]]] = defaultdict(deque)
        for entry in self._past:
            if "call" in entry:
                self._answers[entry["step"], entry["call"]].append(entry)
        self._last: dict[tuple[str | None, str], str] = {}
        self._apart = False
        self._replayed = False
        self.changed: list[str] = []
        """The operations of the current step that the recording does not hold."""
        file.parent.mkdir(parents=True, exist_ok=True)
        self._stream = file.open("w", encoding="utf-8")

    # -- steps ---------------------------------------------------------------------------------------------------

    def begin(self, run: str) -> None:
        """Record the id of the run."""
        self._write({"run": run})

    @property
    def replaying(self) -> bool:
        """Tell whether requests are answered from the recording now."""
        return not self._live

    def enter(self, step: str) -> None:
        """Begin a step."""
        if self._apart:
            return
        self._live = self._live or step == self._start
        self._step, self.changed, self._replayed = step, [], False
        self._write({"entered": step})
        for module, functions in _NAMES.items():
            if module in sys.modules:
                self._replace_names(sys.modules[module], functions)

    def leave(self, step: str) -> tuple[bool, list[str]]:
        """End a step. Return whether it was answered from the recording alone, and the operations that were not."""
        if self._apart:
            return False, []
        self._write({"passed": step})
        return self._replayed and not self.changed, self.changed

    @contextlib.contextmanager
    def suspend(self) -> Iterator[None]:
        """Send all requests in the block, and record none of them."""
        self._apart, before = True, self._live
        self._live = True
        try:
            yield
        finally:
            self._apart, self._live = False, before

    def expect_start(self) -> None:
        """Fail at the end of a scenario in which the step to start from never came."""
        if self.replaying:
            raise RuntimeError(f"there is no step {self._start!r} any more: everything was answered from the recording")

    # -- calls ---------------------------------------------------------------------------------------------------

    def install(self) -> None:
        """Add the handlers to botocore, before any of its sessions is made in this process."""
        from botocore import handlers
        from botocore.handlers import REGISTER_FIRST, REGISTER_LAST

        handlers.BUILTIN_HANDLERS.extend(
            [
                ("before-parameter-build", self._identify, REGISTER_LAST),
                ("before-call", self._answer, REGISTER_FIRST),
                ("after-call", self._record, REGISTER_FIRST),
            ]
        )

    def once(self, action: str, arguments: Mapping[str, Any], do: Callable[[], Any]) -> Any:
        """Do something that is no call of botocore's, or return its result from the recording."""
        call = f"{action} {json.dumps(arguments, sort_keys=True)}"
        entry = self._take(call) if self.replaying else None
        if entry is not None:
            self._keep(entry)
            return decode(entry["answer"])
        if self.replaying:
            self.changed.append(action)
        answer = do()
        self._keep({"step": self._step, "call": call, "answer": encode(answer)})
        return answer

    def _identify(self, params: dict[str, Any], model: Any, context: dict[str, Any], **_: Any) -> None:
        service = model.service_model.service_name
        if service == "s3" or self._apart:
            return
        call = fingerprint(service, model.name, params)
        if call:
            created = creation(model, params)
            context[_CALL] = (call, [created.kind, created.identity] if created and created.identity else None)

    def _answer(self, model: Any, context: dict[str, Any], **_: Any) -> Any:
        from botocore.awsrequest import AWSResponse
        from botocore.response import StreamingBody

        if self._live or _CALL not in context:
            return None
        entry = self._take(context[_CALL][0])
        if entry is None:
            if not model.name.startswith(_READS):
                self.changed.append(model.name)
            return None
        context[_DONE] = self._replayed = True
        self._keep(entry)
        parsed = decode(entry["answer"])
        if entry.get("streams"):
            body = parsed[entry["streams"]]
            parsed[entry["streams"]] = StreamingBody(io.BytesIO(body), len(body))
        return AWSResponse("", entry["status"], {}, None), parsed

    def _record(self, http_response: Any, parsed: Any, model: Any, context: dict[str, Any], **_: Any) -> None:
        from botocore.response import StreamingBody

        if _CALL not in context or _DONE in context or http_response.status_code >= 500:
            return
        call, created = context[_CALL]
        streams = next((name for name, value in parsed.items() if isinstance(value, StreamingBody)), "")
        members = dict(parsed)
        if streams:
            members[streams] = body = parsed[streams].read()
            parsed[streams] = StreamingBody(io.BytesIO(body), len(body))
        answer = encode({name: value for name, value in members.items() if name != "ResponseMetadata"})
        if answer is None:  # a stream of events, say: sent again next time
            return
        answer["ResponseMetadata"] = {"HTTPStatusCode": http_response.status_code}
        entry = {"step": self._step, "call": call, "answer": answer, "status": http_response.status_code}
        if created and http_response.status_code < 300:
            entry["made"] = created
        self._keep({**entry, "streams": streams} if streams else entry)

    def _take(self, call: str) -> dict[str, Any] | None:
        """Take the next recorded answer to a call; the last one serves for every further time."""
        with self._lock:
            answers = self._answers.get((self._step, call))
            if not answers:
                return None
            return answers.popleft() if len(answers) > 1 else answers[0]

    def _keep(self, entry: dict[str, Any]) -> None:
        """Record an answer; of equal answers to a repeated read only the first."""
        key, answer = (entry["step"], entry["call"]), json.dumps(entry["answer"], sort_keys=True)
        with self._lock:
            repeated = self._last.get(key) == answer
            self._last[key] = answer
        if not repeated or not entry["call"].split(" ")[1].startswith(_READS):
            self._write(entry)

    # -- names ---------------------------------------------------------------------------------------------------

    def _replace_names(self, module: Any, functions: tuple[str, ...]) -> None:
        for name in functions:
            function = getattr(module, name, None)
            if function is None or getattr(function, "recorded", False):
                continue

            def make_name(*arguments: Any, _real: Any = function, _name: str = name, **more: Any) -> Any:
                key = {"arguments": [str(each) for each in arguments]}
                return self.once(f"names {_name}", key, lambda: _real(*arguments, **more))

            make_name.recorded = True  # type: ignore[attr-defined]
            setattr(module, name, make_name)

    # -- later resources -----------------------------------------------------------------------------------------

    def list_later_resources(self) -> list[tuple[str, dict[str, Any]]]:
        """List kind and identity of what the step to start from and later ones created, the last one first."""
        later, created = False, []
        for entry in self._past:
            later = later or entry.get("entered") == self._start
            if later and entry.get("made"):
                created.append((entry["made"][0], entry["made"][1]))
        return created[::-1]

    def _write(self, entry: Mapping[str, Any]) -> None:
        with self._lock:
            self._stream.write(json.dumps(entry) + "\n")
            self._stream.flush()


def read(file: Path) -> list[dict[str, Any]]:
    """Read the entries of a recording; the last line of one that was killed may be half a line."""
    with file.open(encoding="utf-8") as stream:
        return [json.loads(line) for line in stream if line.endswith("\n")]
