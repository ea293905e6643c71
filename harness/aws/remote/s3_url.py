"""``S3UrlBackend``: uses an S3-compatible service for S3, and another backend for everything else."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from urllib.parse import urlsplit

from harness.aws import AwsBackend, Metric
from harness.aws.remote.clients import Clients
from harness.aws.remote.objects import RemoteObjects
from harness.aws.remote.proxy import BackendUnreachable, Proxy
from harness.aws.remote.signing import S3Keys, Signer
from harness.aws.wire.error_responses import Refusal, fault
from harness.kernel.errors import StateError
from harness.kernel.http import Request, Response

_OURS, _USUAL = "HARNESS_S3_", "AWS_"
_WRONG_KEYS = frozenset({"InvalidAccessKeyId", "SignatureDoesNotMatch", "InvalidToken", "ExpiredToken"})


class S3UrlBackend:
    """A backend with S3 at a URL. ``beside`` serves everything but S3."""

    def __init__(self, beside: AwsBackend, url: str, keys: S3Keys, region: str) -> None:
        self.name = beside.name
        self._beside = beside
        self._url = url
        far = not _is_loopback(url)
        self._proxy = Proxy(url, proxied=far)
        self._signers: dict[str, Signer] = {}
        self._keys = keys
        self._clients = Clients(url, lambda _: (keys.access, keys.secret), token=keys.token, proxied=far)
        self._region = region

    def check(self) -> None:
        """Raise ``StateError`` if no S3 service answers at the URL, or if it refuses the keys."""
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            self._clients.get("s3", "", self._region).list_buckets()
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if code in _WRONG_KEYS:
                raise StateError(
                    f"the S3 at {self._url} does not take the access key {self._keys.access}: {code}"
                ) from error
            if "RequestId" not in error.response["ResponseMetadata"] and code.isdigit():
                raise StateError(f"what answers at {self._url} is no S3: status {code} to ListBuckets") from error
        except BotoCoreError as error:
            raise StateError(f"no S3 answers at {self._url}: {error}") from error

    def services(self) -> frozenset[str]:
        return self._beside.services() | {"s3"}

    def describe(self) -> Mapping[str, str]:
        return {"s3": f"at {self._url}", **self._beside.describe()}

    async def handle(self, service: str, request: Request, account: str, region: str) -> Response:
        if service != "s3":
            return await self._beside.handle(service, request, account, region)
        signer = self._signers.get(region)
        if signer is None:
            signer = self._signers[region] = Signer(self._url, self._keys, region)
        try:
            signed, target = signer.sign(request)
            return await self._proxy.pass_on(signed, target, signed.headers)
        except BackendUnreachable as error:
            return fault("s3", request.headers, 503, "ServiceUnavailable", f"The S3 at {error}")
        except Refusal as error:
            return fault("s3", request.headers, error.status, error.code, error.message)

    def objects(self, account: str, region: str) -> RemoteObjects:
        return RemoteObjects(lambda: self._clients.get("s3", account, region), region, lambda _: None)

    def put_metrics(self, account: str, region: str, namespace: str, metrics: Sequence[Metric]) -> None:
        self._beside.put_metrics(account, region, namespace, metrics)

    def role_exists(self, account: str, role_arn: str) -> bool:
        return self._beside.role_exists(account, role_arn)

    def account_of(self, access_key: str) -> str | None:
        return self._beside.account_of(access_key)

    def secret_of(self, access_key: str) -> str | None:
        return self._beside.secret_of(access_key)

    def load(self) -> None:
        self._beside.load()

    def reset(self) -> None:
        """Reset everything but the objects, which may belong to others."""
        self._beside.reset()

    def close(self) -> None:
        self._clients.close()
        self._beside.close()


def keys_from(environment: Mapping[str, str]) -> S3Keys:
    """Read the keys from ``HARNESS_S3_ACCESS_KEY_ID`` etc., or from the usual ``AWS_`` variables."""
    for prefix in (_OURS, _USUAL):
        access, secret = environment.get(f"{prefix}ACCESS_KEY_ID"), environment.get(f"{prefix}SECRET_ACCESS_KEY")
        if access and secret:
            return S3Keys(access, secret, environment.get(f"{prefix}SESSION_TOKEN", ""))
    raise StateError(
        "the S3 URL needs keys",
        "set HARNESS_S3_ACCESS_KEY_ID and HARNESS_S3_SECRET_ACCESS_KEY (or AWS_ACCESS_KEY_ID "
        "and AWS_SECRET_ACCESS_KEY) in the environment of the command that starts the emulator",
    )


def s3_url_backend(
    beside: AwsBackend, url: str, region: str, environment: Mapping[str, str] = os.environ
) -> S3UrlBackend:
    where = urlsplit(url)
    if where.scheme not in ("http", "https") or not where.hostname or where.path.strip("/") or where.query:
        raise StateError(f"{url!r} is not the URL of an S3 service", "write http://HOST:PORT or https://HOST, no path")
    backend = S3UrlBackend(beside, url.rstrip("/"), keys_from(environment), region)
    backend.check()
    return backend


def _is_loopback(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    return host in ("localhost", "::1") or host.startswith("127.")
