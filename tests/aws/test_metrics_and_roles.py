"""CloudWatch data and roles of the emulator's own, whichever backend keeps them."""

from __future__ import annotations

import time
import uuid
from datetime import datetime, timezone
from typing import Any

from harness.aws import Metric
from tests.aws.conftest import Backed
from tests.aws.moto.serving import ACCOUNT

NAMESPACE = "/aws/sagemaker/TrainingJobs"


def statistics(backed: Backed, name: str, job: str) -> dict[str, Any]:
    now = time.time()
    found = backed.client("cloudwatch").get_metric_statistics(
        Namespace=NAMESPACE,
        MetricName=name,
        Dimensions=[{"Name": "TrainingJobName", "Value": job}],
        StartTime=datetime.fromtimestamp(now - 3600, timezone.utc),
        EndTime=datetime.fromtimestamp(now + 60, timezone.utc),
        Period=7200,
        Statistics=["Sum", "Maximum", "SampleCount"],
    )
    (point,) = found["Datapoints"]
    return {key: point[key] for key in ("Sum", "Maximum", "SampleCount")}


def test_metrics_are_read_by_wire(backed: Backed) -> None:
    job, moment = uuid.uuid4().hex, time.time() - 60
    data = [Metric("loss", moment, {"TrainingJobName": job}, value=value) for value in (1.0, 2.0, float("nan"))]
    folded = {"SampleCount": 3.0, "Sum": 30.0, "Minimum": 5.0, "Maximum": 20.0}
    data.append(Metric("folded", moment, {"TrainingJobName": job}, statistics=folded))
    backed.backend.put_metrics(ACCOUNT, "us-east-1", NAMESPACE, data)
    assert statistics(backed, "loss", job) == {"Sum": 3.0, "Maximum": 2.0, "SampleCount": 2.0}
    assert statistics(backed, "folded", job) == {"Sum": 30.0, "Maximum": 20.0, "SampleCount": 3.0}


def test_roles(backed: Backed) -> None:
    execution = f"arn:aws:iam::{ACCOUNT}:role/HarnessExecutionRole"
    assert backed.backend.role_exists(ACCOUNT, execution)
    assert not backed.backend.role_exists(ACCOUNT, f"arn:aws:iam::{ACCOUNT}:role/{uuid.uuid4().hex}")
    iam = backed.client("iam")
    assert iam.get_role_policy(RoleName="HarnessExecutionRole", PolicyName="HarnessExecution")["PolicyDocument"]
    attached = iam.list_attached_role_policies(RoleName="HarnessExecutionRole")["AttachedPolicies"]
    assert [policy["PolicyName"] for policy in attached] == ["AmazonSageMakerFullAccess"]


def test_keys_that_nobody_gave_out(backed: Backed) -> None:
    assert backed.backend.account_of("AKIA" + "Q" * 16) is None
    iam = backed.client("iam")
    name = uuid.uuid4().hex
    iam.create_user(UserName=name)
    key = iam.create_access_key(UserName=name)["AccessKey"]["AccessKeyId"]
    assert backed.backend.account_of(key) == ACCOUNT
    iam.delete_access_key(UserName=name, AccessKeyId=key)
    iam.delete_user(UserName=name)
