from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from harness import __version__
from harness.engine.lifecycle import move
from harness.kernel.records import Key, Record
from tests.admin import admin_request, ask_admin


def ask(served: Any, name: str, document: Any = None, method: str | None = None) -> Any:
    return ask_admin(served.address, served.state, name, document, method)


def refused(served: Any, name: str, document: Any = None, method: str | None = None) -> tuple[int, str]:
    with pytest.raises(urllib.error.HTTPError) as refusal:
        ask(served, name, document, method)
    with refusal.value as answer:
        return answer.code, json.loads(answer.read())["message"]


def test_health_is_open_and_says_little(served: Any) -> None:
    with urllib.request.urlopen(f"{served.address}/_harness/health", timeout=20) as answer:
        assert json.loads(answer.read()) == {"status": "ok", "version": __version__}


def test_status_says_who_and_where(served: Any) -> None:
    facts = ask(served, "status")
    assert facts["status"] == "ok"
    assert facts["address"] == served.address
    assert facts["state"] == str(served.state)
    assert (facts["account"], facts["region"], facts["held"]) == ("123456789012", "us-east-1", 0)


def test_the_clock_goes_forward_by_seconds_or_to_a_moment(served: Any) -> None:
    before = ask(served, "clock")
    assert before["offset"] == 0
    assert ask(served, "clock", {"seconds": 3600})["executions"] == []
    assert served.emulator.clock.now() - time.time() == pytest.approx(3600, abs=5)
    moment = time.time() + 86400
    ask(served, "clock", {"to": moment})
    assert served.emulator.clock.now() == pytest.approx(moment, abs=5)


@pytest.mark.parametrize(
    "document",
    [
        {"seconds": -1},
        {"to": 1},
        {"seconds": "1h"},
        {},
        [],
        {"seconds": float("nan")},
        {"to": 253402300800},
        {"seconds": 10**400},
    ],
)
def test_the_clock_does_nothing_else(served: Any, document: Any) -> None:
    assert refused(served, "clock", document)[0] == 400
    assert served.emulator.clock.offset == 0


def test_the_clock_stays_advanced_over_a_restart(make_served: Any) -> None:
    first = make_served()
    ask(first, "clock", {"seconds": 7200})
    first.emulator.close()
    assert make_served().emulator.clock.now() - time.time() == pytest.approx(7200, abs=60)


def test_reset_forgets_everything(served: Any) -> None:
    served.emulator.records.add(Record(Key("model", "1", "r", "m"), "arn", spec={}))
    ask(served, "clock", {"seconds": 10})
    assert ask(served, "reset", {}, "POST") == {"status": "reset"}
    assert list(served.emulator.records.scan("model")) == []
    assert served.backend.resets == 1
    assert ask(served, "clock")["offset"] == 0


def test_coverage_lists_what_is_supported_and_counts_calls(served: Any) -> None:
    served.operations["sagemaker", "ListModels"] = lambda scope, request: {"Models": []}
    served.client("sagemaker").list_models()
    served.client("s3").list_buckets()
    found = ask(served, "coverage")
    assert found["services"]["sagemaker"]["supported"] == ["ListModels"]
    assert found["services"]["sagemaker"]["modelled"] > 400
    assert found["services"]["sagemaker"]["calls"] == {"ListModels": 1}
    assert found["backend"] == {"name": "echo", "services": ["iam", "logs", "s3", "sts"], "calls": {"s3": 1}}


def test_jobs_are_listed_with_their_status(served: Any) -> None:
    key = Key("training-job", "123456789012", "us-east-1", "j")
    served.emulator.records.add(move(Record(key, "arn", spec={}, created=5.0), "InProgress"))
    (job,) = ask(served, "jobs")["jobs"]
    assert (job["kind"], job["name"], job["status"], job["created"]) == ("training-job", "j", "InProgress", 5.0)
    for number, kind in enumerate(("endpoint", "processing-job")):
        made = Record(key._replace(kind=kind), "arn", spec={}, created=6.0 + number)
        served.emulator.records.add(move(made, "Creating" if kind == "endpoint" else "InProgress"))
    assert [job["created"] for job in ask(served, "jobs")["jobs"]] == [5.0, 6.0, 7.0]
    assert [job["created"] for job in ask(served, "jobs?limit=2")["jobs"]] == [6.0, 7.0]
    assert refused(served, "jobs?limit=x", method="GET")[0] == 400


def test_what_is_not_there_names_what_is(served: Any) -> None:
    code, told = refused(served, "nothing")
    assert code == 404
    assert "GET /_harness/health" in told
    assert refused(served, "reset", method="GET")[0] == 404


@pytest.mark.parametrize("body", [b"{", b"[" * 5000, b'{"seconds": 1e300}', b'{"seconds": true}', b'{"to": 1e18}'])
def test_a_body_that_makes_no_sense(served: Any, body: bytes) -> None:
    request = admin_request(served.address, served.state, "clock", body, "POST")
    with pytest.raises(urllib.error.HTTPError) as refusal:
        urllib.request.urlopen(request, timeout=20)
    with refusal.value as answer:
        assert answer.code == 400


def test_shutdown_begins_the_end(served: Any) -> None:
    assert ask(served, "shutdown", {}, "POST") == {"status": "stopping"}
    served.emulator.wait()


def test_the_readme_names_every_endpoint() -> None:
    from harness.gateway import admin

    readme = (Path(admin.__file__).parent / "README.md").read_text()
    for method, name in admin._ENDPOINTS:
        assert f"`{method} {admin.PREFIX}{name}`" in readme
