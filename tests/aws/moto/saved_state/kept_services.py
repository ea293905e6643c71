"""Something of every kind that the embedded services keep: made by ``make``, described by ``look``.

``look`` answers plain values, so that the same call before and after a restart can be compared.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

Client = Callable[..., Any]
TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"}, "Action": "sts:AssumeRole"}
        ],
    }
)
POLICY = json.dumps(
    {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}]}
)
BUCKET_POLICY = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::bucket/*"}
        ],
    }
)
MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DIGEST = "sha256:" + "0" * 64
EXPIRY = {
    "rulePriority": 1,
    "description": "untagged images go after two weeks",
    "selection": {"tagStatus": "untagged", "countType": "sinceImagePushed", "countUnit": "days", "countNumber": 14},
    "action": {"type": "expire"},
}
ACCOUNT = "123456789012"


def make(client: Client) -> None:
    for part in (_identity, _messages, _secrets, _keys, _images, _logs_and_metrics, _events, _bucket):
        part(client)


def _identity(client: Client) -> None:
    iam = client("iam")
    iam.create_role(RoleName="mine", AssumeRolePolicyDocument=TRUST, Tags=[{"Key": "a", "Value": "ü"}])
    iam.put_role_policy(RoleName="mine", PolicyName="inline", PolicyDocument=POLICY)
    policy = iam.create_policy(PolicyName="managed", PolicyDocument=POLICY)["Policy"]["Arn"]
    iam.create_policy_version(PolicyArn=policy, PolicyDocument=POLICY, SetAsDefault=True)
    iam.attach_role_policy(RoleName="mine", PolicyArn=policy)
    iam.attach_role_policy(RoleName="mine", PolicyArn="arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess")
    iam.create_user(UserName="me")
    iam.create_access_key(UserName="me")
    iam.create_login_profile(UserName="me", Password="Secret-1234")
    iam.create_virtual_mfa_device(VirtualMFADeviceName="device")
    iam.create_group(GroupName="us")
    iam.add_user_to_group(GroupName="us", UserName="me")
    iam.attach_group_policy(GroupName="us", PolicyArn=policy)
    iam.create_instance_profile(InstanceProfileName="profile")
    iam.add_role_to_instance_profile(InstanceProfileName="profile", RoleName="mine")
    iam.update_account_password_policy(MinimumPasswordLength=12)
    iam.create_account_alias(AccountAlias="alias")
    iam.create_open_id_connect_provider(Url="https://example.org", ClientIDList=["c"], ThumbprintList=["a" * 40])
    client("sts").assume_role(RoleArn=f"arn:aws:iam::{ACCOUNT}:role/mine", RoleSessionName="session")


def _messages(client: Client) -> None:
    sqs, sns = client("sqs"), client("sns")
    dead = sqs.create_queue(QueueName="dead")["QueueUrl"]
    dead_arn = sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    redrive = json.dumps({"deadLetterTargetArn": dead_arn, "maxReceiveCount": 3})
    queue = sqs.create_queue(QueueName="mine", Attributes={"RedrivePolicy": redrive, "VisibilityTimeout": "600"})
    url = queue["QueueUrl"]
    typed = {"n": {"DataType": "Number", "StringValue": "7"}, "b": {"DataType": "Binary", "BinaryValue": b"\0\xff"}}
    sqs.send_message(QueueUrl=url, MessageBody="waiting ü", MessageAttributes=typed)
    sqs.send_message(QueueUrl=url, MessageBody="gone")
    sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=1)
    sqs.tag_queue(QueueUrl=url, Tags={"a": "b"})
    fifo = {"FifoQueue": "true", "ContentBasedDeduplication": "true"}
    ordered = sqs.create_queue(QueueName="ordered.fifo", Attributes=fifo)["QueueUrl"]
    sqs.send_message(QueueUrl=ordered, MessageBody="first", MessageGroupId="g")
    topic = sns.create_topic(Name="topic", Tags=[{"Key": "a", "Value": "b"}])["TopicArn"]
    attributes = {"FilterPolicy": json.dumps({"kind": ["x"]}), "RawMessageDelivery": "true"}
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=dead_arn, Attributes=attributes)
    kind = {"kind": {"DataType": "String", "StringValue": "x"}}
    sns.publish(TopicArn=topic, Message="delivered", MessageAttributes=kind)
    application = sns.create_platform_application(Name="app", Platform="APNS", Attributes={})
    sns.create_platform_endpoint(PlatformApplicationArn=application["PlatformApplicationArn"], Token="t")


def _secrets(client: Client) -> None:
    secrets, ssm = client("secretsmanager"), client("ssm")
    secrets.create_secret(Name="text", SecretString="one", Tags=[{"Key": "a", "Value": "b"}])
    secrets.put_secret_value(SecretId="text", SecretString="two")
    secrets.create_secret(Name="bytes", SecretBinary=b"\0\xff")
    ssm.put_parameter(Name="/p/q", Value="1", Type="String", Tags=[{"Key": "a", "Value": "b"}])
    ssm.put_parameter(Name="/p/q", Value="2", Type="String", Overwrite=True)
    ssm.put_parameter(Name="/p/hidden", Value="3", Type="SecureString")
    ssm.label_parameter_version(Name="/p/q", ParameterVersion=1, Labels=["old"])
    document = json.dumps({"schemaVersion": "2.2", "description": "d", "mainSteps": []})
    ssm.create_document(Name="doc", Content=document, DocumentType="Command")
    ssm.create_maintenance_window(
        Name="window", Schedule="rate(1 day)", Duration=2, Cutoff=1, AllowUnassociatedTargets=True
    )


def _keys(client: Client) -> None:
    kms = client("kms")
    key = kms.create_key(Description="symmetric", Tags=[{"TagKey": "a", "TagValue": "b"}])["KeyMetadata"]["KeyId"]
    kms.create_alias(AliasName="alias/mine", TargetKeyId=key)
    kms.create_grant(KeyId=key, GranteePrincipal="arn:aws:iam::123456789012:role/mine", Operations=["Decrypt"])
    kms.enable_key_rotation(KeyId=key)
    kms.create_key(Description="rsa", KeySpec="RSA_2048", KeyUsage="SIGN_VERIFY")
    kms.create_key(Description="elliptic", KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")


def _images(client: Client) -> None:
    ecr = client("ecr")
    ecr.create_repository(repositoryName="mine", imageTagMutability="IMMUTABLE", tags=[{"Key": "a", "Value": "b"}])
    manifest = json.dumps({"schemaVersion": 2, "mediaType": MANIFEST, "config": {"digest": DIGEST}, "layers": []})
    ecr.put_image(repositoryName="mine", imageManifest=manifest, imageTag="one")
    ecr.put_lifecycle_policy(repositoryName="mine", lifecyclePolicyText=json.dumps({"rules": [EXPIRY]}))
    ecr.put_registry_policy(
        policyText=json.dumps(
            {
                "Version": "2012-10-17",
                "Statement": [
                    {
                        "Sid": "s",
                        "Effect": "Allow",
                        "Principal": {"AWS": "arn:aws:iam::111122223333:root"},
                        "Action": ["ecr:CreateRepository"],
                        "Resource": f"arn:aws:ecr:us-east-1:{ACCOUNT}:repository/*",
                    }
                ],
            }
        )
    )


def _logs_and_metrics(client: Client) -> None:
    logs, metrics = client("logs"), client("cloudwatch")
    logs.create_log_group(logGroupName="/mine", tags={"a": "b"})
    logs.put_retention_policy(logGroupName="/mine", retentionInDays=7)
    logs.create_log_stream(logGroupName="/mine", logStreamName="s")
    for number in range(3):
        events = [{"timestamp": int(time.time() * 1000), "message": f"line {number} ü"}]
        logs.put_log_events(logGroupName="/mine", logStreamName="s", logEvents=events)
    transformation = {"metricName": "errors", "metricNamespace": "N", "metricValue": "1"}
    logs.put_metric_filter(
        logGroupName="/mine", filterName="f", filterPattern="ERROR", metricTransformations=[transformation]
    )
    logs.put_resource_policy(policyName="p", policyDocument=POLICY)
    for value in (1.0, 2.5):
        dimension = {"Name": "d", "Value": "x"}
        metrics.put_metric_data(
            Namespace="Mine", MetricData=[{"MetricName": "m", "Value": value, "Dimensions": [dimension]}]
        )
    metrics.put_metric_alarm(
        AlarmName="alarm",
        ComparisonOperator="GreaterThanThreshold",
        EvaluationPeriods=1,
        MetricName="m",
        Namespace="Mine",
        Period=60,
        Statistic="Sum",
        Threshold=3,
    )
    metrics.put_dashboard(DashboardName="board", DashboardBody=json.dumps({"widgets": []}))


def _events(client: Client) -> None:
    events, scheduler = client("events"), client("scheduler")
    events.put_rule(Name="rule", EventPattern=json.dumps({"source": ["mine"]}))
    events.put_targets(Rule="rule", Targets=[{"Id": "1", "Arn": f"arn:aws:sqs:us-east-1:{ACCOUNT}:mine"}])
    events.create_event_bus(Name="bus")
    target = {"Arn": f"arn:aws:sqs:us-east-1:{ACCOUNT}:mine", "RoleArn": f"arn:aws:iam::{ACCOUNT}:role/mine"}
    scheduler.create_schedule(
        Name="daily", ScheduleExpression="rate(1 day)", FlexibleTimeWindow={"Mode": "OFF"}, Target=target
    )
    query = {
        "Type": "TAG_FILTERS_1_0",
        "Query": json.dumps(
            {"ResourceTypeFilters": ["AWS::AllSupported"], "TagFilters": [{"Key": "a", "Values": ["b"]}]}
        ),
    }
    client("resource-groups").create_group(Name="group", ResourceQuery=query)


def _bucket(client: Client) -> None:
    s3 = client("s3")
    s3.create_bucket(Bucket="bucket")
    s3.put_bucket_versioning(Bucket="bucket", VersioningConfiguration={"Status": "Enabled"})
    s3.put_bucket_tagging(Bucket="bucket", Tagging={"TagSet": [{"Key": "a", "Value": "b"}]})
    s3.put_bucket_policy(Bucket="bucket", Policy=BUCKET_POLICY)
    rule = {"SSEAlgorithm": "aws:kms"}
    s3.put_bucket_encryption(
        Bucket="bucket",
        ServerSideEncryptionConfiguration={"Rules": [{"ApplyServerSideEncryptionByDefault": rule}]},
    )
    expiry = {"ID": "r", "Status": "Enabled", "Filter": {"Prefix": "x/"}, "Expiration": {"Days": 3}}
    s3.put_bucket_lifecycle_configuration(Bucket="bucket", LifecycleConfiguration={"Rules": [expiry]})
    cors = {"AllowedMethods": ["GET"], "AllowedOrigins": ["https://example.org"]}
    s3.put_bucket_cors(Bucket="bucket", CORSConfiguration={"CORSRules": [cors]})
    block = dict.fromkeys(["BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"], True)
    s3.put_public_access_block(Bucket="bucket", PublicAccessBlockConfiguration=block)
    to_queue = {"QueueArn": f"arn:aws:sqs:us-east-1:{ACCOUNT}:dead", "Events": ["s3:ObjectCreated:*"]}
    s3.put_bucket_notification_configuration(
        Bucket="bucket", NotificationConfiguration={"QueueConfigurations": [{"Id": "n", **to_queue}]}
    )
    s3.put_object(Bucket="bucket", Key="k", Body=b"x")  # tells the queue


def look(client: Client) -> dict[str, Any]:
    """Answers of reading operations, without what differs from call to call."""
    found: dict[str, Any] = {}
    for service, operation, asked in _READS:
        answer = getattr(client(service), operation)(**asked)
        for name in ("ResponseMetadata", "lastEvaluatedAt"):  # the second is the time of the call
            answer.pop(name, None)
        found[f"{service} {operation} {asked}"] = answer
    found["keys"] = _described_keys(client("kms"))
    found["messages"] = _counts(client("sqs"))
    return found


def _described_keys(kms: Any) -> dict[str, Any]:
    keys = [key["KeyId"] for key in kms.list_keys()["Keys"]]
    return {
        key: (
            kms.describe_key(KeyId=key)["KeyMetadata"],
            kms.list_grants(KeyId=key)["Grants"],
            kms.list_resource_tags(KeyId=key)["Tags"],
        )
        for key in keys
    }


def _counts(sqs: Any) -> dict[str, Any]:
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible", "RedrivePolicy"]
    return {
        url: sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names).get("Attributes")
        for url in sqs.list_queues()["QueueUrls"]
    }


_OF_MINE = {"RoleName": "mine"}
_READS: list[tuple[str, str, dict[str, Any]]] = [
    ("iam", "get_role", _OF_MINE),
    ("iam", "list_role_policies", _OF_MINE),
    ("iam", "list_attached_role_policies", _OF_MINE),
    ("iam", "list_instance_profiles_for_role", _OF_MINE),
    ("iam", "list_policies", {"Scope": "Local"}),
    ("iam", "get_group", {"GroupName": "us"}),
    ("iam", "list_access_keys", {"UserName": "me"}),
    ("iam", "list_virtual_mfa_devices", {}),
    ("iam", "list_account_aliases", {}),
    ("iam", "list_open_id_connect_providers", {}),
    ("iam", "get_account_password_policy", {}),
    ("iam", "get_account_summary", {}),
    ("sns", "list_topics", {}),
    ("sns", "list_subscriptions", {}),
    ("sns", "list_platform_applications", {}),
    ("secretsmanager", "list_secrets", {}),
    ("ssm", "get_parameter_history", {"Name": "/p/q"}),
    ("ssm", "get_parameters_by_path", {"Path": "/p", "WithDecryption": True}),
    ("ssm", "list_tags_for_resource", {"ResourceType": "Parameter", "ResourceId": "/p/q"}),
    ("ssm", "describe_document", {"Name": "doc"}),
    ("ssm", "describe_maintenance_windows", {}),
    ("kms", "list_aliases", {}),
    ("ecr", "describe_repositories", {}),
    ("ecr", "describe_images", {"repositoryName": "mine"}),
    ("ecr", "get_lifecycle_policy", {"repositoryName": "mine"}),
    ("ecr", "get_registry_policy", {}),
    ("logs", "describe_log_groups", {}),
    ("logs", "get_log_events", {"logGroupName": "/mine", "logStreamName": "s", "startFromHead": True}),
    ("logs", "describe_metric_filters", {}),
    ("logs", "describe_resource_policies", {}),
    ("cloudwatch", "list_metrics", {"Namespace": "Mine"}),
    ("cloudwatch", "describe_alarms", {}),
    ("cloudwatch", "list_dashboards", {}),
    ("events", "list_rules", {}),
    ("events", "list_event_buses", {}),
    ("events", "list_targets_by_rule", {"Rule": "rule"}),
    ("scheduler", "list_schedules", {}),
    ("resource-groups", "list_groups", {}),
    ("s3", "get_bucket_versioning", {"Bucket": "bucket"}),
    ("s3", "get_bucket_tagging", {"Bucket": "bucket"}),
    ("s3", "get_bucket_policy", {"Bucket": "bucket"}),
    ("s3", "get_bucket_encryption", {"Bucket": "bucket"}),
    ("s3", "get_bucket_lifecycle_configuration", {"Bucket": "bucket"}),
    ("s3", "get_bucket_cors", {"Bucket": "bucket"}),
    ("s3", "get_public_access_block", {"Bucket": "bucket"}),
    ("s3", "get_bucket_notification_configuration", {"Bucket": "bucket"}),
]
