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
"""What the emulator is asked for where a program names local mode's own instance types."""


class LocalModeSession(Session):
    def __init__(self, name: str, events: EventWriter, run: RunDocument) -> None:
        super().__init__(name, events, run)
        self.boto3.events.register_first("provide-client-params.sagemaker", self._translate)

    def sagemaker_session(self) -> Any:
        """The SDK's local session (v2); v3's ordinary session, whose jobs run in local mode all the same."""
        try:
            from harness.localmode.sdk_v2 import ScenarioSession
        except ModuleNotFoundError:
            return super().sagemaker_session()
        return ScenarioSession(boto_session=self.boto3, default_bucket=self.bucket)

    def pipeline_session(self) -> Any:
        """The SDK's session for pipelines in local mode: it runs their steps one after the other."""
        from harness.localmode.sdk_v2 import ScenarioPipelineSession

        return ScenarioPipelineSession(boto_session=self.boto3, default_bucket=self.bucket)

    def _translate(self, params: dict[str, Any], **_: Any) -> dict[str, Any]:
        """Put a machine for ``local`` and an object in S3 for a folder of this machine: AWS knows neither."""
        translated: dict[str, Any] = self._in_terms_of_aws(params)
        return translated

    def _in_terms_of_aws(self, value: Any, name: str = "") -> Any:
        if isinstance(value, Mapping) and "FileDataSource" in value:  # the SDK's word for a folder, which AWS has not
            source = {"S3DataType": "S3Prefix", "S3Uri": value["FileDataSource"]["FileUri"]}
            return {"S3DataSource": self._in_terms_of_aws(source)}
        if isinstance(value, Mapping):
            return {key: self._in_terms_of_aws(each, key) for key, each in value.items()}
        if isinstance(value, (list, tuple)):
            return [self._in_terms_of_aws(each) for each in value]
        if name == "InstanceType":
            return MACHINES.get(value, value)
        if name == "S3Uri" and str(value).startswith("file://"):
            return self._uploaded(Path(urlsplit(value).netloc + urlsplit(value).path))
        return value

    def _uploaded(self, source: Path) -> str:
        s3, prefix = self.client("s3"), f"{self.run_id}/local{source.absolute()}"
        files = [source] if source.is_file() else sorted(file for file in source.rglob("*") if file.is_file())
        for file in files:
            below = "" if file == source else f"/{file.relative_to(source).as_posix()}"
            s3.upload_file(str(file), self.bucket, f"{prefix}{below}")
        return f"s3://{self.bucket}/{prefix}"
