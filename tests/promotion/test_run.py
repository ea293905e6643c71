"""``harness run --profile aws`` as its users type it, on an emulator that plays the account."""

from __future__ import annotations

import json
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest

from harness.aws_run.ledger import alive, read
from tests.cloud import eventually
from tests.promotion.conftest import PROFILE, PromotedProject

RUN = ("run", "it", "--profile", "aws", "--yes")
WAITS = "bucket(session)\nwith session.step('Deploy'):\n    endpoint(session)\n    time.sleep(120)\n"


def test_a_run_is_planned_tagged_provided_for_and_torn_down(project: PromotedProject) -> None:
    key = project.client("kms").create_key()["KeyMetadata"]["KeyId"]
    tables = (
        'subnets = ["subnet-1"]\nsecurity_groups = ["sg-1"]\ntags = { team = "ml" }\n'
        'instance_types = { "Deploy it" = "ml.t2.medium" }\nkms = { volume = "'
        f'{key}" }}\n'
    )
    project.configure(PROFILE + tables)
    project.story(
        "it",
        "bucket(session)\n"
        "with session.step('Deploy it'):\n"
        "    name = endpoint(session)\n"
        "sagemaker = session.client('sagemaker')\n"
        "described = sagemaker.describe_endpoint(EndpointName=name)\n"
        "tags = {t['Key']: t['Value'] for t in sagemaker.list_tags(ResourceArn=described['EndpointArn'])['Tags']}\n"
        "assert tags['harness:run'] == session.run_id and tags['harness:scenario'] == 'it', tags\n"
        "assert tags['team'] == 'ml' and set(tags) == {'team', 'harness:run', 'harness:scenario', 'harness:owner',"
        " 'harness:expires'}, tags\n"
        "assert sagemaker.describe_model(ModelName=name)['VpcConfig']['Subnets'] == ['subnet-1']\n"
        "config = sagemaker.describe_endpoint_config(EndpointConfigName=name)\n"
        "assert config['ProductionVariants'][0]['InstanceType'] == 'ml.t2.medium'\n"
        f"assert config['KmsKeyId'] == '{key}'\n"
        "assert session.role == 'arn:aws:iam::123456789012:role/Role'\n",
    )
    done = project.run(*RUN)
    assert done.returncode == 0, done.stdout + done.stderr
    for told in ("account 123456789012 in us-east-1", "Deploy it", "subnet-1, sg-1", "(AWS_ENDPOINT_URL or"):
        assert told in done.stderr
    assert "nothing billable is left: checked 0 jobs, 1 endpoints" in done.stdout
    assert project.there() == []
    assert project.objects() == []
    (scenario,) = project.report()["scenarios"]
    assert scenario["steps"][-1]["name"] == "Tear down on AWS"
    bill = next(each for each in scenario["evidence"] if each["title"] == "Billed")
    assert [row[2] for row in bill["content"]["rows"]] == ["1 x ml.t2.medium", ""]


def test_everything_is_in_the_ledger_before_it_is_asked_for(project: PromotedProject) -> None:
    project.story("it", "bucket(session)\nmodel(session, boto3.Session().client('sagemaker'))\n")
    assert project.run(*RUN).returncode == 0
    lines = [json.loads(line) for line in project.ledger().splitlines()]
    states = [line["state"] for line in lines[1:] if line["kind"] == "Model"]
    assert states == ["intended", "created", "deleted"]
    assert {line["kind"] for line in lines[1:]} == {"Bucket", "Object", "Model"}
    assert (lines[0]["ledger"]["account"], lines[0]["ledger"]["region"]) == ("123456789012", "us-east-1")


def test_the_run_passes_through_no_emulator_of_ours(project: PromotedProject) -> None:
    """Neither the command nor the scenario imports it, and none is started."""
    project.environment["PYTHONPROFILEIMPORTTIME"] = "1"
    project.story("it", "import sys\nassert not [m for m in sys.modules if m.startswith('harness.emulator')]\n")
    done = project.run(*RUN)
    assert done.returncode == 0, done.stdout
    log = next((project.state / "reports").glob("*/it/scenario.log")).read_text()
    for imported in (done.stderr, log):
        assert "harness.scenario" in imported
        for forbidden in ("harness.emulator", "harness.gateway", "harness.engine", "harness.services"):
            assert forbidden not in imported
    assert not (project.state / "emulator.json").exists()


