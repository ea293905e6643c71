"""``harness clean`` and the teardown beneath it: ledgers, tags, bonds, guards."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from harness.aws_run.ledger import CREATED, INTENDED, Header, Ledger, LedgerEntry
from harness.kernel.errors import StateError
from harness.promotion.account import Account, open_account
from harness.promotion.destination import Destination
from harness.promotion.run_guard import RunGuard
from harness.promotion.teardown.proof import prove
from harness.promotion.teardown.run import Removal, Teardown
from tests.cloud import BUCKET, Cloud
from tests.promotion.conftest import ACCOUNT, IMAGE, REGION, PromotedProject, client

RUN = "20260101-000000-abcd"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/Role"
MONITOR = "156813124566.dkr.ecr.us-east-1.amazonaws.com/sagemaker-model-monitor-analyzer"
NOBODY: list[Removal] = []


def header(account: str = ACCOUNT, profile: str = "aws") -> Header:
    now = time.time()
    return Header(RUN, "it", profile, account, REGION, "me@here", now, now + 3600)


def entry(kind: str, name: str, state: str = CREATED, service: str = "sagemaker", **identity: str) -> LedgerEntry:
    return LedgerEntry(service, kind, name, state, time.time(), time.time(), identity)


def remove(account: Account, *entries: LedgerEntry) -> dict[str, str]:
    removals = Teardown(account, RUN, long=30, short=5, pause=0.05).remove(entries, NOBODY.append)
    return {f"{each.entry.kind} {each.entry.name}": f"{each.outcome}: {each.reason}" for each in removals}


def test_a_ledger_of_another_account_is_refused_and_nothing_is_touched(project: PromotedProject) -> None:
    project.client("s3").create_bucket(Bucket="theirs")
    ledger = Ledger.begin(project.state / "ledger", header("999999999999"))
    ledger.intend("s3", "Bucket", "theirs", identity={"Bucket": "theirs"})
    ledger.mark(("s3", "Bucket", "theirs"), CREATED)
    ledger.close()
    done = project.run("clean", "--yes")
    assert done.returncode == 4
    assert "belongs to account 999999999999, us-east-1, but profile 'aws' is for account 123456789012" in done.stderr
    assert project.client("s3").list_buckets()["Buckets"]


def test_other_profiles_younger_runs_and_unreadable_ledgers_are_left_alone(project: PromotedProject) -> None:
    ledger = Ledger.begin(project.state / "ledger", header())
    ledger.intend("sagemaker", "Model", "m", identity={"ModelName": "m"})
    ledger.close()
    (project.state / "ledger" / "zzz.jsonl").write_text("nonsense\n")
    told = project.run("clean", "--dry-run", "--older-than", "1h").stdout
    assert f"run {RUN} is younger than --older-than" in told
    assert "zzz.jsonl is not a ledger of this version" in told
    assert "nothing is left to remove" in told
    seen = json.loads(project.run("clean", "--dry-run", "--json").stdout)
    assert [(each["kind"], each["told"]) for each in seen["leftovers"]] == [("Model", "gone already")]
    assert project.run("clean", "--older-than", "soon").returncode == 2


def tags(expires: str, run: str = RUN) -> list[dict[str, str]]:
    pairs = {"harness:run": run, "harness:owner": "her@there", "harness:expires": expires}
    return [{"Key": key, "Value": value} for key, value in pairs.items()]


def endpoint(project: PromotedProject, name: str, expires: str) -> None:
    sagemaker, s3 = project.client("sagemaker"), project.client("s3")
    s3.create_bucket(Bucket=BUCKET)
    s3.put_object(Bucket=BUCKET, Key="m.tar.gz", Body=b"")
    container = {"Image": IMAGE, "ModelDataUrl": f"s3://{BUCKET}/m.tar.gz"}
    sagemaker.create_model(ModelName=name, PrimaryContainer=container, ExecutionRoleArn=ROLE)
    variant = {"VariantName": "v", "ModelName": name, "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}
    capture = {
        "InitialSamplingPercentage": 100,
        "DestinationS3Uri": f"s3://{BUCKET}/capture",
        "CaptureOptions": [{"CaptureMode": "Input"}],
    }
    sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant], DataCaptureConfig=capture)
    sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name, Tags=tags(expires))


def test_without_a_ledger_the_tags_tell_and_only_the_expired_goes(project: PromotedProject) -> None:
    endpoint(project, "forgotten", "2026-01-02T00:00:00Z")
    endpoint(project, "in-use", "2999-01-01T00:00:00Z")
    done = project.run("clean", "--yes")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Endpoint forgotten: tagged by her@there" in done.stdout
    assert f"run {RUN} of her@there has not expired" in done.stdout
    names = [each["EndpointName"] for each in project.client("sagemaker").list_endpoints()["Endpoints"]]
    assert names == ["in-use"]


def test_trials_are_let_go_of_before_their_experiment(project: PromotedProject, account: Account) -> None:
    sagemaker = project.client("sagemaker")
    sagemaker.create_experiment(ExperimentName="x")
    sagemaker.create_trial(TrialName="t", ExperimentName="x")
    sagemaker.create_trial_component(TrialComponentName="c")
    sagemaker.associate_trial_component(TrialName="t", TrialComponentName="c")
    told = remove(account, entry("Experiment", "x"), entry("Trial", "t"), entry("TrialComponent", "c"))
    assert set(told.values()) == {"deleted: deleted"}
    assert list(told) == ["TrialComponent c", "Trial t", "Experiment x"]
    assert sagemaker.list_experiments()["ExperimentSummaries"] == []


@pytest.mark.needs("namespaces")
def test_jobs_at_work_are_stopped_and_schedules_go_before_their_endpoint(
    project: PromotedProject, account: Account, tmp_path: Path
) -> None:
    endpoint(project, "e", "2999-01-01T00:00:00Z")
    cloud = Cloud(project.address, tmp_path)
    job = cloud.start_processing("import time\nprint('at work', flush=True)\ntime.sleep(300)\n")
    cloud.says(job, "at work")
    source = {"EndpointName": "e", "LocalPath": "/opt/ml/processing/input/endpoint"}
    place = {"S3Uri": f"s3://{BUCKET}/reports", "LocalPath": "/opt/ml/processing/output"}
    cluster = {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1}
    configuration = {
        "MonitoringJobDefinition": {
            "MonitoringInputs": [{"EndpointInput": source}],
            "MonitoringOutputConfig": {"MonitoringOutputs": [{"S3Output": place}]},
            "MonitoringResources": {"ClusterConfig": cluster},
            "MonitoringAppSpecification": {"ImageUri": MONITOR},
            "RoleArn": ROLE,
        },
        "ScheduleConfig": {"ScheduleExpression": "cron(0 * ? * * *)"},
    }
    cloud.sagemaker.create_monitoring_schedule(MonitoringScheduleName="s", MonitoringScheduleConfig=configuration)
    kinds = {"Endpoint": "e", "ProcessingJob": job, "MonitoringSchedule": "s", "Model": "e"}
    told = remove(account, *(entry(kind, name) for kind, name in kinds.items()))
    cloud.close()
    assert told == {
        "MonitoringSchedule s": "deleted: deleted",
        f"ProcessingJob {job}": "deleted: stopped; its record stays and costs nothing",
        "Endpoint e": "deleted: deleted",
        "Model e": "deleted: deleted",
    }


def test_what_may_be_another_s_is_told_apart_by_its_tag(project: PromotedProject, account: Account) -> None:
    sagemaker = project.client("sagemaker")
    sagemaker.create_experiment(ExperimentName="ours", Tags=tags("2999-01-01T00:00:00Z"))
    sagemaker.create_experiment(ExperimentName="theirs")
    told = remove(account, *(entry("Experiment", name, INTENDED) for name in ("ours", "theirs", "never")))
    assert told == {
        "Experiment ours": "deleted: deleted",
        "Experiment theirs": "kept: exists, but does not carry this run's tag, so it is not deleted",
        "Experiment never": "deleted: was gone already",
    }


def test_what_cannot_be_deleted_is_said_and_the_rest_goes(project: PromotedProject, account: Account) -> None:
    sagemaker = project.client("sagemaker")
    sagemaker.create_experiment(ExperimentName="x")
    sagemaker.create_trial(TrialName="another", ExperimentName="x")
    sagemaker.create_trial_component(TrialComponentName="c")
    told = remove(account, entry("Experiment", "x"), entry("TrialComponent", "c"), entry("Queue", "q", service="sqs"))
    assert told["TrialComponent c"] == "deleted: deleted"
    assert told["Experiment x"].startswith("failed: not removed within 5 s: ")
    assert told["Queue q"].startswith("failed: harness cannot delete resources of sqs")


def test_the_proof_names_what_is_left(project: PromotedProject, account: Account) -> None:
    endpoint(project, "e", "2999-01-01T00:00:00Z")
    project.client("s3").put_object(Bucket=BUCKET, Key="out/1", Body=b"")
    place = {"Bucket": BUCKET, "Prefix": "out/"}
    output = LedgerEntry("s3", "Output", f"s3://{BUCKET}/out/", CREATED, 0, 0, place, detail={"own": True})
    found = prove(account, header(), [output])
    assert not found.clean
    assert found.left == ("Endpoint e (there)", f"s3://{BUCKET}/out/ (1 object)")
    Teardown(account, RUN, pause=0.05).remove([entry("Endpoint", "e"), output], NOBODY.append)
    assert prove(account, header(), [output]).clean


@pytest.fixture
def stale_aws() -> Iterator[str]:
    """AWS as it answers to credentials that have expired."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            json_asked = "json" in self.headers.get("Content-Type", "")
            body = (
                b'{"__type": "ExpiredTokenException", "message": "The security token has expired"}'
                if json_asked
                else b"<ErrorResponse><Error><Code>ExpiredToken</Code><Message>x</Message></Error></ErrorResponse>"
            )
            self.send_response(400 if json_asked else 403)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_expired_credentials_are_reported_at_once(project: PromotedProject, stale_aws: str) -> None:
    project.environment["AWS_ENDPOINT_URL"] = stale_aws
    project.story("it", "bucket(session)\n")
    begun = time.monotonic()
    done = project.run("run", "it", "--profile", "aws", "--yes")
    assert done.returncode == 3, done.stderr
    assert "have expired or are not valid (ExpiredToken); renew the credentials in this environment" in done.stderr
    assert time.monotonic() - begun < 30
    assert not (project.state / "ledger").exists()


