"""What AWS refuses, the stand-in refuses, in AWS's words: clients of boto3 at AWS's own host names."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.aws_stand_in.configuration import ACCOUNT, ALLOW_ALL, DEVELOPER, KEY, ROLE, SECRET
from tests.aws_stand_in.iam import Identity
from tests.aws_stand_in.quotas import code
from tests.aws_stand_in.running import StandIn

ARN = f"arn:aws:iam::{ACCOUNT}:role/{ROLE}"
IMAGE = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:3.0-5"
HEAD = f"""
import json, time, urllib.request
import boto3
from botocore.config import Config
from botocore.exceptions import ClientError
def client(service, **more):
    return boto3.client(service, region_name="us-east-1", config=Config(retries={{"total_max_attempts": 1}}), **more)
def refused(call, **asked):
    try:
        call(**asked)
    except ClientError as error:
        return error.response["Error"]["Code"] + ": " + error.response["Error"]["Message"]
    return "not refused"
def job(machine="ml.m5.large", image={IMAGE!r}, role={ARN!r}, name="job", **more):
    return dict(TrainingJobName=name, RoleArn=role,
        AlgorithmSpecification={{"TrainingImage": image, "TrainingInputMode": "File"}},
        OutputDataConfig={{"S3OutputPath": "s3://the-bucket/out"}},
        ResourceConfig={{"InstanceType": machine, "InstanceCount": 1, "VolumeSizeInGB": 1}},
        StoppingCondition={{"MaxRuntimeInSeconds": 60}}, **more)
