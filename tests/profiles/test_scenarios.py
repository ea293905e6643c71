"""Scenario files: found, described and refused without being run."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.kernel.errors import StateError
from harness.profiles.scenarios import UnknownScenario, choose, discover, read

GOOD = 'raise SystemExit("never run")\nTITLE = "A title"\nSDK = "v2"\nTAGS = ("smoke",)\ndef run(session): ...\n'


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "scenarios"
    folder.mkdir()
    (folder / "one.py").write_text(GOOD)
    (folder / "two.py").write_text('SDK = "v3"\nNEEDS = ("docker",)\ndef run(session): ...\n')
    for private in ("_parts.py", "conftest.py", "test_own.py"):
        (folder / private).write_text("")
    return tmp_path


def test_scenarios_are_described_by_their_constants(root: Path) -> None:
    one, two = discover(root)
    assert (one.name, one.title, one.sdk, one.tags) == ("one", "A title", "v2", ("smoke",))
    assert (two.title, two.sdk, two.tags) == ("two", "v3", ())
    assert (one.needs, two.needs) == ((), ("docker",))


def test_chosen_by_name_tag_file_or_all(root: Path) -> None:
    assert [scenario.name for scenario in choose(root, ())] == ["one", "two"]
    assert [scenario.name for scenario in choose(root, ("two", "two"))] == ["two"]
    assert [scenario.name for scenario in choose(root, ("tag:smoke",))] == ["one"]
    other = root / "mine.py"
    other.write_text(GOOD)
    assert choose(root, (str(other),))[0].file == other


@pytest.mark.parametrize("word", ["three", "tag:none", "none.py"])
def test_an_unknown_one_is_answered_with_the_known_ones(root: Path, word: str) -> None:
    with pytest.raises(UnknownScenario, match=rf"no scenario '{word}'; known: one, two"):
        choose(root, (word,))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("def run(session): ...\n", r"must state its SDK generation: SDK = 'v2' or 'v3', not None"),
        ('SDK = "v4"\ndef run(session): ...\n', "not 'v4'"),
        ('SDK = "v2"\n', r"has no function run\(session\)"),
        ("def :", "is not valid Python"),
    ],
)
def test_a_file_that_is_no_scenario_is_refused(tmp_path: Path, text: str, told: str) -> None:
    file = tmp_path / "bad.py"
    file.write_text(text)
    with pytest.raises(StateError, match=told):
        read(file)


def test_two_parity_claims_are_refused_before_anything_runs(root: Path) -> None:
    file = root / "scenarios" / "twice.py"
    file.write_text(
        'SDK = "v2"\nTAGS = ("quick")\nPARITY = "same-as-aws"\nPARITY = "local-only: it"\ndef run(session): ...\n'
    )
    assert next(scenario for scenario in discover(root) if scenario.name == "twice").tags == ("quick",)
    with pytest.raises(
        StateError, match=r"twice.py makes 2 parity claims \('same-as-aws', 'local-only: it'\); keep one"
    ):
        choose(root, ("twice",))


def test_a_project_without_scenarios_is_told_so(tmp_path: Path) -> None:
    with pytest.raises(StateError, match="no scenarios in"):
        choose(tmp_path, ())


def test_the_projects_own_scenarios_are_readable() -> None:
    scenarios = {scenario.name: scenario.sdk for scenario in discover(Path(__file__).parents[2])}
    v2 = dict.fromkeys(
        ("credit_default", "faults", "pipeline", "registry", "script_mode", "tuning", "two_instances"), "v2"
    )
    assert scenarios == {**v2, "smoke": "v3"}
