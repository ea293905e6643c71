"""API calls -> IAM actions on resources: what caller and execution role need for a run, and nothing more. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from harness.kernel.kinds import RUN_JOBS
from harness.promotion.destination import Destination
from harness.promotion.plan import ApiCall, RunPlan
from harness.promotion.preflight.resource_arns import Patterns, account_wide, patterns, reached, reads

# Not named like their call. What needs no permission is mapped to nothing.
_S3 = {
    "AbortMultipartUpload": ("AbortMultipartUpload",),
    "CompleteMultipartUpload": ("PutObject",),
    "CopyObject": ("GetObject", "PutObject"),
    "CreateMultipartUpload": ("PutObject",),
    "DeleteObjects": ("DeleteObject", "DeleteObjectVersion"),  # whoever names a version needs the second
    "DeleteBucketCors": ("PutBucketCORS",),
    "DeleteBucketTagging": ("PutBucketTagging",),
    "GetBucketCors": ("GetBucketCORS",),
    "GetBucketEncryption": ("GetEncryptionConfiguration",),
    "GetBucketLifecycleConfiguration": ("GetLifecycleConfiguration",),
    "GetBucketNotificationConfiguration": ("GetBucketNotification",),
    "GetObjectAttributes": ("GetObject", "GetObjectAttributes"),
    "GetPublicAccessBlock": ("GetBucketPublicAccessBlock",),
    "HeadBucket": ("ListBucket",),
    "HeadObject": ("GetObject",),
    "ListBuckets": ("ListAllMyBuckets",),
    "ListMultipartUploads": ("ListBucketMultipartUploads",),
    "ListObjects": ("ListBucket",),
    "ListObjectsV2": ("ListBucket",),
    "ListObjectVersions": ("ListBucketVersions",),
    "ListParts": ("ListMultipartUploadParts",),
    "PutBucketCors": ("PutBucketCORS",),
    "PutBucketEncryption": ("PutEncryptionConfiguration",),
    "PutBucketLifecycleConfiguration": ("PutLifecycleConfiguration",),
    "PutBucketNotificationConfiguration": ("PutBucketNotification",),
    "PutPublicAccessBlock": ("PutBucketPublicAccessBlock",),
    "SelectObjectContent": ("GetObject",),
    "UploadPart": ("PutObject",),
    "UploadPartCopy": ("GetObject", "PutObject"),
}
_FREE = frozenset([("sts", "GetCallerIdentity"), ("sts", "GetSessionToken")])
_PREFIXES = {
    "sagemaker-runtime": "sagemaker",
    "sagemaker-metrics": "sagemaker",
    "sagemaker-featurestore-runtime": "sagemaker",
    "events": "events",
    "resourcegroupstaggingapi": "tag",
    "service-quotas": "servicequotas",
    "stepfunctions": "states",
}
_OF_OBJECTS = re.compile(r"(?:Abort|Delete|Get|Put|Restore)(?:Object|MultipartUpload).*|ListMultipartUploadParts")
_JOBS = tuple(kind.noun for kind in RUN_JOBS)
_USUAL_KINDS = (*_JOBS, "Model", "EndpointConfig", "Endpoint")
# What the SDKs call for a job, a model and an endpoint, for a scenario whose own calls were never recorded.
_USUAL = (
    *(ApiCall("sagemaker", f"{verb}{kind}") for kind in _USUAL_KINDS for verb in ("Create", "Describe")),
    *(ApiCall("s3", name) for name in ("HeadBucket", "CreateBucket", "ListObjectsV2", "GetObject", "PutObject")),
    *(ApiCall("logs", name) for name in ("DescribeLogStreams", "GetLogEvents")),
    ApiCall("sagemaker-runtime", "InvokeEndpoint"),
)
# What the run itself does around any scenario: looks before it writes, searches by tag, removes, proves.
_OWN = (
    *(ApiCall("s3", name) for name in ("HeadObject", "ListObjectsV2", "ListObjectVersions", "DeleteObjects")),
    *(ApiCall("s3", name) for name in ("ListMultipartUploads", "AbortMultipartUpload")),
    *(ApiCall("sagemaker", f"List{nouns}") for nouns in ("MonitoringSchedules", "Endpoints", "Tags")),
    *(ApiCall("sagemaker", f"List{kind}s") for kind in _JOBS),
    ApiCall("sagemaker", "AddTags"),
    ApiCall("resourcegroupstaggingapi", "GetResources"),
    ApiCall("logs", "FilterLogEvents"),
)
_APART = ("DisassociateTrialComponent", "ListTrialComponents", "ListTrials")
_UNLINKED = ("DeleteAssociation", "ListAssociations")
# What comes with a creation besides Describe, Stop and Delete of it: an hour that passes, bonds that are loosened.
_WITH = {
    "CreateMonitoringSchedule": (
        "CreateProcessingJob",
        "DescribeEndpoint",
        "DescribeEndpointConfig",
        "DescribeProcessingJob",
        "ListMonitoringExecutions",
        "StopProcessingJob",
    ),
    "CreateTrial": _APART,
    "CreateTrialComponent": _APART,
    "CreateArtifact": _UNLINKED,
    "CreateAction": _UNLINKED,
    "CreateContext": _UNLINKED,
}
_NETWORK = (
    "CreateNetworkInterface",
    "CreateNetworkInterfacePermission",
    "DeleteNetworkInterface",
    "DeleteNetworkInterfacePermission",
    "DescribeDhcpOptions",
    "DescribeNetworkInterfaces",
    "DescribeSecurityGroups",
    "DescribeSubnets",
    "DescribeVpcs",
)
_KEYS = ("CreateGrant", "Decrypt", "DescribeKey", "Encrypt", "GenerateDataKey")
_OF_ROLES = ("GetRole", "SimulatePrincipalPolicy")
_PULL = ("BatchCheckLayerAvailability", "BatchGetImage", "GetDownloadUrlForLayer")
PASSED_TO = {"iam:PassedToService": "sagemaker.amazonaws.com"}


@dataclass(frozen=True)
class Need:
    """Actions that are needed on all of the resources; ``context`` is what their requests will say."""

    sid: str
    actions: tuple[str, ...]
    resources: tuple[str, ...] = ("*",)
    context: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Where:
    """The account as ARNs have it."""

    partition: str
    account: str
    region: str

    def arn(self, service: str, resource: str) -> str:
        return f"arn:{self.partition}:{service}:{self.region}:{self.account}:{resource}"

    def bucket(self, name: str, inner: str = "") -> str:
        return f"arn:{self.partition}:s3:::{name}{inner}"


def caller_needs(plans: Iterable[RunPlan], destination: Destination, where: Where) -> list[Need]:
    """Of whoever starts the run."""
    from harness.protocol import service_model

    plans = list(plans)
    calls = dict.fromkeys(call for plan in plans for call in plan.calls)
    if not all(plan.calls for plan in plans):
        calls |= dict.fromkeys(_USUAL)
    operations = frozenset(service_model("sagemaker").operation_names)
    calls |= dict.fromkeys([*_OWN, *_undoing(calls, operations)])
    needs = [
        *_of_sagemaker(calls, patterns(plans), where),
        *_grouped(calls, destination, where),
        *_keys_of_caller(destination, where),
        Need("PassRole", ("iam:PassRole",), (destination.role_arn(where.partition),), PASSED_TO),
    ]
    return sorted(needs, key=lambda need: need.sid)


def role_needs(plans: Iterable[RunPlan], destination: Destination, where: Where) -> list[Need]:
    """Of the role that SageMaker assumes for jobs and endpoints."""
    plans = list(plans)
    buckets = _buckets((call for plan in plans for call in plan.calls), destination)
    images = {image for plan in plans for planned in plan.resources for image in planned.images}
    logs = ("CreateLogGroup", "CreateLogStream", "DescribeLogStreams", "PutLogEvents")
    needs = [
        Need("Bucket", ("s3:GetBucketLocation", "s3:ListBucket"), tuple(map(where.bucket, buckets))),
        Need("Images", tuple(f"ecr:{name}" for name in _PULL), repositories(images, where)),
        Need("Logs", tuple(f"logs:{name}" for name in logs), (_log_groups(where),)),
        Need("Metrics", ("cloudwatch:PutMetricData",)),
        Need("Objects", ("s3:GetObject", "s3:PutObject"), tuple(where.bucket(name, "/*") for name in buckets)),
        Need("Registry", ("ecr:GetAuthorizationToken",)),
    ]
    if destination.subnets or _checked_by_sdk(plans):
        needs.append(Need("Network", tuple(f"ec2:{name}" for name in _NETWORK)))
    if destination.kms:
        keys = tuple(sorted({key_arn(key, where) for key in destination.kms.values()}))
        needs.append(Need("Keys", tuple(f"kms:{name}" for name in _KEYS), keys))
    return sorted(needs, key=lambda need: need.sid)


def _checked_by_sdk(plans: Iterable[RunPlan]) -> bool:
    """SDK v3 simulates the role before it trains, and refuses one that may not make network interfaces: VPC or none."""
    checked, trains = ApiCall("iam", "SimulatePrincipalPolicy"), ApiCall("sagemaker", "CreateTrainingJob")
    return any({checked, trains} <= set(plan.calls) for plan in plans)


def policy(needs: Iterable[Need]) -> dict[str, Any]:
    """The minimal policy document: one statement for all needs of a name. An action is about its own kinds only."""
    groups: dict[str, list[Need]] = {}
    for need in needs:
        groups.setdefault(need.sid, []).append(need)
    statements = []
    for sid, group in groups.items():
        statement: dict[str, Any] = {
            "Sid": sid,
            "Effect": "Allow",
            "Action": sorted({action for need in group for action in need.actions}),
            "Resource": sorted({resource for need in group for resource in need.resources}),
        }
        if group[0].context:
            statement["Condition"] = {"StringEquals": dict(group[0].context)}
        statements.append(statement)
    return {"Version": "2012-10-17", "Statement": statements}


def _undoing(calls: Iterable[ApiCall], operations: frozenset[str]) -> Iterator[ApiCall]:
    """Whatever is created must be looked at, stopped and deleted."""
    for call in calls:
        if call.service == "sagemaker" and call.operation.startswith("Create"):
            kind = call.operation.removeprefix("Create")
            for verb in ("Describe", "Stop", *(() if kind in _JOBS else ("Delete",))):  # the record of a job stays
                if f"{verb}{kind}" in operations:
                    yield ApiCall("sagemaker", f"{verb}{kind}")
            yield from (ApiCall("sagemaker", more) for more in _WITH.get(call.operation, ()))
            if kind in _JOBS:  # over before anybody read on here, it takes its time on AWS
                yield from (ApiCall("logs", name) for name in ("DescribeLogStreams", "GetLogEvents"))
        elif call.operation == "CreateBucket":
            yield replace(call, operation="DeleteBucket")


def _of_sagemaker(calls: Iterable[ApiCall], known: Patterns, where: Where) -> Iterator[Need]:
    """What changes something apart from what looks; each with the things it is about, for IAM is asked so."""
    groups: dict[tuple[str, tuple[str, ...]], set[str]] = {}
    operations = sorted({call.operation for call in calls if _prefix(call) == "sagemaker"})
    created = {place for name in operations if name.startswith("Create") for place in reached(name, known)}
    for operation in operations:
        if account_wide(operation):
            groups.setdefault(("SageMakerLists", ("*",)), set()).add(operation)
            continue
        tagging = operation == "AddTags" and created  # what is created is created with tags
        places = tuple(
            where.arn("sagemaker", place) for place in sorted(created if tagging else reached(operation, known))
        )
        sid = "SageMakerLooks" if reads(operation) else "SageMaker"
        sid += "AtAll" if places == (where.arn("sagemaker", "*"),) else ""
        groups.setdefault((sid, places), set()).add(operation)
    for (sid, places), found in groups.items():
        yield Need(sid, tuple(f"sagemaker:{operation}" for operation in sorted(found)), places)


def _grouped(calls: Iterable[ApiCall], destination: Destination, where: Where) -> Iterator[Need]:
    """Of all other services."""
    groups: dict[tuple[str, tuple[str, ...]], set[str]] = {}
    for call in calls:
        prefix = _prefix(call)
        if prefix == "sagemaker" or (call.service, call.operation) in _FREE:
            continue
        if call.service == "s3":
            bucket = call.bucket or destination.default_bucket
            for action in _S3.get(call.operation, (call.operation,)):
                groups.setdefault(_s3_place(action, bucket, where), set()).add(f"s3:{action}")
            continue
        groups.setdefault(_place(prefix, call.operation, destination, where), set()).add(f"{prefix}:{call.operation}")
    for (sid, resources), actions in groups.items():
        yield Need(sid, tuple(sorted(actions)), resources)


def _prefix(call: ApiCall) -> str:
    return _PREFIXES.get(call.service, call.service)


def _keys_of_caller(destination: Destination, where: Where) -> Iterator[Need]:
    """Whoever makes an endpoint on an encrypted volume hands on its key; whoever reads what jobs wrote decrypts it."""
    if volume := destination.kms.get("volume"):
        yield Need("VolumeKey", ("kms:CreateGrant", "kms:DescribeKey"), (key_arn(volume, where),))
    if output := destination.kms.get("output"):
        yield Need("OutputKey", ("kms:Decrypt",), (key_arn(output, where),))


def _s3_place(action: str, bucket: str, where: Where) -> tuple[str, tuple[str, ...]]:
    if action == "ListAllMyBuckets":
        return "Buckets", ("*",)
    inside = _OF_OBJECTS.fullmatch(action) is not None
    name = "".join(part.capitalize() for part in bucket.replace(".", "-").split("-"))
    sid = "Objects" if inside else "Bucket"
    return f"{sid}{name}", (where.bucket(bucket, "/*" if inside else ""),)


def _place(prefix: str, operation: str, destination: Destination, where: Where) -> tuple[str, tuple[str, ...]]:
    if prefix == "logs" and operation != "DescribeLogGroups":  # that one knows no resources
        return "Logs", (_log_groups(where),)
    if prefix == "iam" and operation in _OF_ROLES:
        return "Role", (destination.role_arn(where.partition),)
    return prefix.capitalize(), ("*",)


def _log_groups(where: Where) -> str:
    return where.arn("logs", "log-group:/aws/sagemaker/*")


def _buckets(calls: Iterable[ApiCall], destination: Destination) -> list[str]:
    named = {call.bucket for call in calls if call.service == "s3" and call.bucket}
    return sorted({destination.default_bucket, *named})


def repositories(images: Iterable[str], where: Where) -> tuple[str, ...]:
    from harness.promotion.preflight.images import parse

    found = {
        f"arn:{where.partition}:ecr:{image.region}:{image.registry}:repository/{image.repository}"
        for uri in images
        if (image := parse(uri))
    }
    return tuple(sorted(found)) or ("*",)


def key_arn(key: str, where: Where) -> str:
    if key.startswith("arn:"):
        return key
    return where.arn("kms", "key/*" if key.startswith("alias/") else f"key/{key}")
