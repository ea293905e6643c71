"""ECR's answers about images: moto's own, and beside them what a container engine holds for the account.

Reading operations only; pure but for the two functions it is given. What the engine holds is changed with ``docker``.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta, timezone
from typing import Any, Protocol

from multidict import CIMultiDict

from harness.aws.moto.dispatch import MotoCall, failure
from harness.aws.moto.misread import trusting
from harness.aws.wire.error_responses import fault
from harness.kernel.http import Response

_PAGE = 100
_PAGING = ("maxResults", "nextToken")
_TOKEN_HOURS = 12
_MANIFEST = "application/vnd.oci.image.manifest.v1+json"


class ListedImage(Protocol):
    """One tag of a repository."""

    @property
    def repository(self) -> str: ...
    @property
    def tag(self) -> str: ...
    @property
    def digest(self) -> str: ...
    @property
    def size(self) -> int: ...
    @property
    def created(self) -> float: ...
    @property
    def manifest(self) -> Callable[[], str]: ...


Listed = Callable[[str, str], Sequence[ListedImage]]
"""``(account, region)`` -> what the engine holds for its registry."""
Inner = Callable[[MotoCall], Response]


class _Fault(Exception):
    def __init__(self, response: Response) -> None:
        super().__init__(response.status)
        self.response = response


def answer(call: MotoCall, inner: Inner, listed: Listed) -> Response:
    operation = call.headers.get("x-amz-target", "").rpartition(".")[2]
    handler = _HANDLERS.get(operation)
    if handler is None:
        return inner(call)
    try:
        with trusting():
            request: dict[str, Any] = json.loads(call.body or b"{}")
            return _json(handler(_View(call, inner, listed, request)))
    except _Fault as error:
        return error.response
    except Exception as error:  # as for moto's own handlers
        return failure(call, error)


class _View:
    """One request: its parameters, moto's part of the answer, and the engine's."""

    def __init__(self, call: MotoCall, inner: Inner, listed: Listed, request: dict[str, Any]) -> None:
        self.request = request
        self.account = str(request.get("registryId") or call.account)
        self.region = call.region
        self._call = call
        self._inner = inner
        self._listed = listed

    @property
    def name(self) -> str:
        return str(self.request.get("repositoryName", ""))

    def engine(self) -> Sequence[ListedImage]:
        return self._listed(self.account, self.region)

    def engine_repository(self) -> list[ListedImage]:
        return [image for image in self.engine() if image.repository == self.name]

    def moto(self, without: Iterable[str] = (), known: bool = False, **changes: Any) -> dict[str, Any]:
        """moto's answer to the request with some members left out or changed. ``known``: the engine has the
        repository, so that moto's having none is no error."""
        left = {key: value for key, value in self.request.items() if key not in set(without)} | changes
        response = self._inner(self._call._replace(body=json.dumps(left).encode()))
        assert isinstance(response.body, bytes)
        if response.status < 400:
            found: dict[str, Any] = json.loads(response.body)
            return found
        if known and b"RepositoryNotFoundException" in response.body + str(response.headers).encode():
            return {}
        raise _Fault(response)

    def page(self, member: str, found: Sequence[Any]) -> dict[str, Any]:
        token = str(self.request.get("nextToken") or 0)
        if not token.isdecimal():
            raise self.fault(
                "InvalidParameterException", f"Invalid parameter at 'nextToken': {token!r} is not one of ours"
            )
        start = int(token)
        end = start + int(self.request.get("maxResults") or _PAGE)
        more = {"nextToken": str(end)} if end < len(found) else {}
        return {member: list(found[start:end]), **more}

    def fault(self, code: str, message: str) -> _Fault:
        return _Fault(fault("ecr", self._call.headers, 400, code, message))


def _describe_repositories(view: _View) -> Mapping[str, Any]:
    wanted = view.request.get("repositoryNames")
    found = {each["repositoryName"]: each for each in view.moto(("repositoryNames", *_PAGING))["repositories"]}
    for image in view.engine():
        found.setdefault(image.repository, _repository(view, image))
    if not wanted:
        return view.page("repositories", [found[name] for name in sorted(found)])
    if missing := [name for name in wanted if name not in found]:
        view.moto(repositoryNames=missing)  # which says so in ECR's words
    return {"repositories": [found[name] for name in wanted]}


def _list_images(view: _View) -> Mapping[str, Any]:
    images = view.engine_repository()
    found = view.moto(_PAGING, known=bool(images)).get("imageIds", [])
    if (view.request.get("filter") or {}).get("tagStatus", "ANY") != "UNTAGGED":
        ours = ({"imageDigest": image.digest, "imageTag": image.tag} for image in images)
        found += [each for each in ours if each not in found]
    return view.page("imageIds", found)


