"""AWS's names: which service answers at a host, and what IAM calls an operation and the thing it is about."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

DOMAIN = "amazonaws.com"
_REGION = r"(?P<region>[a-z]{2}(?:-[a-z]+)+-\d)"
_S3 = re.compile(rf"(?:(?P<bucket>.+)\.)?s3(?:[.-]{_REGION})?\.amazonaws\.com")
_REGIONAL = re.compile(rf"(?P<prefix>[a-z0-9.-]+)\.{_REGION}\.amazonaws\.com")

# First part of a host -> boto3's name of the service, its signing name, its prefix in IAM.
_SERVICES = {
    "api.sagemaker": ("sagemaker", "sagemaker", "sagemaker"),
    "runtime.sagemaker": ("sagemaker-runtime", "sagemaker", "sagemaker"),
    "metrics.sagemaker": ("sagemaker-metrics", "sagemaker", "sagemaker"),
    "logs": ("logs", "logs", "logs"),
    "monitoring": ("cloudwatch", "monitoring", "cloudwatch"),
    "sts": ("sts", "sts", "sts"),
    "iam": ("iam", "iam", "iam"),
    "servicequotas": ("service-quotas", "servicequotas", "servicequotas"),
    "tagging": ("resourcegroupstaggingapi", "tagging", "tag"),
    "api.pricing": ("pricing", "pricing", "pricing"),
    "api.ecr": ("ecr", "ecr", "ecr"),
    "ec2": ("ec2", "ec2", "ec2"),
    "kms": ("kms", "kms", "kms"),
}
_GLOBAL = {"iam.amazonaws.com": "iam", "sts.amazonaws.com": "sts"}
_NOUNS = {
    "Trial": "experiment-trial",
    "TrialComponent": "experiment-trial-component",
    "AutoMLJob": "automl-job",
    "AutoMLJobV2": "automl-job",
}
# What must be allowed for another thing as well, by the Service Authorization Reference.
_ALSO = {
    "CreateEndpoint": ("EndpointConfig",),
    "UpdateEndpoint": ("EndpointConfig",),
    "CreateInferenceComponent": ("Endpoint",),
    "CreateTrial": ("Experiment",),
    "AssociateTrialComponent": ("TrialComponent",),
    "DisassociateTrialComponent": ("TrialComponent",),
}
_VERB = re.compile(r"(Create|Describe|Delete|Stop|Start|Update|Invoke|Associate|Disassociate)(\w+)")
_S3_ACTIONS = {
    "ListObjects": "ListBucket",
    "ListObjectsV2": "ListBucket",
    "HeadBucket": "ListBucket",
    "ListObjectVersions": "ListBucketVersions",
    "HeadObject": "GetObject",
    "CreateMultipartUpload": "PutObject",
    "UploadPart": "PutObject",
    "UploadPartCopy": "PutObject",
    "CompleteMultipartUpload": "PutObject",
    "CopyObject": "PutObject",
    "DeleteObjects": "DeleteObject",
    "ListMultipartUploads": "ListBucketMultipartUploads",
    "ListParts": "ListMultipartUploadParts",
    "ListBuckets": "ListAllMyBuckets",
}


class Host(NamedTuple):
    """``service`` is boto3's name; ``bucket`` what a virtual host of S3 says, else empty."""

    service: str
    signing: str
    iam: str
    region: str
    bucket: str = ""


def find_host(name: str, home: str) -> Host | None:
    """None for a host at which AWS has nothing that this knows. ``home`` is the region of hosts that name none."""
    name = name.partition(":")[0].lower()
    if found := _S3.fullmatch(name):
        return Host("s3", "s3", "s3", found["region"] or home, found["bucket"] or "")
    if name in _GLOBAL:
        return Host(*_SERVICES[_GLOBAL[name]], "us-east-1")
    found = _REGIONAL.fullmatch(name)
    if found and found["prefix"] in _SERVICES and found["prefix"] != "iam":
        return Host(*_SERVICES[found["prefix"]], found["region"])
    return None


def certified(region: str) -> list[str]:
    """Names for a certificate: a wildcard stands for one part of a name only."""
    zones = [DOMAIN, *(f"{zone}{region}.{DOMAIN}" for zone in ("", "s3.", "sagemaker.", "ecr.", "pricing."))]
    return [*(f"*.{zone}" for zone in zones), f"*.s3.{DOMAIN}", f"s3.{region}.{DOMAIN}"]