@pytest.mark.parametrize(
    ("table", "code", "told"),
    [
        (PROFILE.replace("123456789012", "999999999999"), 4, "expects account 999999999999, but these credentials"),
        ("", 3, "profile 'aws' needs account_id"),
        (PROFILE.replace('role = "Role"', ""), 3, "needs role: the execution role"),
        (PROFILE + "colour = 1\n", 3, "unknown key 'colour'; known: account_id"),
        (PROFILE + 'spot = "yes"\n', 3, "spot must be true, false or a list of steps, not 'yes'"),
        (PROFILE + 'aws_profile = "nobody"\n', 3, "there is no AWS profile 'nobody'"),
    ],
)
def test_a_profile_that_does_not_fit_is_refused_at_once(
    project: PromotedProject, table: str, code: int, told: str
) -> None:
    project.configure(table)
    project.story("it", "bucket(session)\n")
    done = project.run(*RUN)
    assert done.returncode == code, done.stderr
    assert told in done.stderr
    assert project.objects() == []
    assert not (project.state / "ledger").exists()


def test_any_profile_of_the_kind_will_do_and_no_other_takes_its_options(project: PromotedProject) -> None:
    project.configure(PROFILE.replace("profiles.aws", "profiles.staging") + 'kind = "aws"\n')
    project.story("it", "bucket(session)\n")
    assert project.run("run", "it", "--profile", "staging", "--yes").returncode == 0
    assert project.run("run", "it", "--yes").returncode == 2
    refused = project.run("run", "it", "--profile", "staging", "--runner", "process", "--yes")
    assert (refused.returncode, "leave out --runner" in refused.stderr) == (3, True)


def test_without_consent_nothing_happens(project: PromotedProject) -> None:
    project.story("it", "bucket(session)\n")
    done = project.run("run", "it", "--profile", "aws", stdin=subprocess.DEVNULL)
    assert done.returncode == 4
    assert "nobody is here to agree; say --yes" in done.stderr
    assert project.objects() == []


def recorded(project: PromotedProject, seconds: float, instance: str = "ml.m5.large") -> None:
    """A run of the scenario to its end, as it would have been recorded."""
    events: list[dict[str, Any]] = [
        {"event": "step", "name": "Deploy", "state": "started", "at": 0},
        {"event": "created", "kind": "EndpointConfig", "name": "c", "step": "Deploy", "at": 0, "config": "c",
         "instances": [{"InstanceType": instance, "InstanceCount": 1}]},
        {"event": "created", "kind": "Endpoint", "name": "e", "step": "Deploy", "at": 0, "config": "c",
         "instances": []},
        {"event": "end", "passed": True, "at": seconds},
    ]  # fmt: skip
    folder = project.state / "reports" / "20260101-000000" / "it"
    folder.mkdir(parents=True)
    (folder / "events.jsonl").write_text("".join(json.dumps(event) + "\n" for event in events))


def test_a_budget_below_the_estimate_is_refused(project: PromotedProject) -> None:
    project.story("it", "bucket(session)\n")
    unknown = project.run(*RUN, "--budget", "1")
    assert (unknown.returncode, "the cost of it is not known" in unknown.stderr) == (4, True)
    recorded(project, seconds=3600)
    done = project.run(*RUN, "--budget", "0.05")
    assert done.returncode == 4, done.stderr
    assert "Endpoint on 1 x ml.m5.large" in done.stderr
    assert "is above the budget of $0.05" in done.stderr
    assert project.objects() == []


