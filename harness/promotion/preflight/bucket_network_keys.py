"""Preflight checks of the run's bucket, network and KMS keys."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from harness.promotion.account import Account
from harness.promotion.destination import Destination
from harness.promotion.preflight.findings import FAILURE, OK, WARNING, Finding, code

_HOME = "us-east-1"
"""The region for which S3 reports no location."""


def check_bucket(account: Account, destination: Destination) -> Iterator[Finding]:
    from botocore.exceptions import ClientError

    name = destination.default_bucket
    try:
        answer = account.client("s3").head_bucket(Bucket=name, ExpectedBucketOwner=account.id)
    except ClientError as error:
        yield _explain_bucket_error(name, error, account)
        return
    headers = answer["ResponseMetadata"]["HTTPHeaders"]
    region = answer.get("BucketRegion") or headers.get("x-amz-bucket-region") or _region(account, name)
    if region != account.region:
        yield _wrong_region(name, region, account)
    else:
        yield Finding("bucket", OK, f"{name} exists in {region}")


def _explain_bucket_error(name: str, error: Any, account: Account) -> Finding:
    status = error.response["ResponseMetadata"]["HTTPStatusCode"]
    headers = error.response["ResponseMetadata"].get("HTTPHeaders", {})
    region = headers.get("x-amz-bucket-region", "")
    if status == 404:
        return Finding("bucket", OK, f"{name} does not exist; the SDKs create it when they first need it")
    if region and region != account.region:
        return _wrong_region(name, region, account)
    if status == 403:
        return Finding(
            "bucket",
            FAILURE,
            f"{name} cannot be used: it belongs to another account, or these credentials may not list it",
            "name a bucket of your own in the profile, or allow s3:ListBucket",
        )
    raise error


def _wrong_region(name: str, region: str, account: Account) -> Finding:
    return Finding(
        "bucket",
        FAILURE,
        f"{name} is in {region}, and jobs in {account.region} cannot use it",
        f"name a bucket in {account.region}, or correct region in the profile",
    )


def _region(account: Account, name: str) -> str:
    return account.client("s3").get_bucket_location(Bucket=name).get("LocationConstraint") or _HOME


def check_network(account: Account, destination: Destination) -> Iterator[Finding]:
    from botocore.exceptions import ClientError

    if not destination.subnets:
        return
    client = account.client("ec2")
    try:
        subnets = client.describe_subnets(SubnetIds=list(destination.subnets))["Subnets"]
        groups = client.describe_security_groups(GroupIds=list(destination.security_groups))["SecurityGroups"]
    except ClientError as error:
        if "NotFound" not in code(error) and "Malformed" not in code(error):
            raise
        message = f"{error.response['Error']['Message']} ({code(error)})"
        yield Finding("network", FAILURE, message, f"use subnets and security_groups that exist in {account.region}")
        return
    networks = {each["VpcId"] for each in (*subnets, *groups)}
    if len(networks) > 1:
        message = f"the subnets and security groups belong to several VPCs: {', '.join(sorted(networks))}"
        yield Finding("network", FAILURE, message, "choose all of them from one VPC")
        return
    ids = ", ".join((*destination.subnets, *destination.security_groups))
    yield Finding("network", OK, f"{ids} exist in {next(iter(networks))}")
    if full := [each["SubnetId"] for each in subnets if each.get("AvailableIpAddressCount", 1) < 1]:
        yield Finding("network", WARNING, f"no address is free in {', '.join(full)}", "add a subnet to the profile")


def check_keys(account: Account, destination: Destination) -> Iterator[Finding]:
    from botocore.exceptions import ClientError

    for use, key in destination.kms.items():
        topic = f"{use} key"
        try:
            metadata = account.client("kms").describe_key(KeyId=key)["KeyMetadata"]
        except ClientError as error:
            if code(error) not in ("NotFoundException", "InvalidArnException"):
                raise
            yield Finding(topic, FAILURE, f"{key} does not exist in {account.region}", "correct kms in the profile")
            continue
        if metadata["KeyState"] != "Enabled":
            message = f"{key} is {metadata['KeyState']}"
            yield Finding(topic, FAILURE, message, "enable it (`aws kms enable-key`) or name another in the profile")
        elif metadata.get("KeyUsage", "ENCRYPT_DECRYPT") != "ENCRYPT_DECRYPT":
            yield Finding(
                topic, FAILURE, f"{key} is for {metadata['KeyUsage']}", "name a key that encrypts and decrypts"
            )
        else:
            yield Finding(topic, OK, f"{key} is enabled")