def noun_of(operation: str) -> str:
    """``TrainingJob`` of ``CreateTrainingJob``; empty when it is about no single thing."""
    found = _VERB.fullmatch(operation)
    return found[2] if found else ""


def sagemaker_arn(region: str, account: str, noun: str, name: str) -> str:
    kind = _NOUNS.get(noun) or re.sub(r"(?<!^)(?=[A-Z])", "-", noun).lower()
    return f"arn:aws:sagemaker:{region}:{account}:{kind}/{name.lower()}"


def demands(host: Host, account: str, operation: str, asked: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Action and resource of everything that a caller must be allowed for this request."""
    if host.service == "s3":
        yield from _s3_demands(operation, asked)
    elif host.iam == "sagemaker":
        resource = _sagemaker_resource(host, account, operation, asked)
        yield f"sagemaker:{operation}", resource
        for noun in _ALSO.get(operation, ()):
            yield f"sagemaker:{operation}", sagemaker_arn(host.region, account, noun, str(asked[f"{noun}Name"]))
        if operation.startswith("Create") and asked.get("Tags"):
            yield "sagemaker:AddTags", resource
    elif host.service == "iam" and asked.get("RoleName"):
        yield f"iam:{operation}", f"arn:aws:iam::{account}:role/{asked['RoleName']}"
    elif host.service == "iam" and asked.get("UserName"):
        yield f"iam:{operation}", f"arn:aws:iam::{account}:user/{asked['UserName']}"
    elif host.service == "iam" and asked.get("GroupName"):
        yield f"iam:{operation}", f"arn:aws:iam::{account}:group/{asked['GroupName']}"
    elif host.service == "iam" and asked.get("PolicyArn"):
        yield f"iam:{operation}", asked["PolicyArn"]
    elif host.service == "iam" and asked.get("PolicySourceArn"):
        yield f"iam:{operation}", asked["PolicySourceArn"]
    elif host.service == "logs" and asked.get("logGroupName"):
        group = f"arn:aws:logs:{host.region}:{account}:log-group:{asked['logGroupName']}"
        stream = asked.get("logStreamName")
        yield f"logs:{operation}", f"{group}:log-stream:{stream}" if stream else f"{group}:*"
    elif host.service == "ecr" and asked.get("repositoryName"):
        registry = asked.get("registryId", account)
        yield f"ecr:{operation}", f"arn:aws:ecr:{host.region}:{registry}:repository/{asked['repositoryName']}"
    elif host.service == "kms" and asked.get("KeyId"):
        key = str(asked["KeyId"])
        arn = f"arn:aws:kms:{host.region}:{account}:key/{key.rpartition('/')[2]}"
        yield f"kms:{operation}", key if key.startswith("arn:") else arn
    elif operation != "GetCallerIdentity":  # that one is always allowed
        yield f"{host.iam}:{operation}", "*"


def _sagemaker_resource(host: Host, account: str, operation: str, asked: Mapping[str, Any]) -> str:
    if "ResourceArn" in asked:
        return str(asked["ResourceArn"])
    noun = noun_of(operation)
    noun = "Trial" if operation.endswith("ssociateTrialComponent") else noun
    noun = "TrialComponent" if operation == "BatchPutMetrics" else noun
    if operation.startswith("InvokeEndpoint"):
        noun = "Endpoint"
    arn = asked.get(f"{noun}Arn")
    name = asked.get(f"{noun}Name") or (noun.endswith("JobDefinition") and asked.get("JobDefinitionName"))
    return str(arn) if arn else sagemaker_arn(host.region, account, noun, str(name)) if name else "*"


def _s3_demands(operation: str, asked: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    action = f"s3:{_S3_ACTIONS.get(operation, operation)}"
    bucket = f"arn:aws:s3:::{asked['Bucket']}" if "Bucket" in asked else "*"
    if "VersionId" in asked and action in ("s3:GetObject", "s3:DeleteObject"):
        action += "Version"
    if operation == "DeleteObjects":
        yield from ((action, f"{bucket}/{key}") for key in asked["Keys"])
        yield from ((f"{action}Version", f"{bucket}/{key}") for key in asked["KeysOfVersions"])
    else:
        yield action, f"{bucket}/{asked['Key']}" if "Key" in asked else bucket
    if operation == "CopyObject":
        yield "s3:GetObject", f"arn:aws:s3:::{asked['CopySource'].lstrip('/').partition('?')[0]}"
