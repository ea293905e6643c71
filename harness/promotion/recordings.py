"""Recordings: what scenarios found on AWS, scrubbed, in ``scenarios/recordings``; made by runs, never edited.

The digest finds edits, not forgers: whoever can compute it can write one.
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
    """Where and with what it was found. ``events`` and ``source`` are digests: of what the run told, of its file."""

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
    """``tolerances`` and ``known_differences`` are those that the scenario stated when it was recorded."""

    scenario: str
    provenance: Provenance
    facts: Facts
    tolerances: Mapping[str, float] = field(default_factory=dict)
    known_differences: Mapping[str, Any] = field(default_factory=dict)

    @property
    def day(self) -> str:
        return self.provenance.at[:10]


def recording_file(scenario: Path) -> Path:
    """Beside the scenario's own file."""
    return scenario.parent / FOLDER / f"{scenario.stem}.json"


def digest_of(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def write_recording(recording: Recording, file: Path, secrets: tuple[str, ...]) -> None:
    """``secrets`` must not be in it: scrubbing that missed one must not end in somebody's repository."""
    document = {"about": _ABOUT, "format": FORMAT, **asdict(recording)}
    text = json.dumps({**document, "digest": _digest(document)}, indent=1, ensure_ascii=False) + "\n"
    if found := [secret for secret in secrets if secret and secret in text]:
        where = next((fact for fact, value in recording.facts.items() if found[0] in f"{fact} {value}"), "its head")
        raise GuardRefused(f"the recording of {recording.scenario} was not written: {found[0]!r} is left in {where!r}")
    file.parent.mkdir(parents=True, exist_ok=True)
    _replace(file, text)


def read_recording(scenario: Path) -> Recording | None:
    """None when there is none. ``GuardRefused`` for an edited one, ``StateError`` for one this release cannot read."""
    file = recording_file(scenario)
    if not file.exists():
        return None
    remedy = f"restore it, or record it again: harness run {scenario.stem} --profile aws --record"
    try:
        document = json.loads(file.read_text(encoding="utf-8"))
        told = document.pop("digest")
        genuine = told == _digest(document)
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


def passed_on_aws(scenario: Path, at: str, region: str) -> None:
    """Notes the day beside the recordings; a project without any keeps none."""
    file = scenario.parent / FOLDER / LAST_PASSED
    if file.parent.is_dir():
        days = {**last_passed(scenario.parent), scenario.stem: {"at": at, "region": region}}
        _replace(file, json.dumps(dict(sorted(days.items())), indent=1) + "\n")


def last_passed(scenarios: Path) -> dict[str, dict[str, str]]:
    """By scenario; for information only, so a file that cannot be read says nothing."""
    with contextlib.suppress(OSError, ValueError):
        found = json.loads((scenarios / FOLDER / LAST_PASSED).read_text(encoding="utf-8"))
        return found if isinstance(found, dict) else {}
    return {}


def _digest(document: Mapping[str, Any]) -> str:
    canonical = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return "sha256:" + hashlib.sha256(canonical.encode()).hexdigest()


def _replace(file: Path, text: str) -> None:
    fresh = file.with_name(f".{file.name}.new")
    fresh.write_text(text, encoding="utf-8")
    fresh.replace(file)
