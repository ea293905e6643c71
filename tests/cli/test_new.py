"""``harness new``: what it writes passes as it is, on made-up data and on a user's own table; what it refuses."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from tests.projects import Project


def table(folder: Path, rows: int = 200, header: str = "spend,city,visits,note,class") -> Path:
    """Numbers, a text of few values with gaps, a text of many, and a class that hangs on them."""
    file = folder / "mine.csv"
    with file.open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(header.split(","))
        for row in range(rows):
            spend = (row * 7919) % 100 / 10
            city = ("Oslo", "Rome", "Bonn", "")[row % 4]
            writer.writerow(
                [spend, city, row % 5, f"note {row}", "high" if spend > 7 else "mid" if spend > 3 else "low"]
            )
    return file


def test_a_new_scenario_passes_at_once(project: Project) -> None:
    """In an empty folder; `validate` finds nothing to say against it either."""
    told = project.run("new", "late_parcels")
    assert told.returncode == 0, told.stderr
    assert told.stdout.splitlines() == [
        "wrote scenarios/late_parcels.py",
        "wrote fixtures/late_parcels/README.md",
        "wrote fixtures/late_parcels/make.py",
        "Now: harness run late_parcels",
    ]
    checked = project.run("validate")
    assert (checked.returncode, checked.stdout) == (0, "checked 1 scenario, 1 fixture: nothing is wrong\n")
    done = project.run("run", "late_parcels", "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    (scenario,) = json.loads(done.stdout)["scenarios"]
    told_of = [expectation["text"] for step in scenario["steps"] for expectation in step["expectations"]]
    for text in (
        "train:logloss is falling",
        "equal offline predictions (120 numbers)",
        "25 rows drawn from the schema",
    ):
        assert [line for line in told_of if text in line], told_of


def test_and_one_on_a_table_of_ones_own(project: Project, tmp_path: Path) -> None:
    told = project.run("new", "classes", "--data", str(table(tmp_path)))
    assert told.returncode == 0, told.stderr
    assert "class is what is predicted (multi:softmax)" in told.stdout
    assert "note is left out: text of more than 20 different values" in told.stdout
    schema = json.loads((project.folder / "fixtures/classes/schema.json").read_text())
    assert (schema["label"], schema["features"]) == ("class", ["spend", "city", "visits"])
    assert schema["categories"] == {"city": ["Bonn", "Oslo", "Rome"], "class": ["high", "low", "mid"]}
    assert (project.folder / "fixtures/classes/table.csv").read_bytes() == (tmp_path / "mine.csv").read_bytes()
    done = project.run("run", "classes")
    assert done.returncode == 0, done.stdout + done.stderr
    checked = project.run("validate", "classes")
    assert checked.returncode == 1
    assert "fixtures/classes/README.md:10: leaves source and licence of the data open" in checked.stdout


def test_any_column_may_be_predicted(project: Project, tmp_path: Path) -> None:
    file = table(tmp_path)
    assert (
        "spend is what is predicted (reg:squarederror)"
        in project.run("new", "a", "--data", str(file), "--label", "spend").stdout
    )
    scenario = (project.folder / "scenarios/a.py").read_text()
    assert '"objective": "reg:squarederror"' in scenario
    assert 'METRIC = "rmse"' in scenario
    refused = project.run("new", "b", "--data", str(file), "--label", "price")
    assert (refused.returncode, "mine.csv has no column 'price'; it has spend, city" in refused.stderr) == (2, True)


def test_a_scenario_for_the_other_sdk(project: Project) -> None:
    assert project.run("new", "third", "--sdk", "v3").returncode == 0
    (listed,) = project.json("list")
    assert (listed["sdk"], listed["parity"]["claim"], listed["last_result"]) == ("v3", "same-as-aws", None)
    assert "from sagemaker.train import ModelTrainer" in (project.folder / "scenarios/third.py").read_text()
    assert project.run("validate").returncode == 0


def test_nothing_is_overwritten(project: Project) -> None:
    assert project.run("new", "mine").returncode == 0
    scenario = project.folder / "scenarios" / "mine.py"
    scenario.write_text("mine")
    for _ in range(2):
        again = project.run("new", "mine")
        assert again.returncode == 2
        assert "is not overwritten: choose another name, or move it away" in again.stderr
        if scenario.exists():
            assert scenario.read_text() == "mine"
            scenario.unlink()
    assert not scenario.exists()


@pytest.mark.parametrize(
    ("name", "remedy"),
    [
        ("My Scenario!", "try my_scenario"),
        ("class", "try my_scenario"),
        ("2nd", "try my_scenario"),
        ("test_it", "choose another name"),
        ("_shared", "choose another name"),
        ("conftest", "choose another name"),
        ("a" * 41, "with more than 40"),
        ("../up", "try up"),
    ],
)
def test_bad_names_have_a_remedy(project: Project, name: str, remedy: str) -> None:
    refused = project.run("new", "--", name)
    assert refused.returncode == 2
    assert remedy in " ".join(refused.stderr.split())
    assert not (project.folder / "scenarios").exists()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "no rows below a header"),
        ("a,b\n", "no rows below a header"),
        ("a;b\n1;2\n", "columns must be separated by commas"),
        ("a\n1\n", "it has one"),
        ("a,a\n1,2\n", "each column needs a name of its own"),
        ("1,2\n3,4\n", "has no header"),
        ("a,b\n1,2\n1\n", "mine.csv:3 has 1 cells, the header has 2"),
        ("a,b\n" + "1,2\n" * 5, "has 5 rows with a a; 20 are needed"),
        ("a,b\n" + "1,2\n" * 30, "a is always '1'; choose another column with --label"),
        ("y,b\n" + "".join(f"text {n},2\n" for n in range(30)), "y is text of 30 different values"),
        ("y,b\n" + "".join(f"{n % 2},text {n}\n" for n in range(30)), "has no column to predict y from"),
    ],
)
def test_tables_that_make_no_scenario(project: Project, tmp_path: Path, text: str, told: str) -> None:
    file = tmp_path / "mine.csv"
    file.write_text(text)
    refused = project.run("new", "mine", "--data", str(file))
    assert refused.returncode == 2
    assert told in " ".join(refused.stderr.split())
    assert not (project.folder / "scenarios").exists()


def test_a_table_too_large_for_a_project(project: Project, tmp_path: Path) -> None:
    file = tmp_path / "mine.csv"
    file.write_text("a,b\n" + "1.23456789,2.3456789\n" * 300_000)
    refused = project.run("new", "mine", "--data", str(file))
    assert refused.returncode == 2
    assert "has 6.3 MB" in refused.stderr
    assert "have make.py make the table" in " ".join(refused.stderr.split())


def test_a_file_that_is_no_text(project: Project, tmp_path: Path) -> None:
    file = tmp_path / "mine.csv"
    file.write_bytes(b"a,b\n\xff\xfe,2\n")
    refused = project.run("new", "mine", "--data", str(file))
    assert (refused.returncode, "a CSV file in UTF-8 with a header is needed" in refused.stderr) == (2, True)


def test_a_label_needs_a_table(project: Project) -> None:
    refused = project.run("new", "mine", "--label", "a")
    assert (refused.returncode, "give that with --data FILE.csv" in refused.stderr) == (2, True)
