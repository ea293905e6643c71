"""ECR's answers about images: those of moto, and the images of a container engine for the account.

Only operations that read. Images in the engine are changed with ``docker``.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta, timezone
from typing import Any, Protocol

from multidict import CIMultiDict

from harness.aws.moto.dispatch import MotoCall, failure
from harness.aws.moto.misread import catch_misread
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


ListImages = Callable[[str, str], Sequence[ListedImage]]
"""``(account, region)`` -> the engine's images of that account's registry."""
Inner = Callable[[MotoCall], Response]


class _Fault(Exception):
    def __init__(self, response: Response) -> None:
        super().__init__(response.status)
        self.response = response


def answer(call: MotoCall, inner: Inner, list_images: ListImages) -> Response:
    operation = call.headers.get("x-amz-target", "").rpartition(".")[2]
    handler = _HANDLERS.get(operation)
    if handler is None:
        return inner(call)
    try:
        with catch_misread():
            request: dict[str, Any] = json.loads(call.body or b"{}")
            return _json(handler(_View(call, inner, list_images, request)))
    except _Fault as error:
        return error.response
    except Exception as error:  # handled like errors of moto's handlers
        return failure(call, error)


class _View:
    """One request: its parameters, moto's part of the answer, and the engine's part."""

    def __init__(self, call: MotoCall, inner: Inner, list_images: ListImages, request: dict[str, Any]) -> None:
        self.request = request
        self.account = str(request.get("registryId") or call.account)
        self.region = call.region
        self._call = call
        self._inner = inner
        self._listed = list_images

    @property
    def name(self) -> str:
        return str(self.request.get("repositoryName", ""))

    def engine(self) -> Sequence[ListedImage]:
        return self._listed(self.account, self.region)

    def engine_repository(self) -> list[ListedImage]:
        return [image for image in self.engine() if image.repository == self.name]

    def moto(self, without: Iterable[str] = (), known: bool = False, **changes: Any) -> dict[str, Any]:
        """Return moto's answer to the request, with some members removed or changed.

        ``known`` means that the engine has the repository, so it is not an error if moto has none.
        """
        left = {key: value for key, value in self.request.items() if key not in set(without)} | changes
        response = self._inner(self._call._replace(body=json.dumps(left).encode()))
        assert isinstance(response.body, bytes)
        if response.status < 400:
            items: dict[str, Any] = json.loads(response.body)
            return items
        if known and b"RepositoryNotFoundException" in response.body + str(response.headers).encode():
            return {}
        raise _Fault(response)

    def page(self, member: str, items: Sequence[Any]) -> dict[str, Any]:
        token = str(self.request.get("nextToken") or 0)
        if not token.isdecimal():
            raise self.fault(
                "InvalidParameterException", f"Invalid parameter at 'nextToken': {token!r} is not one of ours"
            )
        start = int(token)
        end = start + int(self.request.get("maxResults") or _PAGE)
        more = {"nextToken": str(end)} if end < len(items) else {}
        return {member: list(items[start:end]), **more}

    def fault(self, code: str, message: str) -> _Fault:
        return _Fault(fault("ecr", self._call.headers, 400, code, message))


def _describe_repositories(view: _View) -> Mapping[str, Any]:
    requested = view.request.get("repositoryNames")
    items = {each["repositoryName"]: each for each in view.moto(("repositoryNames", *_PAGING))["repositories"]}
    for image in view.engine():
        items.setdefault(image.repository, _repository(view, image))
    if not requested:
        return view.page("repositories", [items[name] for name in sorted(items)])
    if missing := [name for name in requested if name not in items]:
        view.moto(repositoryNames=missing)  # raises ECR's error
    return {"repositories": [items[name] for name in requested]}


def _list_images(view: _View) -> Mapping[str, Any]:
    images = view.engine_repository()
    items = view.moto(_PAGING, known=bool(images)).get("imageIds", [])
    if (view.request.get("filter") or {}).get("tagStatus", "ANY") != "UNTAGGED":
        ours = ({"imageDigest": image.digest, "imageTag": image.tag} for image in images)
        items += [each for each in ours if each not in items]
    return view.page("imageIds", items)


def _describe_images(view: _View) -> Mapping[str, Any]:
    images = view.engine_repository()
    items = view.moto((*_PAGING, "imageIds"), known=bool(images)).get("imageDetails", [])
    items += _details(view, images)
    requested = view.request.get("imageIds")
    if not requested:
        return view.page("imageDetails", items)
    chosen: list[Any] = []
    for image_id in requested:
        fitting = [each for each in items if _is(image_id, each["imageDigest"], each.get("imageTags", ()))]
        if not fitting:
            raise view.fault("ImageNotFoundException", _not_found_message(view, image_id))
        chosen += [each for each in fitting if each not in chosen]
    return {"imageDetails": chosen}


def _batch_get_image(view: _View) -> Mapping[str, Any]:
    images = view.engine_repository()
    requested = view.request.get("imageIds") or []
    ours = {
        index: image for index, each in enumerate(requested) for image in images if _is(each, image.digest, [image.tag])
    }
    rest = [each for index, each in enumerate(requested) if index not in ours]
    # moto refuses an empty list, so it is not called if the engine has all images.
    items = view.moto(known=bool(images), imageIds=rest) if rest or not requested else {}
    if rest and not items:
        items = {"failures": [_missing_image(each) for each in rest]}
    return {
        "images": [*items.get("images", []), *(_with_manifest(view, image) for image in ours.values())],
        "failures": items.get("failures", []),
    }


def _get_authorization_token(view: _View) -> Mapping[str, Any]:
    """Return moto's token with a new expiry time: moto's own is in 2015, so clients would refuse the token."""
    items = view.moto()
    over = datetime.now(timezone.utc) + timedelta(hours=_TOKEN_HOURS)
    return {
        **items,
        "authorizationData": [{**each, "expiresAt": over.timestamp()} for each in items["authorizationData"]],
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
    """Return the details of each image, with all its tags."""
    items: dict[str, dict[str, Any]] = {}
    for image in images:
        if image.digest in items:
            items[image.digest]["imageTags"].append(image.tag)
            continue
        items[image.digest] = {
            "registryId": view.account,
            "repositoryName": image.repository,
            "imageDigest": image.digest,
            "imageTags": [image.tag],
            "imageSizeInBytes": image.size,
            "imagePushedAt": image.created,
            "imageManifestMediaType": _MANIFEST,
        }
    return list(items.values())


def _with_manifest(view: _View, image: ListedImage) -> Mapping[str, Any]:
    return {
        "registryId": view.account,
        "repositoryName": image.repository,
        "imageId": {"imageDigest": image.digest, "imageTag": image.tag},
        "imageManifest": image.manifest(),
        "imageManifestMediaType": _MANIFEST,
    }


def _is(image_id: Mapping[str, str], digest: str, tags: Iterable[str]) -> bool:
    digest_requested, tag_requested = image_id.get("imageDigest"), image_id.get("imageTag")
    return digest_requested in (None, digest) and (tag_requested is None or tag_requested in tags)


def _missing_image(image_id: Mapping[str, str]) -> Mapping[str, Any]:
    return {"imageId": image_id, "failureCode": "ImageNotFound", "failureReason": "Requested image not found"}


def _not_found_message(view: _View, image_id: Mapping[str, str]) -> str:
    digest, tag = image_id.get("imageDigest", "null"), image_id.get("imageTag", "null")
    return (
        f"The image with imageId {{imageDigest:'{digest}', imageTag:'{tag}'}} does not exist within the repository "
        f"with name '{view.name}' in the registry with id '{view.account}'"
    )


def _json(items: Mapping[str, Any]) -> Response:
    headers = CIMultiDict({"Content-Type": "application/x-amz-json-1.1"})
    return Response(200, headers, json.dumps(items).encode())


_HANDLERS: Mapping[str, Callable[[_View], Mapping[str, Any]]] = {
    "DescribeRepositories": _describe_repositories,
    "ListImages": _list_images,
    "DescribeImages": _describe_images,
    "BatchGetImage": _batch_get_image,
    "GetAuthorizationToken": _get_authorization_token,
}
