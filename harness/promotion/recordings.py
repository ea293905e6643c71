"""Recordings: the normalised results of scenario runs on AWS, stored in ``scenarios/recordings``.

Only runs write recordings. A digest reveals accidental edits; it does not protect against forgery.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from harness.kernel.errors import GuardRefused, StateError
from harness.report.facts import FORMAT, Facts

FOLDER, LAST_PASSED = "recordings", "last_passed.json"
_ABOUT = (
    "What this scenario found on AWS, without accounts, names and times. Made by `harness run NAME --profile aws "
    "--record`, never by hand: an edited file is refused."
)


@dataclass(frozen=True)
class Provenance:
    """Origin of a recording. ``events`` is the digest of the run's events, ``source`` that of the scenario's file."""

    at: str
    profile: str
    region: str
    harness: str
    sdk: str
    libraries: Mapping[str, str]
    events: str
    source: str


@dataclass(frozen=True)
class Recording:
    """Results of one run on AWS, with the ``tolerances`` and ``known_differences`` that the scenario then stated."""

    scenario: str
    provenance: Provenance
    facts: Facts
    tolerances: Mapping[str, float] = field(default_factory=dict)
    known_differences: Mapping[str, Any] = field(default_factory=dict)

    @property
    def day(self) -> str:
        return self.provenance.at[:10]


def recording_file(scenario: Path) -> Path:
    """Return the path of a scenario's recording; ``scenario`` is the scenario's source file."""
    return scenario.parent / FOLDER / f"{scenario.stem}.json"


def digest_of(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def write_recording(recording: Recording, file: Path, secrets: tuple[str, ...]) -> None:
    """Write a recording. Raise ``GuardRefused`` if it contains one of ``secrets``, so that none is ever committed."""
    document = {"about": _ABOUT, "format": FORMAT, **asdict(recording)}
    text = json.dumps({**document, "digest": _digest(document)}, indent=1, ensure_ascii=False) + "\n"
    if leaked := [secret for secret in secrets if secret and secret in text]:
        where = next((fact for fact, value in recording.facts.items() if leaked[0] in f"{fact} {value}"), "its head")
        raise GuardRefused(f"the recording of {recording.scenario} was not written: {leaked[0]!r} is left in {where!r}")
    file.parent.mkdir(parents=True, exist_ok=True)
    _replace(file, text)


def read_recording(scenario: Path) -> Recording | None:
    """Return the recording of a scenario, or None if there is none.

    Raise ``GuardRefused`` if it was edited, and ``StateError`` if a release with another format wrote it.
    """
    file = recording_file(scenario)
    if not file.exists():
        return None
    remedy = f"restore it, or record it again: harness run {scenario.stem} --profile aws --record"
    try:
        document = json.loads(file.read_text(encoding="utf-8"))
        genuine = document.pop("digest") == _digest(document)
        form = document["format"]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise GuardRefused(f"{file} is no recording ({type(error).__name__}: {error})", remedy) from error
    if not genuine:
        raise GuardRefused(f"{file} was edited after it was recorded", f"only AWS makes recordings: {remedy}")
    if form != FORMAT:
        by = document.get("provenance", {}).get("harness", "?")
        raise StateError(
            f"{file} has format {form}, made by harness {by}, and this one reads {FORMAT}",
            f"record it again: harness run {scenario.stem} --profile aws --record",
        )
    if document["scenario"] != scenario.stem:
        raise GuardRefused(f"{file} is the recording of scenario {document['scenario']!r}", remedy)
    return Recording(
        scenario=document["scenario"],
        provenance=Provenance(**document["provenance"]),
        facts=document["facts"],
        tolerances=document["tolerances"],
        known_differences=document["known_differences"],
    )


def record_pass(scenario: Path, at: str, region: str) -> None:
    """Store the day of a passed run beside the recordings; do nothing if the project has no recordings."""
    file = scenario.parent / FOLDER / LAST_PASSED
    if file.parent.is_dir():
        days = {**last_passed(scenario.parent), scenario.stem: {"at": at, "region": region}}
        _replace(file, json.dumps(dict(sorted(days.items())), indent=1) + "\n")


def last_passed(scenarios: Path) -> dict[str, dict[str, str]]:
    """Return time and region of the last passed run by scenario. An unreadable file counts as empty."""
    with contextlib.suppress(OSError, ValueError):
        document = json.loads((scenarios / FOLDER / LAST_PASSED).read_text(encoding="utf-8"))
        return document if isinstance(document, dict) else {}
    return {}


def _digest(document: Mapping[str, Any]) -> str:
    canonical = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return "sha256:" + hashlib.sha256(canonical.encode()).hexdigest()


def _replace(file: Path, text: str) -> None:
    fresh = file.with_name(f".{file.name}.new")
    fresh.write_text(text, encoding="utf-8")
    fresh.replace(file)
