"""The AWS account behind a profile's credentials, verified to be the account that the profile expects."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import Any

from harness.kernel.errors import GuardRefused, StateError
from harness.promotion.destination import Destination

_STALE = frozenset(
    ["ExpiredToken", "ExpiredTokenException", "RequestExpired", "InvalidClientTokenId", "UnrecognizedClientException"]
)
_WRONG = frozenset(["SignatureDoesNotMatch", "InvalidSignatureException", "IncompleteSignature", "AuthFailure"])
_REFUSED = frozenset(["AccessDenied", "AccessDeniedException", "UnauthorizedOperation"])


@dataclass(frozen=True)
class Account:
    """An AWS account: ``session`` is a boto3 session, ``arn`` the identity that the credentials belong to."""

    session: Any
    id: str
    arn: str
    region: str
    _clients: dict[str, Any] = field(default_factory=dict, repr=False, compare=False)

    @property
    def partition(self) -> str:
        return self.arn.split(":")[1]

    def client(self, service: str) -> Any:
        from botocore.config import Config

        if service not in self._clients:
            config = Config(retries={"total_max_attempts": 8, "mode": "standard"})
            self._clients[service] = self.session.client(service, config=config)
        return self._clients[service]

    def __str__(self) -> str:
        return f"AWS account {self.id}, {self.region}"


def open_account(destination: Destination) -> Account:
    """Ask STS whose credentials these are, and return the account.

    Raise ``StateError`` if AWS does not accept the credentials, and ``GuardRefused`` if they belong to another account
    than the profile expects.
    """
    import boto3
    from botocore.config import Config
    from botocore.exceptions import BotoCoreError, ClientError

    config = Config(connect_timeout=10, read_timeout=20, retries={"total_max_attempts": 3, "mode": "standard"})
    try:
        session = boto3.Session(profile_name=destination.aws_profile or None, region_name=destination.region)
        identity = session.client("sts", config=config).get_caller_identity()
    except (BotoCoreError, ClientError) as error:
        raise StateError(f"profile {destination.name!r}: {_describe_error(error, destination)}") from error
    if identity["Account"] != destination.account_id:
        raise GuardRefused(
            f"profile {destination.name!r} expects account {destination.account_id}, but these credentials "
            f"({identity['Arn']}{_credentials_source(destination)}) belong to account {identity['Account']}, "
            "so nothing was created",
            "use credentials of the expected account, or correct account_id in harness.toml",
        )
    return Account(session, identity["Account"], identity["Arn"], destination.region)


def credentials_expired(error: BaseException) -> bool:
    """Return whether AWS refused a call because the credentials have expired or are not valid."""
    from botocore.exceptions import ClientError, NoCredentialsError, SSOError, TokenRetrievalError

    if isinstance(error, ClientError):
        return error.response["Error"]["Code"] in _STALE
    return isinstance(error, (NoCredentialsError, SSOError, TokenRetrievalError))


def renewal_advice(destination: Destination) -> str:
    profile = f" --profile {destination.aws_profile}" if destination.aws_profile else ""
    if _has_keys_in_environment() and not destination.aws_profile:
        return "renew the credentials in this environment (AWS_ACCESS_KEY_ID and the rest), or unset them"
    return f"renew them with `aws sso login{profile}` or `aws configure{profile}`"


def _describe_error(error: Any, destination: Destination) -> str:
    from botocore.exceptions import ClientError, EndpointConnectionError, NoCredentialsError, ProfileNotFound

    if isinstance(error, ProfileNotFound):
        return (
            f"there is no AWS profile {destination.aws_profile!r} in your AWS configuration; make it with "
            f"`aws configure --profile {destination.aws_profile}` or correct aws_profile in harness.toml"
        )
    if isinstance(error, NoCredentialsError):
        return f"there are no AWS credentials; {renewal_advice(destination)}"
    code = error.response["Error"]["Code"] if isinstance(error, ClientError) else type(error).__name__
    if credentials_expired(error):
        return f"the AWS credentials have expired or are not valid ({code}); {renewal_advice(destination)}"
    if code in _WRONG:
        return f"AWS does not accept the secret key or this machine's clock ({code}); {renewal_advice(destination)}"
    if code in _REFUSED:
        return f"these credentials may not call sts:GetCallerIdentity ({error}); allow it for them"
    if isinstance(error, EndpointConnectionError):
        return f"AWS cannot be reached: {error}; check the network, the proxy and AWS_ENDPOINT_URL"
    return f"sts:GetCallerIdentity failed: {error}"


def _has_keys_in_environment() -> bool:
    return "AWS_ACCESS_KEY_ID" in os.environ


def _credentials_source(destination: Destination) -> str:
    if destination.aws_profile:
        return f", AWS profile {destination.aws_profile}"
    return ", from AWS_ACCESS_KEY_ID in the environment" if _has_keys_in_environment() else ""
