"""The minimal IAM permissions of a run: which actions on which resources the caller and the execution role need."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from harness.kernel.kinds import RUN_JOBS
from harness.promotion.destination import Destination
from harness.promotion.plan import ApiCall, RunPlan
from harness.promotion.preflight.resource_arns import Patterns, arn_suffixes, is_account_wide, is_read, patterns

# S3 operations whose IAM actions have another name than the operation.
_S3 = {
    "AbortMultipartUpload": ("AbortMultipartUpload",),
    "CompleteMultipartUpload": ("PutObject",),
    "CopyObject": ("GetObject", "PutObject"),
    "CreateMultipartUpload": ("PutObject",),
    "DeleteObjects": ("DeleteObject", "DeleteObjectVersion"),  # the second is needed to delete a version
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
_NO_PERMISSION = frozenset([("sts", "GetCallerIdentity"), ("sts", "GetSessionToken")])
_PREFIXES = {
    "sagemaker-runtime": "sagemaker",
    "sagemaker-metrics": "sagemaker",
    "sagemaker-featurestore-runtime": "sagemaker",
    "events": "events",
    "resourcegroupstaggingapi": "tag",
    "service-quotas": "servicequotas",
    "stepfunctions": "states",
}
_OBJECT_ACTIONS = re.compile(r"(?:Abort|Delete|Get|Put|Restore)(?:Object|MultipartUpload).*|ListMultipartUploadParts")
_JOBS = tuple(kind.noun for kind in RUN_JOBS)
_SDK_KINDS = (*_JOBS, "Model", "EndpointConfig", "Endpoint")
# Calls that the SDKs make for a job, a model and an endpoint; assumed if a scenario's calls were never recorded.
_SDK_CALLS = (
    *(ApiCall("sagemaker", f"{verb}{kind}") for kind in _SDK_KINDS for verb in ("Create", "Describe")),
    *(ApiCall("s3", name) for name in ("HeadBucket", "CreateBucket", "ListObjectsV2", "GetObject", "PutObject")),
    *(ApiCall("logs", name) for name in ("DescribeLogStreams", "GetLogEvents")),
    ApiCall("sagemaker-runtime", "InvokeEndpoint"),
)
# Calls that harness itself makes in every run: it checks before it writes, searches by tag, tears down and verifies.
_HARNESS_CALLS = (
    *(ApiCall("s3", name) for name in ("HeadObject", "ListObjectsV2", "ListObjectVersions", "DeleteObjects")),
    *(ApiCall("s3", name) for name in ("ListMultipartUploads", "AbortMultipartUpload")),
    *(ApiCall("sagemaker", f"List{nouns}") for nouns in ("MonitoringSchedules", "Endpoints", "Tags")),
    *(ApiCall("sagemaker", f"List{kind}s") for kind in _JOBS),
    ApiCall("sagemaker", "AddTags"),
    ApiCall("resourcegroupstaggingapi", "GetResources"),
    ApiCall("logs", "FilterLogEvents"),
)
_COMPONENT_CALLS = ("DisassociateTrialComponent", "ListTrialComponents", "ListTrials")
_ASSOCIATION_CALLS = ("DeleteAssociation", "ListAssociations")
# Calls that come with a Create besides Describe, Stop and Delete: running a schedule early, detaching dependents.
_ACCOMPANYING_CALLS = {
    "CreateMonitoringSchedule": (
        "CreateProcessingJob",
        "DescribeEndpoint",
        "DescribeEndpointConfig",
        "DescribeProcessingJob",
        "ListMonitoringExecutions",
        "StopProcessingJob",
    ),
    "CreateTrial": _COMPONENT_CALLS,
    "CreateTrialComponent": _COMPONENT_CALLS,
    "CreateArtifact": _ASSOCIATION_CALLS,
    "CreateAction": _ASSOCIATION_CALLS,
    "CreateContext": _ASSOCIATION_CALLS,
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
_ROLE_OPERATIONS = ("GetRole", "SimulatePrincipalPolicy")
_PULL = ("BatchCheckLayerAvailability", "BatchGetImage", "GetDownloadUrlForLayer")
PASSED_TO = {"iam:PassedToService": "sagemaker.amazonaws.com"}


@dataclass(frozen=True)
class Need:
    """Actions that are needed on all of the resources; ``context`` holds the condition keys of their requests."""

    sid: str
    actions: tuple[str, ...]
    resources: tuple[str, ...] = ("*",)
    context: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class ArnScope:
    """Partition, account and region, from which ARNs are made."""

    partition: str
    account: str
    region: str

    def arn(self, service: str, resource: str) -> str:
        return f"arn:{self.partition}:{service}:{self.region}:{self.account}:{resource}"

    def bucket(self, name: str, inner: str = "") -> str:
        return f"arn:{self.partition}:s3:::{name}{inner}"


def caller_needs(plans: Iterable[RunPlan], destination: Destination, scope: ArnScope) -> list[Need]:
    """Return the permissions that the identity that starts the run needs."""
    from harness.protocol import service_model

    plans = list(plans)
    calls = dict.fromkeys(call for plan in plans for call in plan.calls)
    if not all(plan.calls for plan in plans):
        calls |= dict.fromkeys(_SDK_CALLS)
    operations = frozenset(service_model("sagemaker").operation_names)
    calls |= dict.fromkeys([*_HARNESS_CALLS, *_cleanup_calls(calls, operations)])
    needs = [
        *_sagemaker_needs(calls, patterns(plans), scope),
        *_other_needs(calls, destination, scope),
        *_keys_of_caller(destination, scope),
        Need("PassRole", ("iam:PassRole",), (destination.role_arn(scope.partition),), PASSED_TO),
    ]
    return sorted(needs, key=lambda need: need.sid)


def role_needs(plans: Iterable[RunPlan], destination: Destination, scope: ArnScope) -> list[Need]:
    """Return the permissions of the role that SageMaker assumes for jobs and endpoints."""
    plans = list(plans)
    buckets = _buckets((call for plan in plans for call in plan.calls), destination)
    images = {image for plan in plans for planned in plan.resources for image in planned.images}
    logs = ("CreateLogGroup", "CreateLogStream", "DescribeLogStreams", "PutLogEvents")
    needs = [
        Need("Bucket", ("s3:GetBucketLocation", "s3:ListBucket"), tuple(map(scope.bucket, buckets))),
        Need("Images", tuple(f"ecr:{name}" for name in _PULL), repositories(images, scope)),
        Need("Logs", tuple(f"logs:{name}" for name in logs), (_log_groups(scope),)),
        Need("Metrics", ("cloudwatch:PutMetricData",)),
        Need("Objects", ("s3:GetObject", "s3:PutObject"), tuple(scope.bucket(name, "/*") for name in buckets)),
        Need("Registry", ("ecr:GetAuthorizationToken",)),
    ]
    if destination.subnets or _sdk_checks_role(plans):
        needs.append(Need("Network", tuple(f"ec2:{name}" for name in _NETWORK)))
    if destination.kms:
        keys = tuple(sorted({key_arn(key, scope) for key in destination.kms.values()}))
        needs.append(Need("Keys", tuple(f"kms:{name}" for name in _KEYS), keys))
    return sorted(needs, key=lambda need: need.sid)


def _sdk_checks_role(plans: Iterable[RunPlan]) -> bool:
    """Return whether SDK v3 checks the role before it trains.

    It requires permissions for network interfaces, even for jobs without a VPC.
    """
    checked, trains = ApiCall("iam", "SimulatePrincipalPolicy"), ApiCall("sagemaker", "CreateTrainingJob")
    return any({checked, trains} <= set(plan.calls) for plan in plans)


def policy(needs: Iterable[Need]) -> dict[str, Any]:
    """Return the minimal policy document, with one statement for all needs of the same ``sid``."""
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


def _cleanup_calls(calls: Iterable[ApiCall], operations: frozenset[str]) -> Iterator[ApiCall]:
    """Yield the calls that describe, stop and delete what the given calls create."""
    for call in calls:
        if call.service == "sagemaker" and call.operation.startswith("Create"):
            kind = call.operation.removeprefix("Create")
            for verb in ("Describe", "Stop", *(() if kind in _JOBS else ("Delete",))):  # jobs cannot be deleted
                if f"{verb}{kind}" in operations:
                    yield ApiCall("sagemaker", f"{verb}{kind}")
            yield from (ApiCall("sagemaker", more) for more in _ACCOMPANYING_CALLS.get(call.operation, ()))
            if kind in _JOBS:  # on AWS a job runs long enough that the SDK follows its log
                yield from (ApiCall("logs", name) for name in ("DescribeLogStreams", "GetLogEvents"))
        elif call.operation == "CreateBucket":
            yield replace(call, operation="DeleteBucket")


def _sagemaker_needs(calls: Iterable[ApiCall], known: Patterns, scope: ArnScope) -> Iterator[Need]:
    """Yield SageMaker's permissions: reading and writing actions separately, each with the resources it acts on."""
    groups: dict[tuple[str, tuple[str, ...]], set[str]] = {}
    operations = sorted({call.operation for call in calls if _prefix(call) == "sagemaker"})
    created = {name for call in operations if call.startswith("Create") for name in arn_suffixes(call, known)}
    for operation in operations:
        if is_account_wide(operation):
            groups.setdefault(("SageMakerLists", ("*",)), set()).add(operation)
            continue
        tagging = operation == "AddTags" and created  # every Create adds tags
        suffixes = sorted(created if tagging else arn_suffixes(operation, known))
        resources = tuple(scope.arn("sagemaker", suffix) for suffix in suffixes)
        sid = "SageMakerLooks" if is_read(operation) else "SageMaker"
        sid += "AtAll" if resources == (scope.arn("sagemaker", "*"),) else ""
        groups.setdefault((sid, resources), set()).add(operation)
    for (sid, resources), group in groups.items():
        yield Need(sid, tuple(f"sagemaker:{operation}" for operation in sorted(group)), resources)


