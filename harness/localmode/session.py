"""The Session of a scenario in the profile localmode: the SDK's local sessions, answered by the emulator.

The emulator runs the jobs in the containers of the SDK's local mode (``harness.runners.sdk_local``).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from harness.scenario.events import EventWriter
from harness.scenario.run_document import RunDocument
from harness.scenario.session import Session

MACHINES = {"local": "ml.m5.large", "local_gpu": "ml.g4dn.xlarge"}
"""Local mode's instance types -> those in requests to the emulator."""


class LocalModeSession(Session):
    """The session of a scenario whose jobs run in the containers of the SDK's local mode."""

    def __init__(self, name: str, events: EventWriter, run: RunDocument) -> None:
        super().__init__(name, events, run)
        self.boto3.events.register_first("provide-client-params.sagemaker", self._translate)

    def sagemaker_session(self) -> Any:
        """Return the SDK's local session (v2), or v3's ordinary session: its jobs run in local mode as well."""
        try:
            from harness.localmode.sdk_v2 import ScenarioSession
        except ModuleNotFoundError:
            return super().sagemaker_session()
        return ScenarioSession(boto_session=self.boto3, default_bucket=self.bucket)

    def pipeline_session(self) -> Any:
        """Return the SDK's session for pipelines in local mode, which runs their steps one after the other."""
        from harness.localmode.sdk_v2 import ScenarioPipelineSession

        return ScenarioPipelineSession(boto_session=self.boto3, default_bucket=self.bucket)

    def _translate(self, params: dict[str, Any], **_: Any) -> dict[str, Any]:
        """Replace ``local`` by an instance type and a local folder by an S3 prefix, because AWS has neither."""
        translated: dict[str, Any] = self._translate_value(params)
        return translated

    def _translate_value(self, value: Any, name: str = "") -> Any:
        if isinstance(value, Mapping) and "FileDataSource" in value:  # the SDK's own member for a folder
            source = {"S3DataType": "S3Prefix", "S3Uri": value["FileDataSource"]["FileUri"]}
            return {"S3DataSource": self._translate_value(source)}
        if isinstance(value, Mapping):
            return {key: self._translate_value(each, key) for key, each in value.items()}
        if isinstance(value, (list, tuple)):
            return [self._translate_value(each) for each in value]
        if name == "InstanceType":
            return MACHINES.get(value, value)
        if name == "S3Uri" and str(value).startswith("file://"):
            return self._upload(Path(urlsplit(value).netloc + urlsplit(value).path))
        return value

    def _upload(self, source: Path) -> str:
        """Upload a file or a folder to the scenario's bucket, and return its S3 URI."""
        s3, prefix = self.client("s3"), f"{self.run_id}/local{source.absolute()}"
        files = [source] if source.is_file() else sorted(file for file in source.rglob("*") if file.is_file())
        for file in files:
            below = "" if file == source else f"/{file.relative_to(source).as_posix()}"
            s3.upload_file(str(file), self.bucket, f"{prefix}{below}")
        return f"s3://{self.bucket}/{prefix}"
