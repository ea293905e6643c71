"""What AWS found is recorded beside the scenario, and later runs here are compared with it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from harness.kernel.errors import GuardRefused, StateError
from harness.profiles.comparison_rules import concessions_of
from harness.promotion.recordings import (
    Provenance,
    Recording,
    digest_of,
    last_passed,
    read_recording,
    record_pass,
    recording_file,
    write_recording,
)
from tests.promotion.conftest import ACCOUNT, HEAD, PromotedProject

AWS = ("run", "it", "--profile", "aws", "--yes", "--record")
# A model in S3, its description as an answer of the API, and a number which differs when a file says so.
STORY = """
from harness.asserts import Expectations
bucket(session)
with session.step('Make a model'):
    name = model(session)
    described = session.client('sagemaker').describe_model(ModelName=name)
    session.show('answer', 'The model', arn=described['ModelArn'], image=described['PrimaryContainer']['Image'])
    url = described['PrimaryContainer']['ModelDataUrl']
    Expectations(session).archive(url, ['xgboost-model'])
score = float((session.fixtures / 'score').read_text())
session.show('score', 'Score', value=score, words=f'{score:.9f} of {session.run_id} in {session.bucket}')
"""


@pytest.fixture
def scored(project: PromotedProject) -> Iterator[PromotedProject]:
    """A project with a scenario; runs on the local profile have an emulator of their own."""
    (project.folder / "fixtures").mkdir()
    score(project, 0.75)
    project.story("it", STORY.strip())
    yield project
    project.stop()


def score(project: PromotedProject, value: float) -> None:
    (project.folder / "fixtures" / "score").write_text(str(value))


def state(project: PromotedProject, text: str) -> None:
    """Adds constants to the scenario."""
    file = project.folder / "scenarios" / "it.py"
    file.write_text(file.read_text() + text)


def at_home(project: PromotedProject, *arguments: str) -> Any:
    """Runs here, where none of the user's AWS variables lead anywhere."""
    aws = {name: project.environment.pop(name) for name in list(project.environment) if name.startswith("AWS_")}
    try:
        return project.run(*arguments)
    finally:
        project.environment |= aws


def latest_report(project: PromotedProject) -> Any:
    return json.loads(max((project.state / "reports").glob("*/report.json")).read_text())


def at_home_json(project: PromotedProject, *arguments: str) -> Any:
    return json.loads(at_home(project, *arguments, "--json").stdout)


def test_what_aws_found_is_found_here_as_well(scored: PromotedProject) -> None:
    done = scored.run(*AWS)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "it: recorded" in done.stdout
    file = scored.folder / "scenarios" / "recordings" / "it.json"
    text = file.read_text()
    recording = json.loads(text)
    assert ACCOUNT not in text
    assert (recording["provenance"]["region"], recording["provenance"]["profile"]) == ("us-east-1", "aws")
    assert recording["provenance"]["libraries"]["sagemaker"].startswith("2.")
    assert recording["facts"]["Score/words"] == "0.750000000 of <run 1> in <bucket 1>"
    (held,) = [fact for fact in recording["facts"] if fact.startswith("artifacts/") and fact.endswith("/kind")]
    assert held.endswith("model.tar.gz/xgboost-model/kind")
    assert not any("Tear down" in fact or "Billed" in fact for fact in recording["facts"])
    (listed,) = at_home_json(scored, "list")
    assert listed["last_passed_on_aws"]["region"] == "us-east-1"

    here = at_home(scored, "run", "it", "--compare")
    assert here.returncode == 0, here.stdout + here.stderr
    assert "it: same (" in here.stdout
    told = next(each for each in latest_report(scored)["scenarios"][0]["evidence"] if "AWS" in each["title"])
    assert told["title"] == "Compared with AWS: same"
    assert at_home(scored, "compare", "it").returncode == 0

    score(scored, 0.76)
    here = at_home(scored, "run", "it", "--compare")
    assert here.returncode == 1, here.stdout
    assert "≠ Score/value" in here.stdout
    assert "(+0.01)" in here.stdout
    told = at_home(scored, "compare", "it", "--json")
    assert (told.returncode, json.loads(told.stdout)["verdict"]) == (1, "different")
    state(scored, "\nTOLERANCES = {'Score/*': 0.1}\n")
    eased = at_home(scored, "compare", "it")
    assert eased.returncode == 0, eased.stdout
    assert "note: the scenario's file has changed" in eased.stdout


