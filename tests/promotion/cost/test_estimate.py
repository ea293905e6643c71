"""Prices and estimates: the table that is shipped, one's own, refreshed ones, and the arithmetic on recorded runs."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from harness.kernel.errors import StateError
from harness.kernel.kinds import HOSTING, PROCESSING, TRAINING, TRANSFORM
from harness.promotion.cost.estimate import Cost, DurationEstimate, total
from harness.promotion.cost.prices import EVERY, PriceTable, load_prices, prices_for, refreshed_file
from harness.promotion.plan import RunPlan, recorded_plan
from tests.aws_stand_in.running import PROFILE, AwsProject
from tests.projects import Project
from tests.promotion.conftest import HEAD

TABLE = PriceTable(
    "2026-09-01",
    {"ml.m5.large": {EVERY: 0.36}, "ml.m5.xlarge": {EVERY: 0.72, HOSTING: 1.44}},
    startup={"TrainingJob": 100, "ProcessingJob": 50, "Endpoint": 300, "MonitoringSchedule": 200},
)
# What scenarios commonly use.
KNOWN = [
    *(f"ml.t3.{size}" for size in ("medium", "large", "xlarge", "2xlarge")),
    *(f"ml.m5.{size}" for size in ("large", "xlarge", "2xlarge", "4xlarge")),
    *(f"ml.c5.{size}" for size in ("large", "xlarge", "2xlarge")),
    *(f"ml.{family}.{size}" for family in ("g4dn", "g5") for size in ("xlarge", "2xlarge")),
    *("ml.m4.xlarge", "ml.c4.xlarge", "ml.p3.2xlarge"),
]


def machines(instance_type: str = "ml.m5.large", count: int = 1) -> list[dict[str, Any]]:
    return [{"InstanceType": instance_type, "InstanceCount": count}]


def created(kind: str, name: str, step: str, at: float, **more: Any) -> dict[str, Any]:
    return {
        "event": "created",
        "kind": kind,
        "name": name,
        "step": step,
        "at": at,
        "config": "",
        "instances": [],
        **more,
    }


def described(kind: str, name: str, **description: str) -> dict[str, Any]:
    return {"event": "evidence", "kind": kind, "title": name, "at": 90, "content": {"description": description}}


def at(seconds: int) -> str:
    return f"2026-01-01 00:{seconds // 60:02}:{seconds % 60:02}+00:00"


RUN = [
    {"event": "step", "name": "Train", "at": 0},
    created("TrainingJob", "t", "Train", 0, instances=machines(count=2)),
    {"event": "step", "name": "Deploy", "at": 40},
    created("EndpointConfig", "c", "Deploy", 40, instances=machines("ml.m5.xlarge"), config="c"),
    created("Endpoint", "e", "Deploy", 40, config="c"),
    created("ProcessingJob", "p", "Deploy", 41, instances=machines()),
    {"event": "step", "name": "Watch", "at": 60},
    created("DataQualityJobDefinition", "d", "Watch", 60, instances=machines()),
    created("MonitoringSchedule", "s", "Watch", 60, config="d"),
    described("TrainingJob", "t", TrainingStartTime=at(0), TrainingEndTime=at(30)),
    described("ProcessingJob", "p", ProcessingStartTime=at(41), ProcessingEndTime=at(51)),
    {"event": "evidence", "kind": "MonitoringExecutions", "title": "s", "at": 90, "content": {"executions": [
        {"CreationTime": at(60), "LastModifiedTime": at(65)}, {"CreationTime": at(70), "LastModifiedTime": at(77)}]}},
    {"event": "end", "passed": True, "at": 100},
]  # fmt: skip


def learned(folder: Path, events: list[dict[str, Any]]) -> RunPlan:
    place = folder / "run" / "it"
    place.mkdir(parents=True)
    (place / "events.jsonl").write_text("".join(json.dumps(event) + "\n" for event in events))
    return recorded_plan("it", folder / "run", None)


def test_every_step_costs_its_machines_time_and_what_aws_adds(tmp_path: Path) -> None:
    costs = DurationEstimate(TABLE).costs(learned(tmp_path, RUN))
    # An endpoint stands while AWS starts what is beside it, then what comes after it: 300, then twice 200.
    assert costs == [
        Cost("Train", "TrainingJob", "ml.m5.large", 2, 130, pytest.approx(2 * 0.36 * 130 / 3600)),
        Cost("Deploy", "Endpoint", "ml.m5.xlarge", 1, 60 + 300 + 400, pytest.approx(1.44 * 760 / 3600)),
        Cost("Deploy", "ProcessingJob", "ml.m5.large", 1, 60, pytest.approx(0.36 * 60 / 3600)),
        Cost("Watch", "MonitoringSchedule", "ml.m5.large", 1, 412, pytest.approx(0.36 * 412 / 3600)),
    ]
    assert total(costs) == pytest.approx(sum(cost.dollars or 0 for cost in costs))


def test_waiting_for_the_hour_is_paid_by_the_endpoint(tmp_path: Path) -> None:
    costs = DurationEstimate(TABLE, scheduled=True).costs(learned(tmp_path, RUN))
    assert [cost.seconds for cost in costs] == [130, 60 + 300 + 2 * 5400, 60, 412]


def test_the_times_of_a_run_on_aws_are_taken_as_they_are(tmp_path: Path) -> None:
    plan = learned(tmp_path, [*RUN, {"event": "step", "name": "Tear down on AWS", "at": 101}])
    assert [cost.seconds for cost in DurationEstimate(TABLE).costs(plan)] == [30, 61, 10, 12]


def test_our_table_is_complete_and_dated() -> None:
    ours = load_prices()
    assert date(2026, 1, 1) <= date.fromisoformat(ours.dated) <= date.today()  # noqa: DTZ011
    assert ours.region == "us-east-1"
    assert ours.source
    for instance_type in KNOWN:
        for use in (TRAINING, PROCESSING, HOSTING, TRANSFORM):
            assert 0 < (ours.hourly(instance_type, use) or 0) < 10, (instance_type, use)
    assert ours.hourly("ml.t2.medium", HOSTING) == 0.056
    assert ours.hourly("ml.t2.medium", TRAINING) is None
    assert ours.confidence == {
        "ml.t2.medium": "medium", "ml.m4.xlarge": "low", "ml.c4.xlarge": "low", "ml.g5.2xlarge": "medium"
    }  # fmt: skip
    assert {"TrainingJob", "ProcessingJob", "TransformJob", "Endpoint", "MonitoringSchedule"} == set(ours.startup)
    assert ours.remarks["free_tier"]
    assert ours.remarks["not_counted"]


def test_prices_of_ones_own_go_before_refreshed_ones_and_those_before_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / "cache"))
    assert prices_for("us-east-1").dated == "2026-09-01"
    refreshed = refreshed_file("us-east-1")
    refreshed.parent.mkdir(parents=True)
    refreshed.write_text('dated = "2026-10-01"\n[hourly]\n"ml.m5.large" = 1\n"ml.m5.xlarge" = 2\n')
    own = tmp_path / "mine.toml"
    own.write_text('dated = "2026-11-01"\n[hourly]\n"ml.m5.large" = { hosting = 9 }\n"ml.new.large" = 8\n')
    table = prices_for("us-east-1", own)
    assert table.hourly("ml.m5.large", HOSTING) == 9
    assert table.hourly("ml.m5.large", TRAINING) is None
    assert table.hourly("ml.new.large", TRAINING) == 8
    assert table.hourly("ml.m5.xlarge", TRAINING) == 2
    assert table.hourly("ml.c5.large", TRAINING) == 0.102
    assert table.dated == "2026-11-01, completed from 2026-10-01, completed from 2026-09-01"
    assert table.startup == load_prices().startup
    assert prices_for("eu-west-1").hourly("ml.m5.xlarge", TRAINING) == 0.23


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", 'dated must be a day such as "2026-01-31", not None'),
        ('dated = "soon"\n', "dated must be a day such as \"2026-01-31\", not 'soon'"),
        ("dated = 2026-01-01\ncolour = 1\n", "unknown key 'colour'"),
        ("dated = 2026-01-01\nhourly = 1\n", "hourly must be a table"),
        ('dated = 2026-01-01\n[hourly]\n"ml.x" = "dear"\n', "ml.x: 'dear' is not a number"),
        ('dated = 2026-01-01\n[hourly]\n"ml.x" = { renting = 1 }\n', "a table by use: every, training"),
        (
            'dated = 2026-01-01\n[hourly]\n"ml.x" = { every = 1, confidence = "sure" }\n',
            "confidence 'sure' is none of high",
        ),
        ("dated = \n", "is not a price table"),
    ],
)
def test_a_table_that_makes_no_sense_is_named(tmp_path: Path, text: str, told: str) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(text)
    with pytest.raises(StateError, match=r"mine\.toml is not a price table") as raised:
        load_prices(file)
    assert told in str(raised.value)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    project = Project(tmp_path)
    project.environment["HARNESS_CACHE"] = str(tmp_path / "cache")
    project.scenario("it", "session.client('s3').list_buckets()\n", head=HEAD)
    learned(tmp_path / "made", RUN)
    reports = project.state / "reports"
    reports.mkdir(parents=True)
    (tmp_path / "made" / "run").rename(reports / "20260101-000000")
    return project


def test_the_command_tells_steps_dollars_and_where_the_prices_are_from(project: Project) -> None:
    done = project.run("estimate", "it")
    assert done.returncode == 0, done.stderr
    assert "it: $0.10, by the durations of" in done.stdout
    assert "MonitoringSchedule  1 x ml.m5.large          612 s  $0.0196" in done.stdout
    assert "prices of 2026-09-01: " in done.stdout
    assert "free tier, not subtracted: " in done.stdout
    document = json.loads(project.run("estimate", "it", "--json").stdout)
    assert document["total"] == pytest.approx(sum(row["dollars"] for row in document["scenarios"][0]["rows"]))
    assert document["prices_of"] == "2026-09-01"


def test_the_profile_says_the_machines_and_the_prices(project: Project) -> None:
    (project.folder / "mine.toml").write_text('dated = "2026-10-01"\n[hourly]\n"ml.huge.metal" = 3600\n')
    (project.folder / "harness.toml").write_text(
        PROFILE + 'prices = "mine.toml"\ninstance_types = { TrainingJob = "ml.huge.metal" }\n'
    )
    document = json.loads(project.run("estimate", "it", "--json").stdout)
    first = document["scenarios"][0]["rows"][0]
    assert (first["instance_type"], first["dollars"]) == ("ml.huge.metal", pytest.approx(2 * (120 + 30)))


def test_a_machine_that_no_table_knows_is_named_with_the_remedy(project: Project) -> None:
    table = 'instance_types = "ml.huge.metal"\n'
    (project.folder / "harness.toml").write_text(PROFILE + table)
    done = project.run("estimate", "it")
    assert done.returncode == 3
    assert "has no price for ml.huge.metal" in done.stderr
    assert "`harness estimate --refresh`" in done.stderr
    assert '[hourly] "ml.huge.metal" = dollars' in done.stderr


def test_what_never_ran_cannot_be_estimated(tmp_path: Path) -> None:
    project = Project(tmp_path)
    project.scenario("it", "session.client('s3').list_buckets()\n", head=HEAD)
    done = project.run("estimate")
    assert (done.returncode, "run it once with `harness run it`" in done.stderr) == (3, True)


def test_prices_are_refreshed_by_the_price_api(aws_project: AwsProject, tmp_path: Path) -> None:
    aws_project.environment["HARNESS_CACHE"] = str(tmp_path / "cache")
    aws_project.scenario("it", "session.client('s3').list_buckets()\n", head=HEAD)
    learned(tmp_path / "made", RUN)
    (aws_project.state / "reports").mkdir(parents=True)
    (tmp_path / "made" / "run").rename(aws_project.state / "reports" / "20260101-000000")
    done = aws_project.play("estimate", "it", "--refresh")
    assert done.returncode == 0, done.stderr
    assert "the AWS price API, us-east-1" in done.stdout
    kept = load_prices(tmp_path / "cache" / "prices" / "us-east-1.toml")
    assert set(kept.hourly_by_use) == {"ml.m5.large", "ml.m5.xlarge"}
    assert kept.hourly_by_use["ml.m5.large"] == dict.fromkeys((TRAINING, PROCESSING, HOSTING, TRANSFORM), 0.115)


def test_a_local_run_says_what_it_would_have_cost(aws_project: AwsProject) -> None:
    body = "bucket(session)\nwith session.step('Deploy'):\n    endpoint(session, 'ml.m5.xlarge')\n"
    aws_project.scenario("it", body, head=HEAD)
    done = aws_project.play("run", "it")
    assert done.returncode == 0, done.stdout
    (file,) = (aws_project.state / "reports").glob("*/report.json")
    evidence = json.loads(file.read_text())["scenarios"][0]["evidence"]
    (cost,) = [each for each in evidence if each["kind"] == "cost"]
    assert cost["title"] == "What it would have cost on AWS"
    (row,) = cost["content"]["rows"]
    assert (row["step"], row["instance_type"], row["kind"]) == ("Deploy", "ml.m5.xlarge", "Endpoint")
    assert 360 < row["seconds"] < 420
    assert row["dollars"] == pytest.approx(0.23 * row["seconds"] / 3600) == cost["content"]["total"]
    assert cost["content"]["prices_of"] == "2026-09-01"
