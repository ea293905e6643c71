"""A recording of what a run asked of AWS, step by step, and its earlier steps answered from it when it is run again.

The code of an earlier step is executed once more, but its requests are answered as they were then, so they change
nothing and take no time; one that was not asked then is sent. S3 is always asked: what was written there is there.
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
from harness.scenario.resume.request_fingerprint import decoded, encoded, fingerprint

FILE, FROM = "HARNESS_REPLAY", "HARNESS_FROM"
"""Variables: the folder of recordings, and the step that is run again for real with everything after it."""
_CALL, _DONE = "harness_call", "harness_answered"
_NAMES = {
    "sagemaker.utils": ("sagemaker_timestamp", "sagemaker_short_timestamp", "unique_name_from_base"),
    "sagemaker.core.common_utils": ("sagemaker_timestamp", "sagemaker_short_timestamp", "unique_name_from_base"),
}
"""Where the SDKs make names of the time: an earlier step's names must come out as they did then."""
_READS = ("Describe", "List", "Get", "Search", "Head")


class Replay:
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
        """What the current step asked for that was not asked for then."""
        file.parent.mkdir(parents=True, exist_ok=True)
        self._stream = file.open("w", encoding="utf-8")

    # -- steps ---------------------------------------------------------------------------------------------------

    def begin(self, run: str) -> None:
        self._write({"run": run})

    @property
    def replaying(self) -> bool:
        return not self._live

    def enter(self, step: str) -> None:
        if self._apart:
            return
        self._live = self._live or step == self._start
        self._step, self.changed, self._replayed = step, [], False
        self._write({"entered": step})
        for module, functions in _NAMES.items():
            if module in sys.modules:
                self._take_over(sys.modules[module], functions)

    def leave(self, step: str) -> dict[str, Any]:
        """What is to be told of it: that it was answered from the recording, or what it asked for beside that."""
        if self._apart:
            return {}
        self._write({"passed": step})
        return {"replayed": self._replayed and not self.changed, "changed": self.changed}

    @contextlib.contextmanager
    def alive(self) -> Iterator[None]:
        """What is asked meanwhile is asked for real, and is no part of the recording."""
        self._apart, before = True, self._live
        self._live = True
        try:
            yield
        finally:
            self._apart, self._live = False, before

    def expect_start(self) -> None:
        """At the end: a scenario in which the step never came did not run."""
        if self.replaying:
            raise RuntimeError(f"there is no step {self._start!r} any more: everything was answered from the recording")

    # -- calls ---------------------------------------------------------------------------------------------------

    def install(self) -> None:
        """To be called before any session of botocore's is made in this process."""
        from botocore import handlers
        from botocore.handlers import REGISTER_FIRST, REGISTER_LAST

        handlers.BUILTIN_HANDLERS.extend(
            [
                ("before-parameter-build", self._asked, REGISTER_LAST),
                ("before-call", self._answer, REGISTER_FIRST),
                ("after-call", self._answered, REGISTER_FIRST),
            ]
        )

    def once(self, what: str, asked: Mapping[str, Any], do: Callable[[], Any]) -> Any:
        """For what is asked by other means than botocore."""
        call = f"{what} {json.dumps(asked, sort_keys=True)}"
        entry = self._recorded(call) if self.replaying else None
        if entry is not None:
            self._keep(entry)
            return decoded(entry["answer"])
        if self.replaying:
            self.changed.append(what)
        answer = do()
        self._keep({"step": self._step, "call": call, "answer": encoded(answer)})
        return answer

    def _asked(self, params: dict[str, Any], model: Any, context: dict[str, Any], **_: Any) -> None:
        service = model.service_model.service_name
        if service == "s3" or self._apart:
            return
        call = fingerprint(service, model.name, params)
        if call:
            made = creation(model, params)
            context[_CALL] = (call, [made.kind, made.identity] if made and made.identity else None)

    def _answer(self, model: Any, context: dict[str, Any], **_: Any) -> Any:
        from botocore.awsrequest import AWSResponse
        from botocore.response import StreamingBody

        if self._live or _CALL not in context:
            return None
        entry = self._recorded(context[_CALL][0])
        if entry is None:
            if not model.name.startswith(_READS):
                self.changed.append(model.name)
            return None
        context[_DONE] = self._replayed = True
        self._keep(entry)
        parsed = decoded(entry["answer"])
        if entry.get("streams"):
            body = parsed[entry["streams"]]
            parsed[entry["streams"]] = StreamingBody(io.BytesIO(body), len(body))
        return AWSResponse("", entry["status"], {}, None), parsed

    def _answered(self, http_response: Any, parsed: Any, model: Any, context: dict[str, Any], **_: Any) -> None:
        from botocore.response import StreamingBody

        if _CALL not in context or _DONE in context or http_response.status_code >= 500:
            return
        call, made = context[_CALL]
        streams = next((name for name, value in parsed.items() if isinstance(value, StreamingBody)), "")
        told = dict(parsed)
        if streams:
            told[streams] = body = parsed[streams].read()
            parsed[streams] = StreamingBody(io.BytesIO(body), len(body))
        answer = encoded({name: value for name, value in told.items() if name != "ResponseMetadata"})
        if answer is None:  # a stream of events, say: asked again next time
            return
        answer["ResponseMetadata"] = {"HTTPStatusCode": http_response.status_code}
        entry = {"step": self._step, "call": call, "answer": answer, "status": http_response.status_code}
        if made and http_response.status_code < 300:
            entry["made"] = made
        self._keep({**entry, "streams": streams} if streams else entry)

    def _recorded(self, call: str) -> dict[str, Any] | None:
        """In the order they came then; the last one for every further time."""
        with self._lock:
            found = self._answers.get((self._step, call))
            if not found:
                return None
            return found.popleft() if len(found) > 1 else found[0]

    def _keep(self, entry: dict[str, Any]) -> None:
        """Who waits asks the same again and again: one of equal answers in a row is enough."""
        place, answer = (entry["step"], entry["call"]), json.dumps(entry["answer"], sort_keys=True)
        with self._lock:
            repeated = self._last.get(place) == answer
            self._last[place] = answer
        if not repeated or not entry["call"].split(" ")[1].startswith(_READS):
            self._write(entry)

    # -- names ---------------------------------------------------------------------------------------------------

    def _take_over(self, module: Any, functions: tuple[str, ...]) -> None:
        for name in functions:
            function = getattr(module, name, None)
            if function is None or getattr(function, "recorded", False):
                continue

            def named(*arguments: Any, _real: Any = function, _name: str = name, **more: Any) -> Any:
                asked = {"arguments": [str(each) for each in arguments]}
                return self.once(f"names {_name}", asked, lambda: _real(*arguments, **more))

            named.recorded = True  # type: ignore[attr-defined]
            setattr(module, name, named)

    # -- what came after -----------------------------------------------------------------------------------------

    def made_later(self) -> list[tuple[str, dict[str, Any]]]:
        """Kind and identity of what the first step to be run and those after it created, the last one first."""
        later, found = False, []
        for entry in self._past:
            later = later or entry.get("entered") == self._start
            if later and entry.get("made"):
                found.append((entry["made"][0], entry["made"][1]))
        return found[::-1]

    def _write(self, entry: Mapping[str, Any]) -> None:
        with self._lock:
            self._stream.write(json.dumps(entry) + "\n")
            self._stream.flush()


def read(file: Path) -> list[dict[str, Any]]:
    """The entries of a recording; the last line of one that was killed may be half a line."""
    with file.open(encoding="utf-8") as stream:
        return [json.loads(line) for line in stream if line.endswith("\n")]