def test_what_cannot_be_recorded_costs_no_report(scored: PromotedProject) -> None:
    (scored.folder / "scenarios" / "recordings").write_text("in the way")
    done = scored.run(*AWS)
    assert (done.returncode, "it: not recorded: " in done.stdout) == (4, True), done.stdout + done.stderr
    assert latest_report(scored)["passed"]


def test_what_is_wrong_with_a_recording_is_told_before_anything_runs(scored: PromotedProject) -> None:
    file = scored.folder / "scenarios" / "recordings" / "it.json"
    file.parent.mkdir()
    file.write_text('{"facts": {}}')
    edited = at_home(scored, "run", "it", "--compare")
    assert (edited.returncode, "is no recording" in edited.stderr) == (4, True)
    state(scored, "\nTOLERANCES = {'a': -1}\n")
    told = at_home(scored, "validate", "--json")
    assert told.returncode != 0
    assert "is no recording" in told.stdout
    assert "must be a number from 0 on" in told.stdout
    wrong = scored.run(*AWS)
    assert (wrong.returncode, "must be a number from 0 on" in wrong.stderr) == (3, True)
    assert not (scored.state / "reports").exists()
    assert scored.objects() == []


def test_only_runs_on_aws_that_pass_are_recorded(scored: PromotedProject) -> None:
    refused = at_home(scored, "run", "it", "--record")
    assert refused.returncode == 4
    assert "recordings are made by runs on AWS only" in refused.stderr
    assert at_home(scored, "run", "it", "--compare").returncode == 3
    assert scored.run(*AWS, "--data", "scenarios/it.py").returncode == 2
    scored.story("it", "bucket(session)\nassert False\n")
    failed = scored.run(*AWS)
    assert failed.returncode == 1
    assert "it: not recorded, as it did not pass" in failed.stdout
    assert not (scored.folder / "scenarios" / "recordings").exists()


# -- without a run ------------------------------------------------------------------------------------------------

FACTS: dict[str, Any] = {
    "passed": True,
    "steps/Train": "passed",
    "TrainingJob 1/status": "Completed",
    "TrainingJob 1/metrics/auc": 0.75,
}


