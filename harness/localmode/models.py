"""Models in local mode: kept by the SDK's local client, with the ARN and the errors AWS has."""

# ruff: noqa: N803 - arguments are named as boto3 names them

from __future__ import annotations

from copy import deepcopy
from pathlib import Path
from typing import Any

from harness.engine.jobs.archives import unpack
from harness.kernel.s3uri import S3Uri
from harness.localmode.context import LocalModeContext, refused
from harness.localmode.jobs import utc_now


class LocalModels:
    OPERATIONS = frozenset({"create_model", "describe_model", "delete_model", "list_models"})

    def __init__(self, around: LocalModeContext) -> None:
        self._around = around
        self._known: dict[str, dict[str, Any]] = {}

    def create_model(self, ModelName: str, **request: Any) -> dict[str, Any]:
        request["ModelName"] = name = ModelName
        arn = self._around.arn("model", name)
        if name in self._known:
            raise refused("CreateModel", f'Cannot create already existing model "{arn}".')
        if "PrimaryContainer" not in request:
            raise refused("CreateModel", "local mode serves models of one container: give PrimaryContainer")
        if request.get("EnableNetworkIsolation"):
            raise refused("CreateModel", "local mode has no EnableNetworkIsolation")
        self._known[name] = {**deepcopy(request), "ModelArn": arn, "CreationTime": utc_now()}
        self._around.provenance.note(
            "Models", "kept in its process", "ARN, checks of names, unpacked without the archive"
        )
        return {"ModelArn": arn}

    def describe_model(self, ModelName: str) -> dict[str, Any]:
        return deepcopy(self.require("DescribeModel", ModelName))

    def delete_model(self, ModelName: str) -> dict[str, Any]:
        self.require("DeleteModel", ModelName)
        del self._known[ModelName]
        return {}

    def list_models(self, NameContains: str = "", MaxResults: int = 100) -> dict[str, Any]:
        members = ("ModelName", "ModelArn", "CreationTime")
        found = [model for name, model in self._known.items() if NameContains in name][:MaxResults]
        return {"Models": [{member: model[member] for member in members} for model in found]}

    def require(self, operation: str, name: str) -> dict[str, Any]:
        if name not in self._known:
            raise refused(operation, f'Could not find model "{self._around.arn("model", name)}".')
        return self._known[name]

    def lend(self, client: Any, name: str, folder: Path) -> None:
        """Local mode looks its model up by name in its own process: put it there as local mode wants it.

        Unpacked in ``folder``: local mode would leave the archive beside its files, where servers take it for a model.
        """
        container = deepcopy(self.require("DescribeModel", name)["PrimaryContainer"])
        if "ModelDataUrl" not in container:
            raise refused("CreateModel", "local mode takes a model's data from ModelDataUrl")
        data = folder / "model-data"
        data.mkdir(parents=True)
        unpack(self._archive(container["ModelDataUrl"], folder), data, container["ModelDataUrl"])
        image = self._around.image("CreateModel", container["Image"])
        client.create_model(name, {"Environment": {}, **container, "Image": image, "ModelDataUrl": f"file://{data}"})

    def _archive(self, url: str, folder: Path) -> Path:
        if url.startswith("file://"):
            return Path(url.removeprefix("file://"))
        place, archive = S3Uri.parse(url), folder / "model.tar.gz"
        self._around.client("s3").download_file(place.bucket, place.key, str(archive))
        return archive