def _describe_images(view: _View) -> Mapping[str, Any]:
    images = view.engine_repository()
    found = view.moto((*_PAGING, "imageIds"), known=bool(images)).get("imageDetails", [])
    found += _details(view, images)
    wanted = view.request.get("imageIds")
    if not wanted:
        return view.page("imageDetails", found)
    chosen: list[Any] = []
    for image_id in wanted:
        fitting = [each for each in found if _is(image_id, each["imageDigest"], each.get("imageTags", ()))]
        if not fitting:
            raise view.fault("ImageNotFoundException", _not_found(view, image_id))
        chosen += [each for each in fitting if each not in chosen]
    return {"imageDetails": chosen}


def _batch_get_image(view: _View) -> Mapping[str, Any]:
    images = view.engine_repository()
    wanted = view.request.get("imageIds") or []
    ours = {
        index: image for index, each in enumerate(wanted) for image in images if _is(each, image.digest, [image.tag])
    }
    rest = [each for index, each in enumerate(wanted) if index not in ours]
    # moto refuses an empty list, which it must not be asked for when all is ours.
    found = view.moto(known=bool(images), imageIds=rest) if rest or not wanted else {}
    if rest and not found:
        found = {"failures": [_missing(each) for each in rest]}
    return {
        "images": [*found.get("images", []), *(_with_manifest(view, image) for image in ours.values())],
        "failures": found.get("failures", []),
    }


def _get_authorization_token(view: _View) -> Mapping[str, Any]:
    """moto's token was over in 2015; clients that look throw it away."""
    found = view.moto()
    over = datetime.now(timezone.utc) + timedelta(hours=_TOKEN_HOURS)
    return {
        **found,
        "authorizationData": [{**each, "expiresAt": over.timestamp()} for each in found["authorizationData"]],
    }


def _repository(view: _View, image: ListedImage) -> Mapping[str, Any]:
    return {
        "repositoryArn": f"arn:aws:ecr:{view.region}:{view.account}:repository/{image.repository}",
        "registryId": view.account,
        "repositoryName": image.repository,
        "repositoryUri": f"{view.account}.dkr.ecr.{view.region}.amazonaws.com/{image.repository}",
        "createdAt": image.created,
        "imageTagMutability": "MUTABLE",
        "imageScanningConfiguration": {"scanOnPush": False},
        "encryptionConfiguration": {"encryptionType": "AES256"},
    }


def _details(view: _View, images: Iterable[ListedImage]) -> list[dict[str, Any]]:
    """One for each image, with all its tags."""
    found: dict[str, dict[str, Any]] = {}
    for image in images:
        if image.digest in found:
            found[image.digest]["imageTags"].append(image.tag)
            continue
        found[image.digest] = {
            "registryId": view.account,
            "repositoryName": image.repository,
            "imageDigest": image.digest,
            "imageTags": [image.tag],
            "imageSizeInBytes": image.size,
            "imagePushedAt": image.created,
            "imageManifestMediaType": _MANIFEST,
        }
    return list(found.values())


def _with_manifest(view: _View, image: ListedImage) -> Mapping[str, Any]:
    return {
        "registryId": view.account,
        "repositoryName": image.repository,
        "imageId": {"imageDigest": image.digest, "imageTag": image.tag},
        "imageManifest": image.manifest(),
        "imageManifestMediaType": _MANIFEST,
    }


def _is(image_id: Mapping[str, str], digest: str, tags: Iterable[str]) -> bool:
    wanted_digest, wanted_tag = image_id.get("imageDigest"), image_id.get("imageTag")
    return wanted_digest in (None, digest) and (wanted_tag is None or wanted_tag in tags)


def _missing(image_id: Mapping[str, str]) -> Mapping[str, Any]:
    return {"imageId": image_id, "failureCode": "ImageNotFound", "failureReason": "Requested image not found"}


def _not_found(view: _View, image_id: Mapping[str, str]) -> str:
    digest, tag = image_id.get("imageDigest", "null"), image_id.get("imageTag", "null")
    return (
        f"The image with imageId {{imageDigest:'{digest}', imageTag:'{tag}'}} does not exist within the repository "
        f"with name '{view.name}' in the registry with id '{view.account}'"
    )


def _json(found: Mapping[str, Any]) -> Response:
    headers = CIMultiDict({"Content-Type": "application/x-amz-json-1.1"})
    return Response(200, headers, json.dumps(found).encode())


_HANDLERS: Mapping[str, Callable[[_View], Mapping[str, Any]]] = {
    "DescribeRepositories": _describe_repositories,
    "ListImages": _list_images,
    "DescribeImages": _describe_images,
    "BatchGetImage": _batch_get_image,
    "GetAuthorizationToken": _get_authorization_token,
}
