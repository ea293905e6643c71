"""A page of 100 jobs of 100,000 against one of 1,000, as a client sees it: lists are read by index."""

from __future__ import annotations

import sqlite3
import statistics
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from harness.kernel.records import Key, Record
from harness.stores.sqlite import SqliteRecords
from tests.benchmarks.machine import ROLE, XGBOOST, emulator, resident_mb
from tests.benchmarks.table import Figure

FEW, MANY = 1_000, 100_000
TIMES = 15
QUESTIONS: Mapping[str, dict[str, Any]] = {
    "newest first": {},
    "by name": {"SortBy": "Name"},
    "failed ones": {"StatusEquals": "Failed"},
    "by part of a name that many have": {"NameContains": "job-"},
    "those of a time": {"CreationTimeAfter": 1_000_000_500.0},
}


def measure() -> list[Figure]:
    few, _ = _pages(FEW)
    many, growth = _pages(MANY)
    figures = [
        Figure(f"page of 100 of {MANY}, {name}, over {FEW}", many[name] / few[name], "times", 5, note=_note(many[name]))
        for name in QUESTIONS
    ]
    return [*figures, Figure("memory for 50 pages of 100 in a row", growth, "MB", 30)]


def _note(seconds: float) -> str:
    return f"{seconds * 1000:.1f} ms"


def _pages(size: int) -> tuple[dict[str, float], float]:
    """Return the median seconds of each question's first page, and what 50 pages added to the emulator's memory."""
    with emulator(lambda state: _fill(state, size)) as machine:
        client = machine.client("sagemaker")
        client.list_training_jobs(MaxResults=1)
        taken = {name: _median(client, question) for name, question in QUESTIONS.items()}
        before = resident_mb(machine.pid)
        pages = client.get_paginator("list_training_jobs").paginate(
            PaginationConfig={"PageSize": 100, "MaxItems": 5000}
        )
        for _ in pages:
            pass
        return taken, resident_mb(machine.pid) - before


def _median(client: Any, question: dict[str, Any]) -> float:
    taken = []
    for _ in range(TIMES):
        begin = time.perf_counter()
        client.list_training_jobs(MaxResults=100, **question)
        taken.append(time.perf_counter() - begin)
    return statistics.median(taken)


def _fill(state: Path, size: int) -> None:
    state.mkdir()
    records = SqliteRecords(state / "records.sqlite")
    for number in range(FEW):
        records.add(_job(number))
    records.close()
    connection = sqlite3.connect(state / "records.sqlite")
    columns = "kind, account, region, name, arn, spec, status, inner, created, modified, version, state, scheduled"
    others = columns.replace("name", "name || '-' || ?").replace("created", "created + ?")
    for copy in range(1, size // FEW):
        connection.execute(
            f"insert into records ({columns}) select {others} from records limit {FEW}", (copy, copy * FEW)
        )
    connection.commit()
    connection.close()


def _job(number: int) -> Record:
    name = f"job-{number:06}"
    key = Key("training-job", "123456789012", "us-east-1", name)
    moment = 1_000_000_000.0 + number
    spec = {
        "TrainingJobName": name,
        "RoleArn": ROLE,
        "AlgorithmSpecification": {"TrainingImage": XGBOOST, "TrainingInputMode": "File"},
        "HyperParameters": {f"parameter_{index}": "1" for index in range(10)},
    }
    status = {"TrainingJobStatus": "Completed" if number % 10 else "Failed"}
    arn = f"arn:aws:sagemaker:us-east-1:123456789012:training-job/{name}"
    return Record(key, arn, spec, status, created=moment, modified=moment)