told = {{}}
"""


def told(stand_in: StandIn, tmp_path: Path, program: str, key: str = KEY, secret: str = SECRET, token: str = "") -> Any:
    """What a program of a user's, in the world where AWS's hosts are the stand-in's, put into ``told``."""
    environment = stand_in.environment() | {"HOME": str(tmp_path), "AWS_ACCESS_KEY_ID": key}
    environment |= {"AWS_SECRET_ACCESS_KEY": secret} | ({"AWS_SESSION_TOKEN": token} if token else {})
    argv = [sys.executable, "-c", f"{HEAD}{program}\nprint(json.dumps(told))"]
    done = subprocess.run(argv, env=environment, capture_output=True, text=True, timeout=50, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


ASK = """
told["sts"] = refused(client("sts").get_caller_identity)
told["sagemaker"] = refused(client("sagemaker").list_models)
told["s3"] = refused(client("s3").list_objects_v2, Bucket="the-bucket")
told["runtime"] = refused(client("sagemaker-runtime").invoke_endpoint, EndpointName="e", Body=b"1")
told["tagging"] = refused(client("resourcegroupstaggingapi").get_resources)
"""


def codes(answers: dict[str, str]) -> dict[str, str]:
    return {service: answer.partition(":")[0] for service, answer in answers.items()}


def test_a_wrong_secret_is_refused_by_every_service_in_its_own_way(stand_in: StandIn, tmp_path: Path) -> None:
    assert codes(told(stand_in, tmp_path, ASK, secret="wrong")) == {
        "sts": "SignatureDoesNotMatch",
        "sagemaker": "InvalidSignatureException",
        "s3": "SignatureDoesNotMatch",
        "runtime": "InvalidSignatureException",
        "tagging": "InvalidSignatureException",
    }


def test_an_unknown_key_is_refused(stand_in: StandIn, tmp_path: Path) -> None:
    assert codes(told(stand_in, tmp_path, ASK, key="AKIAUNKNOWN")) == {
        "sts": "InvalidClientTokenId",
        "sagemaker": "UnrecognizedClientException",
        "s3": "InvalidAccessKeyId",
        "runtime": "UnrecognizedClientException",
        "tagging": "UnrecognizedClientException",
    }


def test_expired_credentials_are_refused(stand_in: StandIn, tmp_path: Path) -> None:
    stand_in.begin(
        keys={"ASIAOLD": {"secret": "s", "arn": DEVELOPER, "token": "t", "expires": time.time() - 60}},
    )
    assert codes(told(stand_in, tmp_path, ASK, key="ASIAOLD", secret="s", token="t")) == {
        "sts": "ExpiredToken",
        "sagemaker": "ExpiredTokenException",
        "s3": "ExpiredToken",
        "runtime": "ExpiredTokenException",
        "tagging": "ExpiredTokenException",
    }


def test_objects_travel_by_virtual_hosts_signed_in_every_way(stand_in: StandIn, tmp_path: Path) -> None:
    program = """
import io
s3 = client("s3")
s3.create_bucket(Bucket="the-bucket")
s3.put_object(Bucket="the-bucket", Key="a b/ü+~(1).txt", Body=b"content", Metadata={"who": "me"})
s3.upload_fileobj(io.BytesIO(b"x" * 9_000_000), "the-bucket", "large")
told["size"] = s3.head_object(Bucket="the-bucket", Key="large")["ContentLength"]
told["keys"] = [each["Key"] for each in s3.list_objects_v2(Bucket="the-bucket", Prefix="a b/")["Contents"]]
asked = {"Bucket": "the-bucket", "Key": "a b/ü+~(1).txt"}
presigning = boto3.client("s3", region_name="us-east-1", config=Config(signature_version="s3v4"))
address = presigning.generate_presigned_url("get_object", asked, 60)
import ssl, os
trusted = ssl.create_default_context(cafile=os.environ["AWS_CA_BUNDLE"])
told["presigned"] = "X-Amz-Signature" in address and urllib.request.urlopen(address, context=trusted).read().decode()
told["deleted"] = len(s3.delete_objects(Bucket="the-bucket", Delete={"Objects": [{"Key": "large"}]})["Deleted"])
try:
    urllib.request.urlopen(address.replace("%281%29", "%282%29"), context=trusted)
except Exception as error:
    told["forged"] = error.code
"""
    found = told(stand_in, tmp_path, program)
    assert found == {
        "size": 9_000_000,
        "keys": ["a b/ü+~(1).txt"],
        "presigned": "content",
        "deleted": 1,
        "forged": 403,
    }
    hosts = {each["host"] for each in stand_in.requests()}
    assert hosts & {"the-bucket.s3.amazonaws.com", "the-bucket.s3.us-east-1.amazonaws.com"}
    assert {"CreateMultipartUpload", "UploadPart", "CompleteMultipartUpload", "DeleteObjects", "HeadObject"} <= {
        each["operation"] for each in stand_in.requests()
    }
    assert stand_in.problems() == []


def test_other_hosts_do_not_exist(stand_in: StandIn, tmp_path: Path) -> None:
    program = """
import urllib.error
try:
    urllib.request.urlopen("https://example.com")
except urllib.error.URLError as error:
    told["why"] = str(error)
"""
    assert "there is no such host in this test" in told(stand_in, tmp_path, program)["why"]


def policy(*statements: dict[str, Any]) -> list[Any]:
    return [{"Version": "2012-10-17", "Statement": list(statements)}]


def test_what_no_policy_allows_is_denied_by_name(stand_in: StandIn, tmp_path: Path) -> None:
    stand_in.begin(
        users={
            DEVELOPER: policy(
                {"Effect": "Allow", "Action": ["sagemaker:*", "s3:*"], "Resource": "*"},
                {"Effect": "Deny", "Action": "sagemaker:DescribeTrainingJob", "Resource": "*job/secret-*"},
                {"Effect": "Deny", "NotAction": "s3:Get*", "Resource": "arn:aws:s3:::closed*"},
            )
        }
    )
    program = """
sagemaker = client("sagemaker")
told["secret"] = refused(sagemaker.describe_training_job, TrainingJobName="secret-1")
told["open"] = refused(sagemaker.describe_training_job, TrainingJobName="open-1")
told["pass"] = refused(sagemaker.create_training_job, **job())
told["closed"] = refused(client("s3").put_object, Bucket="closed", Key="k", Body=b"")
told["quotas"] = refused(client("service-quotas").list_service_quotas, ServiceCode="sagemaker")
"""
    found = told(stand_in, tmp_path, program)
    assert found["secret"] == (
        f"AccessDeniedException: User: {DEVELOPER} is not authorized to perform: sagemaker:DescribeTrainingJob on "
        f"resource: arn:aws:sagemaker:us-east-1:{ACCOUNT}:training-job/secret-1 with an explicit deny in an "
        "identity-based policy"
    )
    assert "not found" in found["open"]
    assert f"not authorized to perform: iam:PassRole on resource: {ARN} because no identity-based" in found["pass"]
    assert found["closed"].startswith("AccessDenied: ")
    assert "s3:PutObject on resource: arn:aws:s3:::closed/k with an explicit deny" in found["closed"]
    assert "servicequotas:ListServiceQuotas" in found["quotas"]


def test_what_is_about_several_things_must_be_allowed_for_all_of_them(stand_in: StandIn, tmp_path: Path) -> None:
    where = f"arn:aws:sagemaker:us-east-1:{ACCOUNT}"
    made = ["endpoint", "experiment-trial", "experiment"]
    stand_in.begin(
        users={
            DEVELOPER: policy(
                {"Effect": "Allow", "Action": "sagemaker:*", "Resource": [f"{where}:{kind}/mine-*" for kind in made]},
                {"Effect": "Allow", "Action": ["s3:CreateBucket", "s3:DeleteObject"], "Resource": "*"},
            )
        }
    )
    program = """
sagemaker, s3 = client("sagemaker"), client("s3")
told["config"] = refused(sagemaker.create_endpoint, EndpointName="mine-1", EndpointConfigName="mine-1")
told["experiment"] = refused(sagemaker.create_trial, TrialName="mine-1", ExperimentName="theirs")
s3.create_bucket(Bucket="the-bucket")
told["object"] = refused(s3.delete_objects, Bucket="the-bucket", Delete={"Objects": [{"Key": "k"}]})
versions = {"Objects": [{"Key": "k", "VersionId": "null"}]}
told["version"] = refused(s3.delete_objects, Bucket="the-bucket", Delete=versions)
told["repository"] = refused(client("ecr").describe_images, repositoryName="mine", registryId="683313688378")
"""
    found = told(stand_in, tmp_path, program)
    assert f"sagemaker:CreateEndpoint on resource: {where}:endpoint-config/mine-1 because" in found["config"]
    assert f"sagemaker:CreateTrial on resource: {where}:experiment/theirs because" in found["experiment"]
    assert found["object"] == "not refused"
    assert "s3:DeleteObjectVersion on resource: arn:aws:s3:::the-bucket/k because" in found["version"]
    assert "on resource: arn:aws:ecr:us-east-1:683313688378:repository/mine because" in found["repository"]


def test_simulation_tells_what_enforcement_does(stand_in: StandIn, tmp_path: Path) -> None:
    stand_in.begin(
        users={
            DEVELOPER: policy(
                {"Effect": "Allow", "Action": "iam:*", "Resource": "*"},
                {"Effect": "Allow", "Action": "sagemaker:Create*", "Resource": "*"},
                {"Effect": "Deny", "Action": "sagemaker:CreateModel", "Resource": "*"},
                {
                    "Effect": "Allow",
                    "Action": "s3:ListBucket",
                    "Resource": "*",
                    "Condition": {"StringEquals": {"aws:RequestedRegion": "us-east-1"}},
                },
            )
        }
    )
    program = f"""
iam = client("iam")
actions = ["sagemaker:CreateTrainingJob", "sagemaker:CreateModel", "sagemaker:DeleteModel", "s3:ListBucket"]
entry = {{"ContextKeyName": "aws:RequestedRegion", "ContextKeyValues": ["us-east-1"], "ContextKeyType": "string"}}
for how, more in (("plain", {{}}), ("region", {{"ContextEntries": [entry]}})):
    answer = iam.simulate_principal_policy(PolicySourceArn={DEVELOPER!r}, ActionNames=actions, **more)
    told[how] = [each["EvalDecision"] for each in answer["EvaluationResults"]]
    told[how + " missing"] = answer["EvaluationResults"][3]["MissingContextValues"]
told["trust"] = iam.get_role(RoleName={ROLE!r})["Role"]["AssumeRolePolicyDocument"]["Statement"][0]["Principal"]
told["nobody"] = refused(iam.get_role, RoleName="Nobody")
"""
    found = told(stand_in, tmp_path, program)
    assert found["plain"] == ["allowed", "explicitDeny", "implicitDeny", "implicitDeny"]
    assert found["region"] == ["allowed", "explicitDeny", "implicitDeny", "allowed"]
    assert (found["plain missing"], found["region missing"]) == (["aws:RequestedRegion"], [])
    assert found["trust"] == {"Service": ["sagemaker.amazonaws.com"]}
    assert found["nobody"].startswith("NoSuchEntity: ")
    assert stand_in.problems() == []


def test_a_policy_that_is_not_understood_is_not_believed_in() -> None:
    statement = {"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": {"IpAddress": {"aws:SourceIp": "::"}}}
    with pytest.raises(ValueError, match="does not know all of"):
        Identity(DEVELOPER, policy(statement))


def test_roles_machines_images_and_quotas(stand_in: StandIn, tmp_path: Path) -> None:
    stand_in.begin(
        roles={
            ROLE: {"policies": [ALLOW_ALL], "trusts": ["sagemaker.amazonaws.com"], "lag": 1},
            "Lambda": {"policies": [ALLOW_ALL], "trusts": ["lambda.amazonaws.com"]},
        },
        quotas={"ml.m5.large for training job usage": 2.0},
    )
    name = "ml.m5.large for training job usage"
    program = f"""
sagemaker, quotas = client("sagemaker"), client("service-quotas")
create = sagemaker.create_training_job
told["young role"] = refused(create, **job(machine="ml.m5.xlarge", name="young"))
told["other role"] = refused(create, **job(role={ARN.replace(ROLE, "Lambda")!r}))
told["image"] = refused(create, **job(image={IMAGE.replace("us-east-1", "eu-west-1")!r}))
told["tag"] = refused(create, **job(image={IMAGE.replace("3.0-5", "9.9-9")!r}))
told["gpu"] = refused(create, **job(machine="ml.p3.2xlarge"))
many = job(name="many")
many["ResourceConfig"]["InstanceCount"] = 3
told["many"] = refused(create, **many)
told["quota"] = quotas.get_service_quota(ServiceCode="sagemaker", QuotaCode={code(name)!r})["Quota"]["Value"]
pages = quotas.get_paginator("list_service_quotas").paginate(ServiceCode="sagemaker")
listed = {{each["QuotaName"]: each["Value"] for page in pages for each in page["Quotas"]}}
told["listed"] = [listed[{name!r}], listed["ml.p3.2xlarge for endpoint usage"], len(listed) > 300]
"""
    found = told(stand_in, tmp_path, program)
    for refused in ("young role", "other role"):
        assert found[refused].startswith("ValidationException: Could not assume role arn:aws:iam::"), found[refused]
    assert (
        found["image"] == f"ValidationException: Requested image {IMAGE.replace('us-east-1', 'eu-west-1')} not found."
    )
    assert found["tag"].endswith("sagemaker-xgboost:9.9-9 not found.")
    assert found["gpu"].startswith(
        "ResourceLimitExceeded: The account-level service limit 'ml.p3.2xlarge for training job usage' is 0 Instances, "
        "with current utilization of 0 Instances and a request delta of 1 Instances."
    )
    assert "is 2 Instances, with current utilization of 0 Instances and a request delta of 3" in found["many"]
    assert (found["quota"], found["listed"]) == (2.0, [2.0, 0.0, True])
    assert stand_in.problems() == []


def test_the_role_must_be_allowed_to_read_the_model(stand_in: StandIn, tmp_path: Path) -> None:
    role = {"policies": policy({"Effect": "Allow", "Action": "s3:Put*", "Resource": "*"})}
    stand_in.begin(roles={ROLE: {**role, "trusts": ["sagemaker.amazonaws.com"]}})
    program = f"""
container = {{"Image": {IMAGE!r}, "ModelDataUrl": "s3://the-bucket/m.tar.gz"}}
asked = dict(ModelName="m", PrimaryContainer=container, ExecutionRoleArn={ARN!r})
told["why"] = refused(client("sagemaker").create_model, **asked)
"""
    found = told(stand_in, tmp_path, program)["why"]
    assert found.startswith("ValidationException: Could not access model data at s3://the-bucket/m.tar.gz."), found


@pytest.mark.parametrize("machine", ["local", "ml.m5.enormous"])
def test_machines_that_aws_does_not_have_are_refused_and_told_to_the_test(
    stand_in: StandIn, tmp_path: Path, machine: str
) -> None:
    program = f'told["why"] = refused(client("sagemaker").create_training_job, **job(machine={machine!r}))'
    assert f"Value '{machine}' at 'resourceConfig.instanceType'" in told(stand_in, tmp_path, program)["why"]
    (problem,) = stand_in.problems()
    assert "enum value set" in problem


def test_requests_outside_the_models_are_told_to_the_test(stand_in: StandIn, tmp_path: Path) -> None:
    program = """
loose = dict(config=Config(parameter_validation=False, retries={"total_max_attempts": 1}), region_name="us-east-1")
told["job"] = refused(boto3.client("sagemaker", **loose).describe_training_job)
told["role"] = refused(boto3.client("iam", **loose).get_role)
s3 = client("s3")
s3.meta.events.register("before-sign.s3.*", lambda request, **_: request.headers.add_header("x-amz-nonsense", "1"))
told["header"] = refused(s3.list_buckets)
told["host"] = refused(client("ssm").get_parameter, Name="p")
"""
    found = told(stand_in, tmp_path, program)
    assert all("Missing required parameter" in found[each] for each in ("job", "role")), found
    assert "unknown header x-amz-nonsense" in found["header"]
    assert found["host"].startswith("404")
    assert len(stand_in.problems()) == 4


def test_lag_delay_and_throttling(stand_in: StandIn, tmp_path: Path) -> None:
    stand_in.begin(
        lag={"DescribeModel": 1, "ListModels": 2, "GetResources": 1, "HeadBucket": 1}, delays={"TrainingJob": 2.0}
    )
    program = f"""
s3, sagemaker = client("s3"), client("sagemaker")
s3.create_bucket(Bucket="the-bucket")
told["bucket"] = [refused(s3.head_bucket, Bucket="the-bucket")[:3] for _ in range(2)]
s3.put_object(Bucket="the-bucket", Key="m.tar.gz", Body=b"")
container = {{"Image": {IMAGE!r}, "ModelDataUrl": "s3://the-bucket/m.tar.gz"}}
tags = [{{"Key": "harness:run", "Value": "r"}}]
sagemaker.create_model(ModelName="m", PrimaryContainer=container, ExecutionRoleArn={ARN!r}, Tags=tags)
told["model"] = [refused(sagemaker.describe_model, ModelName="m")[:10] for _ in range(2)]
told["models"] = [len(sagemaker.list_models()["Models"]) for _ in range(3)]
tagging = client("resourcegroupstaggingapi")
wanted = [{{"Key": "harness:run", "Values": ["r"]}}]
told["tagged"] = [len(tagging.get_resources(TagFilters=wanted)["ResourceTagMappingList"]) for _ in range(2)]
begun = time.monotonic()
sagemaker.create_training_job(**job())
while sagemaker.describe_training_job(TrainingJobName="job")["TrainingJobStatus"] == "InProgress":
    time.sleep(0.05)
told["slow"] = time.monotonic() - begun >= 2
"""
    assert told(stand_in, tmp_path, program) == {
        "bucket": ["404", "not"],
        "model": ["Validation", "not refuse"],
        "models": [0, 0, 1],
        "tagged": [0, 1],
        "slow": True,
    }
    stand_in.begin(throttle=2)
    program = """
told["model"] = [refused(client("sagemaker").list_models) for _ in range(2)]
told["bucket"] = [refused(client("s3").list_buckets) for _ in range(2)]
"""
    found = told(stand_in, tmp_path, program)
    assert found["model"] == ["not refused", "ThrottlingException: Rate exceeded"]
    assert found["bucket"] == ["not refused", "SlowDown: Please reduce your request rate."]


def test_images_and_prices_are_told(stand_in: StandIn, tmp_path: Path) -> None:
    program = """
ecr, pricing = client("ecr"), client("pricing")
asked = {"registryId": "683313688378", "repositoryName": "sagemaker-xgboost"}
told["there"] = ecr.describe_images(**asked, imageIds=[{"imageTag": "3.0-5"}])["imageDetails"][0]["imageTags"]
told["not"] = refused(ecr.describe_images, **asked, imageIds=[{"imageTag": "9"}])
filters = {"regionCode": "us-east-1", "instanceName": "ml.m5.xlarge", "component": "Hosting"}
asked = [{"Type": "TERM_MATCH", "Field": field, "Value": value} for field, value in filters.items()]
(price,) = pricing.get_products(ServiceCode="AmazonSageMaker", Filters=asked)["PriceList"]
(term,) = json.loads(price)["terms"]["OnDemand"].values()
told["price"] = [each["pricePerUnit"]["USD"] for each in term["priceDimensions"].values()]
"""
    found = told(stand_in, tmp_path, program)
    assert found["there"] == ["3.0-5"]
    assert found["not"].startswith("ImageNotFoundException: ")
    assert found["price"] == ["0.2300000000"]
    assert stand_in.problems() == []