class Ran:
    """A project in which a scenario has a recording and a run."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.scenario = folder / "scenarios" / "it.py"
        self.scenario.parent.mkdir()
        self.scenario.write_text('SDK = "v2"\ndef run(session): ...\n')

    @property
    def recording(self) -> Path:
        return recording_file(self.scenario)

    def record(self, **more: Any) -> None:
        given = {"at": "2026-01-02T03:04:05Z", "profile": "aws", "region": "eu-west-1", "harness": "1", "sdk": "v2"}
        libraries = more.pop("libraries", {"xgboost": "3.0.5", "sagemaker": "2.250.0"})
        source = digest_of(self.scenario)
        provenance = Provenance(**given, libraries=libraries, events="e", source=source)
        write_recording(Recording("it", provenance, {**FACTS, **more}), self.recording, ())

    def ran(self, auc: float = 0.75, profile: str = "local", at: str = "20260103-000000") -> None:
        job = {
            "kind": "TrainingJob",
            "name": "n",
            "status": "Completed",
            "curves": {},
            "description": {"FinalMetricDataList": [{"MetricName": "auc", "Value": auc}]},
        }
        step = {"name": "Train", "state": "passed", "expectations": []}
        scenario = {
            "name": "it",
            "passed": True,
            "steps": [step],
            "resources": [job],
            "evidence": [],
            "libraries": {"xgboost": "3.0.5", "sagemaker": "2.257.1"},
        }
        folder = self.folder / ".harness" / "reports" / at
        folder.mkdir(parents=True)
        (folder / "report.json").write_text(json.dumps({"profile": profile, "scenarios": [scenario]}))


@pytest.fixture
def ran(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Ran:
    monkeypatch.chdir(tmp_path)
    found = Ran(tmp_path)
    found.ran()
    return found


Compare = Callable[..., tuple[int, str]]


@pytest.fixture
def compare(capsys: pytest.CaptureFixture[str]) -> Compare:
    from harness.cli import main

    def compared(*arguments: str) -> tuple[int, str]:
        with pytest.raises(SystemExit) as ended:
            main(["compare", *arguments])
        told = capsys.readouterr()
        assert isinstance(ended.value.code, int)
        return ended.value.code, told.out + told.err

    return compared


def test_the_latest_run_here_is_compared(ran: Ran, compare: Compare) -> None:
    ran.record()
    ran.ran(auc=0.7, at="20260102-000000")
    ran.ran(auc=0.1, profile="aws", at="20260109-000000")
    for asked in ("it",), (), ("20260103-000000",):
        code, text = compare(*asked)
        first, run = text.splitlines()
        assert (code, first) == (0, "it: same (4 facts agree)"), asked
        assert run.startswith("run: ")
        assert run.endswith("20260103-000000")
    code, told = compare("20260102-000000", "--json")
    (scenario,) = json.loads(told)["scenarios"]
    assert (code, scenario["recording"]) == (1, "2026-01-02T03:04:05Z")
    assert scenario["different"] == [
        {"fact": "TrainingJob 1/metrics/auc", "left": 0.75, "right": 0.7, "distance": pytest.approx(-0.05)}
    ]


@pytest.mark.parametrize(
    "edit",
    [
        lambda document: document["facts"].update({"TrainingJob 1/metrics/auc": 0.8}),
        lambda document: document["provenance"].update(at="2026-02-02T00:00:00Z"),
        lambda document: document["known_differences"].update({"*": "because"}),
        lambda document: document.pop("digest"),
        lambda document: document.pop("format"),
    ],
)
def test_an_edited_recording_is_refused(ran: Ran, compare: Compare, edit: Callable[[Any], Any]) -> None:
    ran.record()
    document = json.loads(ran.recording.read_text())
    edit(document)
    ran.recording.write_text(json.dumps(document))
    code, told = compare("it")
    assert code == 4
    assert "it.json" in told
    assert "record it again: harness run it --profile aws --record" in told or "made by AWS only" in told


def test_a_file_that_was_only_laid_out_anew_is_the_same_recording(ran: Ran) -> None:
    ran.record()
    before = read_recording(ran.scenario)
    document = json.loads(ran.recording.read_text())
    ran.recording.write_text(json.dumps(document, sort_keys=True, indent=4))
    assert read_recording(ran.scenario) == before


def test_what_is_no_recording_or_of_another_format_is_told_apart(ran: Ran, monkeypatch: pytest.MonkeyPatch) -> None:
    assert read_recording(ran.scenario) is None
    monkeypatch.setattr("harness.promotion.recordings.FORMAT", 99)
    ran.record()
    monkeypatch.undo()
    with pytest.raises(StateError, match=r"format 99.*record it again"):
        read_recording(ran.scenario)
    ran.recording.write_text("{")
    with pytest.raises(GuardRefused, match="is no recording"):
        read_recording(ran.scenario)
    ran.record()
    other = ran.scenario.with_name("other.py")
    ran.recording.rename(recording_file(other))
    with pytest.raises(GuardRefused, match="is the recording of scenario 'it'"):
        read_recording(other)


def test_a_recording_of_another_release_compares_what_it_can(ran: Ran, compare: Compare) -> None:
    ran.record(libraries={"xgboost": "1.7.6", "sagemaker": "2.1"})
    code, told = compare("it")
    assert code == 3
    assert "it: not comparable (3 facts agree, 1 not comparable)" in told
    assert "the recording was made with xgboost 1.7.6, this run with 3.0.5" in told
    code, told = compare("it", "--anyway")
    assert (code, "it: same (4 facts agree)" in told, "xgboost 1.7.6" in told) == (0, True, True)
    ran.record(libraries={"xgboost": "1.7.6"}, **{"TrainingJob 1/status": "Stopped"})
    assert compare("it")[0] == 1


@pytest.mark.parametrize(("when", "code"), [("'local'", 0), ("'docker'", 1)])
def test_known_differences_hold_where_the_scenario_says(ran: Ran, compare: Compare, when: str, code: int) -> None:
    ran.scenario.write_text(
        'SDK = "v2"\nKNOWN_DIFFERENCES = {"TrainingJob */metrics/*": {"reason": "another machine", "when": '
        f'{{"profile": {when}, "xgboost": "3.*"}}}}}}\ndef run(session): ...\n'
    )
    ran.record(**{"TrainingJob 1/metrics/auc": 0.9})
    found, told = compare("it")
    assert found == code, told
    assert ("~ TrainingJob 1/metrics/auc: known difference: another machine" in told) is (code == 0)


def test_known_differences_of_places_do_not_excuse_two_runs_in_one(ran: Ran, compare: Compare) -> None:
    ran.scenario.write_text('SDK = "v2"\nKNOWN_DIFFERENCES = {"*": "places differ"}\ndef run(session): ...\n')
    ran.ran(auc=0.7, at="again")
    ran.ran(auc=0.7, profile="docker", at="elsewhere")
    assert compare("20260103-000000", "again")[0] == 1
    code, told = compare("20260103-000000", "elsewhere")
    assert (code, "known difference: places differ" in told) == (0, True)


@pytest.mark.parametrize(
    ("stated", "told"),
    [
        ("TOLERANCES = {'a': -1}", "must be a number from 0 on"),
        ("TOLERANCES = ['a']", "must be a constant dict"),
        ("KNOWN_DIFFERENCES = {'a': ''}", "must be a reason"),
        ("KNOWN_DIFFERENCES = {'a': {'why': 'b'}}", "must be a reason"),
        ("KNOWN_DIFFERENCES = {'a': {'reason': 'b', 'when': {'profile': 1}}}", "must be a reason"),
        ("KNOWN_DIFFERENCES = made()", "must be a constant dict"),
    ],
)
def test_what_a_scenario_states_wrongly_is_told(tmp_path: Path, stated: str, told: str) -> None:
    file = tmp_path / "it.py"
    file.write_text(f"{HEAD}{stated}\n")
    with pytest.raises(StateError, match=told):
        concessions_of(file)


def test_without_a_recording_or_a_run_it_says_what_to_do(ran: Ran, compare: Compare) -> None:
    code, told = compare("it")
    assert (code, "harness run it --profile aws --record" in told) == (3, True)
    ran.record()
    next((ran.folder / ".harness" / "reports").glob("*/report.json")).unlink()
    code, told = compare("it")
    assert (code, "run it with `harness run it`" in told) == (3, True)
    code, told = compare("nothing")
    assert (code, "scenarios: it" in told) == (2, True)


def test_a_recording_never_holds_what_must_stay_secret(ran: Ran) -> None:
    ran.record()
    recording = read_recording(ran.scenario)
    assert recording is not None
    leaky = Recording("it", recording.provenance, {**recording.facts, "Said": f"account {ACCOUNT}"})
    with pytest.raises(GuardRefused, match="'123456789012' is left in 'Said'"):
        write_recording(leaky, ran.recording, (ACCOUNT,))
    assert read_recording(ran.scenario) == recording


def test_the_last_pass_is_kept_where_there_are_recordings(ran: Ran) -> None:
    record_pass(ran.scenario, "2026-01-01T00:00:00Z", "us-east-1")
    assert last_passed(ran.scenario.parent) == {}
    ran.record()
    record_pass(ran.scenario, "2026-01-01T00:00:00Z", "us-east-1")
    assert last_passed(ran.scenario.parent) == {"it": {"at": "2026-01-01T00:00:00Z", "region": "us-east-1"}}