DESTINATION = Destination("aws", ACCOUNT, REGION, "Role", endpoint_timeout=1)


def test_credentials_that_expire_in_the_middle_stop_the_run(tmp_path: Path, stale_aws: str) -> None:
    class Session:
        def client(self, service: str, **more: object) -> object:
            return client(stale_aws, service)

    ledger = Ledger.begin(tmp_path, header())
    ledger.intend("sagemaker", "Endpoint", "e", identity={"EndpointName": "e"})
    account = Account(Session(), ACCOUNT, "arn:aws:iam::1:user/me", REGION)
    watch = RunGuard(account, DESTINATION, ledger.file, None, None, NOBODY.append)  # type: ignore[arg-type]
    assert "the AWS credentials have expired" in str(watch.reason_to_stop())
    with pytest.raises(StateError, match="expired"):
        Teardown(account, RUN).remove([entry("Endpoint", "e")], NOBODY.append)
    ledger.close()


def test_nothing_is_asked_of_an_address_where_nobody_is(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name, value in {
        "AWS_ENDPOINT_URL": "http://127.0.0.1:1",
        "AWS_ACCESS_KEY_ID": "a",
        "AWS_SECRET_ACCESS_KEY": "b",
        "AWS_CONFIG_FILE": str(tmp_path / "none"),
        "AWS_MAX_ATTEMPTS": "1",
    }.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(StateError, match="AWS cannot be reached"):
        open_account(DESTINATION)