def _other_needs(calls: Iterable[ApiCall], destination: Destination, scope: ArnScope) -> Iterator[Need]:
    """Yield the permissions for all services other than SageMaker."""
    groups: dict[tuple[str, tuple[str, ...]], set[str]] = {}
    for call in calls:
        prefix = _prefix(call)
        if prefix == "sagemaker" or (call.service, call.operation) in _NO_PERMISSION:
            continue
        if call.service == "s3":
            bucket = call.bucket or destination.default_bucket
            for action in _S3.get(call.operation, (call.operation,)):
                groups.setdefault(_s3_resource(action, bucket, scope), set()).add(f"s3:{action}")
            continue
        groups.setdefault(_resource_of(prefix, call.operation, destination, scope), set()).add(
            f"{prefix}:{call.operation}"
        )
    for (sid, resources), actions in groups.items():
        yield Need(sid, tuple(sorted(actions)), resources)


def _prefix(call: ApiCall) -> str:
    return _PREFIXES.get(call.service, call.service)


def _keys_of_caller(destination: Destination, scope: ArnScope) -> Iterator[Need]:
    """Yield the caller's permissions on KMS keys.

    Creating an endpoint with an encrypted volume grants SageMaker the volume key; reading outputs decrypts them.
    """
    if volume := destination.kms.get("volume"):
        yield Need("VolumeKey", ("kms:CreateGrant", "kms:DescribeKey"), (key_arn(volume, scope),))
    if output := destination.kms.get("output"):
        yield Need("OutputKey", ("kms:Decrypt",), (key_arn(output, scope),))


