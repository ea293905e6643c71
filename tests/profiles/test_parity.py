from __future__ import annotations

from pathlib import Path

import pytest

from harness.kernel.errors import StateError
from harness.profiles.parity import Parity, claims_of, parity_problem, parse


@pytest.mark.parametrize(
    ("text", "parity"),
    [
        ("same-as-aws", Parity("same-as-aws")),
        ("differs: no GPU here", Parity("differs", "no GPU here")),
        ("local-only:it injects faults", Parity("local-only", "it injects faults")),
    ],
)
def test_claims_are_one_of_three(text: str, parity: Parity) -> None:
    assert parse(text) == parity


@pytest.mark.parametrize("text", ["", "same", "differs", "differs:", "local-only: ", "same-as-aws: no", None, 3])
def test_anything_else_is_no_claim(text: object) -> None:
    with pytest.raises(ValueError, match='a parity claim is "same-as-aws"'):
        parse(text)


def test_claims_are_read_without_running_the_file(tmp_path: Path) -> None:
    file = tmp_path / "scenario.py"
    file.write_text(
        "import pytest, nothing\nPARITY: str = 'same-as-aws'\n"
        "pytestmark = [pytest.mark.parity('differs: y'), pytest.mark.slow]\nraise SystemExit\n"
        "@pytest.mark.parity('local-only: z')\ndef run(session): ...\ndef helper():\n    PARITY = 'inner'\n"
    )
    assert claims_of(file) == ["same-as-aws", "differs: y", "local-only: z"]
    assert parity_problem(file).startswith("scenario.py makes 3 parity claims ('same-as-aws', 'differs: y', ")


def test_problems_name_the_file_and_the_remedy(tmp_path: Path) -> None:
    file = tmp_path / "scenario.py"
    file.write_text("def run(session): ...\n")
    assert parity_problem(file).startswith('scenario.py makes no parity claim; state one: PARITY = "same-as-aws"')
    file.write_text("PARITY = str(3)\n")
    assert parity_problem(file).startswith("scenario.py: a parity claim is")
    file.write_text("PARITY = 'same-as-aws'\n")
    assert parity_problem(file) == ""
    file.write_text("PARITY = \n")
    with pytest.raises(StateError, match=r"scenario.py is not valid Python"):
        claims_of(file)


def test_our_own_scenarios_claim() -> None:
    found = sorted((Path(__file__).resolve().parents[2] / "scenarios").glob("[!_]*.py"))
    assert found
    assert [parity_problem(file) for file in found] == [""] * len(found)
