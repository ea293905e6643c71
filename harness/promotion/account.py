"""``Account``: the AWS account behind a profile's credentials, once it is known to be the expected one."""

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
    """``session`` is a boto3 session; ``arn`` is who the credentials belong to."""

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
            patient = Config(retries={"total_max_attempts": 8, "mode": "standard"})
            self._clients[service] = self.session.client(service, config=patient)
        return self._clients[service]

    def __str__(self) -> str:
        return f"AWS account {self.id}, {self.region}"


def open_account(destination: Destination) -> Account:
    """Asks who the credentials belong to. ``StateError`` when they open nothing, ``GuardRefused`` for a wrong door."""
    import boto3
    from botocore.config import Config
    from botocore.exceptions import BotoCoreError, ClientError

    patient = Config(connect_timeout=10, read_timeout=20, retries={"total_max_attempts": 3, "mode": "standard"})
    try:
        session = boto3.Session(profile_name=destination.aws_profile or None, region_name=destination.region)
        told = session.client("sts", config=patient).get_caller_identity()
    except (BotoCoreError, ClientError) as error:
        raise StateError(f"profile {destination.name!r}: {_why(error, destination)}") from error
    if told["Account"] != destination.account_id:
        raise GuardRefused(
            f"profile {destination.name!r} expects account {destination.account_id}, but these credentials "
            f"({told['Arn']}{_by_whom(destination)}) belong to account {told['Account']}, so nothing was created",
            "use credentials of the expected account, or correct account_id in harness.toml",
        )
    return Account(session, told["Account"], told["Arn"], destination.region)


def stale(error: BaseException) -> bool:
    """Whether the credentials are no longer (or not) good for anything."""
    from botocore.exceptions import ClientError, NoCredentialsError, SSOError, TokenRetrievalError

    if isinstance(error, ClientError):
        return error.response["Error"]["Code"] in _STALE
    return isinstance(error, (NoCredentialsError, SSOError, TokenRetrievalError))


def renewal(destination: Destination) -> str:
    profile = f" --profile {destination.aws_profile}" if destination.aws_profile else ""
    if _keys_in_environment() and not destination.aws_profile:
        return "renew the credentials in this environment (AWS_ACCESS_KEY_ID and the rest), or unset them"
    return f"renew them with `aws sso login{profile}` or `aws configure{profile}`"


def _why(error: Any, destination: Destination) -> str:
    from botocore.exceptions import ClientError, EndpointConnectionError, NoCredentialsError, ProfileNotFound

    if isinstance(error, ProfileNotFound):
        return (
            f"there is no AWS profile {destination.aws_profile!r} in your AWS configuration; make it with "
            f"`aws configure --profile {destination.aws_profile}` or correct aws_profile in harness.toml"
        )
    if isinstance(error, NoCredentialsError):
        return f"no AWS credentials are found; {renewal(destination)}"
    code = error.response["Error"]["Code"] if isinstance(error, ClientError) else type(error).__name__
    if stale(error):
        return f"the AWS credentials have expired or are not valid ({code}); {renewal(destination)}"
    if code in _WRONG:
        return f"AWS does not accept the secret key or this machine's clock ({code}); {renewal(destination)}"
    if code in _REFUSED:
        return f"these credentials may not even ask who they are ({error}); allow sts:GetCallerIdentity"
    if isinstance(error, EndpointConnectionError):
        return f"AWS cannot be reached: {error}; look at the network, the proxy and AWS_ENDPOINT_URL"
    return f"AWS does not tell whose credentials these are: {error}"


def _keys_in_environment() -> bool:
    return "AWS_ACCESS_KEY_ID" in os.environ


def _by_whom(destination: Destination) -> str:
    if destination.aws_profile:
        return f", AWS profile {destination.aws_profile}"
    return ", from AWS_ACCESS_KEY_ID in the environment" if _keys_in_environment() else ""