def _s3_resource(action: str, bucket: str, scope: ArnScope) -> tuple[str, tuple[str, ...]]:
    if action == "ListAllMyBuckets":
        return "Buckets", ("*",)
    inside = _OBJECT_ACTIONS.fullmatch(action) is not None
    name = "".join(part.capitalize() for part in bucket.replace(".", "-").split("-"))
    sid = "Objects" if inside else "Bucket"
    return f"{sid}{name}", (scope.bucket(bucket, "/*" if inside else ""),)


def _resource_of(prefix: str, operation: str, destination: Destination, scope: ArnScope) -> tuple[str, tuple[str, ...]]:
    if prefix == "logs" and operation != "DescribeLogGroups":  # that one has no resource-level permissions
        return "Logs", (_log_groups(scope),)
    if prefix == "iam" and operation in _ROLE_OPERATIONS:
        return "Role", (destination.role_arn(scope.partition),)
    return prefix.capitalize(), ("*",)


def _log_groups(scope: ArnScope) -> str:
    return scope.arn("logs", "log-group:/aws/sagemaker/*")


def _buckets(calls: Iterable[ApiCall], destination: Destination) -> list[str]:
    named = {call.bucket for call in calls if call.service == "s3" and call.bucket}
    return sorted({destination.default_bucket, *named})


def repositories(images: Iterable[str], scope: ArnScope) -> tuple[str, ...]:
    from harness.promotion.preflight.images import parse

    arns = {
        f"arn:{scope.partition}:ecr:{image.region}:{image.registry}:repository/{image.repository}"
        for uri in images
        if (image := parse(uri))
    }
    return tuple(sorted(arns)) or ("*",)


def key_arn(key: str, scope: ArnScope) -> str:
    if key.startswith("arn:"):
        return key
    return scope.arn("kms", "key/*" if key.startswith("alias/") else f"key/{key}")
