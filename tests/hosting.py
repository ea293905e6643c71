"""``Hosting``: models, endpoints and transform jobs of a ``Cloud``, on a model server that does what tests tell it."""

from __future__ import annotations

import contextlib
import io
import json
import tarfile
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from harness.contract import catalog
from tests.admin import ask_admin
from tests.cloud import BUCKET, ROLE, Cloud, eventually

SERVER = "123456789012.dkr.ecr.us-east-1.amazonaws.com/model-server:1"
PROGRAM = Path(__file__).parent / "engine" / "programs" / "model_server.py"


@contextlib.contextmanager
def catalogued_server() -> Iterator[None]:
    """``SERVER`` is an image like any other."""
    known = catalog.load_catalog()
    image = catalog.Image(
        "model-server",
        "1",
        ("model-server",),
        PROGRAM.parent,
        environment=catalog.HARNESS_ENVIRONMENT,
        locked=catalog.HARNESS_ENVIRONMENT,
        scripts={"serve": PROGRAM},
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(catalog, "load_catalog", lambda: (*known, image))
        yield


def archive(files: Mapping[str, bytes | str]) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        for name, data in files.items():
            content = data.encode() if isinstance(data, str) else data
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return packed.getvalue()


class Hosting:
    image = SERVER

    def __init__(self, cloud: Cloud) -> None:
        self.cloud = cloud
        self.sagemaker = cloud.sagemaker
        self.runtime = cloud.client("sagemaker-runtime")

    def close(self) -> None:
        self.runtime.close()

    # Models.

    def model(self, data: str | None = None, image: str = SERVER, **environment: str) -> str:
        container = {"Image": image, "Environment": environment, **({"ModelDataUrl": data} if data else {})}
        return self.model_of(container)

    def model_of(self, container: Mapping[str, Any], **more: Any) -> str:
        name = self.cloud.name("model")
        self.sagemaker.create_model(ModelName=name, PrimaryContainer=container, ExecutionRoleArn=ROLE, **more)
        return name

    # Endpoints.

    def variant(self, model: str, name: str = "AllTraffic", weight: float = 1.0, count: int = 1) -> dict[str, Any]:
        return {
            "VariantName": name,
            "ModelName": model,
            "InitialInstanceCount": count,
            "InstanceType": "ml.m5.large",
            "InitialVariantWeight": weight,
        }

    def config(self, *variants: dict[str, Any], **more: Any) -> str:
        name = self.cloud.name("config")
        self.sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=list(variants), **more)
        return name

    def begin(self, *variants: dict[str, Any], **more: Any) -> str:
        name = self.cloud.name("endpoint")
        self.sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=self.config(*variants, **more))
        return name

    def serve(self, *variants: dict[str, Any], **more: Any) -> str:
        """The name of an endpoint in service."""
        name = self.begin(*variants, **more)
        settled = self.settled(name)
        assert settled["EndpointStatus"] == "InService", settled
        return name

    def settled(self, name: str, seconds: float = 30.0) -> dict[str, Any]:
        def done() -> dict[str, Any] | None:
            found: dict[str, Any] = self.sagemaker.describe_endpoint(EndpointName=name)
            return found if found["EndpointStatus"] in ("InService", "Failed") else None

        return eventually(done, seconds)  # type: ignore[no-any-return]

    def gone(self, name: str) -> None:
        def absent() -> bool:
            try:
                self.sagemaker.describe_endpoint(EndpointName=name)
            except self.sagemaker.exceptions.ClientError as error:
                return "Could not find endpoint" in str(error)
            return False

        eventually(absent)

    def remove(self, *names: str) -> None:
        for name in names:
            self.sagemaker.delete_endpoint(EndpointName=name)
        for name in names:
            self.gone(name)

    def invoke(self, endpoint: str, body: bytes | str = b"1,2", kind: str = "text/csv", **more: Any) -> dict[str, Any]:
        answer: dict[str, Any] = self.runtime.invoke_endpoint(
            EndpointName=endpoint, Body=body, ContentType=kind, **more
        )
        answer["Body"] = answer["Body"].read()
        return answer

    def facts(self, endpoint: str, body: str = "", **more: Any) -> dict[str, Any]:
        return json.loads(self.invoke(endpoint, body, **more)["Body"])  # type: ignore[no-any-return]

    # Batch transform.

    def transform_request(self, model: str, source: str, **more: Any) -> dict[str, Any]:
        """``kind`` is content type and Accept; ``split``, ``assemble``; ``processing`` is the DataProcessing."""
        name = more.pop("name", None) or self.cloud.name("transform")
        kind, accept = more.pop("kind", "text/csv"), more.pop("accept", None)
        location = {"S3DataType": more.pop("listed", "S3Prefix"), "S3Uri": source}
        processing = more.pop("processing", None)
        return {
            "TransformJobName": name,
            "ModelName": model,
            "TransformInput": {
                "DataSource": {"S3DataSource": location},
                "ContentType": kind,
                "SplitType": more.pop("split", "Line"),
                "CompressionType": more.pop("compression", "None"),
            },
            "TransformOutput": {
                "S3OutputPath": f"s3://{BUCKET}/{name}/out",
                "Accept": accept or kind,
                "AssembleWith": more.pop("assemble", "Line"),
            },
            "TransformResources": {"InstanceType": "ml.m5.large", "InstanceCount": 1},
            **({"DataProcessing": processing} if processing else {}),
            **more,
        }

    def begin_transform(self, model: str, source: str, **more: Any) -> str:
        request = self.transform_request(model, source, **more)
        self.sagemaker.create_transform_job(**request)
        return str(request["TransformJobName"])

    def transform(self, model: str, source: str, **more: Any) -> dict[str, Any]:
        return self.transformed(self.begin_transform(model, source, **more))

    def transformed(self, name: str) -> dict[str, Any]:
        def ended() -> dict[str, Any] | None:
            found: dict[str, Any] = self.sagemaker.describe_transform_job(TransformJobName=name)
            return found if found["TransformJobStatus"] not in ("InProgress", "Stopping") else None

        return eventually(ended, 50)  # type: ignore[no-any-return]

    def outputs(self, job: Mapping[str, Any]) -> dict[str, bytes]:
        prefix = f"{job['TransformJobName']}/out/"
        return {name: self.cloud.get(prefix + name) for name in self.cloud.keys(prefix)}

    # The emulator's clock.

    def advance(self, seconds: float) -> list[dict[str, Any]]:
        """Move it; the monitoring executions that ran on the way."""
        answer = ask_admin(self.cloud.address, self.cloud.state, "clock", {"seconds": seconds})
        return answer["executions"]  # type: ignore[no-any-return]

    def now(self) -> float:
        now = ask_admin(self.cloud.address, self.cloud.state, "clock")["now"]
        return datetime.fromisoformat(now.replace("Z", "+00:00")).timestamp()

    def journal(self) -> str:
        return (self.cloud.state / "emulator.log").read_text()