def test_a_run_beyond_its_budget_is_stopped_and_cleaned(project: PromotedProject) -> None:
    recorded(project, seconds=0, instance="ml.t3.medium")
    project.story("it", WAITS.replace("endpoint(session)", "endpoint(session, 'ml.p3.2xlarge')"))
    done = project.run(*RUN, "--budget", "0.006")
    assert done.returncode == 4, done.stdout + done.stderr
    assert "stopping: the run has cost $0.0" in done.stdout
    assert "more than the budget of $0.01" in done.stderr
    assert project.there() == []
    assert project.objects() == []


def scenario_pid(process: subprocess.Popen[str]) -> int:
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    return int(children[0])


def deployed(project: PromotedProject) -> None:
    eventually(lambda: '"created", "service": "sagemaker", "kind": "Endpoint",' in project.ledger())


def test_a_scenario_that_is_killed_is_torn_down(project: PromotedProject) -> None:
    project.story("it", WAITS)
    with project.begin(*RUN) as process:
        deployed(project)
        subprocess.run(["kill", "-9", str(scenario_pid(process))], check=True)
        told, _ = process.communicate(timeout=50)
    assert process.returncode == 1, told
    assert "nothing billable is left" in told
    assert project.there() == []
    assert project.objects() == []


def test_ctrl_c_tears_down(project: PromotedProject) -> None:
    project.story("it", WAITS)
    with project.begin(*RUN) as process:
        deployed(project)
        process.send_signal(signal.SIGINT)
        told, _ = process.communicate(timeout=50)
    assert process.returncode == 130, told
    assert project.there() == []


def test_a_run_that_is_killed_leaves_a_ledger_and_clean_leaves_nothing(project: PromotedProject) -> None:
    project.story("it", WAITS)
    with project.begin(*RUN) as process:
        deployed(project)
        (ledger,) = (project.state / "ledger").glob("*.jsonl")
        going = project.run("clean", "--dry-run")
        assert "is still running" in going.stdout
        process.kill()
        process.wait(timeout=20)
        # The scenario learns that nobody is there to tear down after it, and ends.
        eventually(lambda: not alive(ledger))
    assert len(project.there()) == 3
    refused = project.run("clean", stdin=subprocess.DEVNULL)
    assert (refused.returncode, len(project.there())) == (4, 3)
    done = project.run("clean", "--yes")
    assert done.returncode == 0, done.stdout + done.stderr
    assert project.there() == []
    assert project.objects() == []
    assert not any(entry.open for entry in read(ledger)[1])
    again = project.run("clean", "--yes")
    assert (again.returncode, "nothing is left to remove" in again.stdout) == (0, True)


def test_an_endpoint_deleted_by_hand_in_the_middle_is_no_trouble(project: PromotedProject) -> None:
    body = "bucket(session)\nendpoint(session)\nwhile not os.path.exists(session.work / 'go'): time.sleep(0.05)\n"
    project.story("it", body)
    with project.begin(*RUN) as process:
        sagemaker = project.client("sagemaker")
        (name,) = eventually(
            lambda: [each["EndpointName"] for each in sagemaker.list_endpoints(StatusEquals="Failed")["Endpoints"]]
        )
        sagemaker.delete_endpoint(EndpointName=name)
        eventually(lambda: not sagemaker.list_endpoints()["Endpoints"])
        next((project.state / "reports").glob("*/it/work")).joinpath("go").touch()
        told, _ = process.communicate(timeout=50)
    assert process.returncode == 0, told
    assert "nothing billable is left" in told
    assert project.there() == []


def test_what_the_scenario_found_is_kept(project: PromotedProject) -> None:
    s3 = project.client("s3")
    s3.create_bucket(Bucket="shared")
    s3.put_object(Bucket="shared", Key="data/theirs.csv", Body=b"1")
    body = (
        "s3 = session.client('s3')\n"
        "s3.put_object(Bucket='shared', Key='data/theirs.csv', Body=b'2')\n"
        "s3.put_object(Bucket='shared', Key='data/ours.csv', Body=b'3')\n"
    )
    project.story("it", body)
    done = project.run(*RUN)
    assert done.returncode == 0, done.stdout
    assert "kept: s3://shared/data/theirs.csv (1 object)" in done.stdout
    assert project.objects() == ["shared/data/theirs.csv"]
