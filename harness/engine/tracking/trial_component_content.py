"""The content of a job's trial component: parameters, artifacts, message. Pure functions of the job's record.

The entries are those SageMaker makes; they differ by kind of job (the image is a parameter of a training job, an
input of a processing job, and belongs to the model of a transform job).
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from typing import Any

from harness.kernel.records import Record

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_MEDIA_TYPE = re.compile(r"[-\w]+/[-\w+]+")
_MAX_MESSAGE = 1024
_MAX_TEXT = 2500

Parameters = dict[str, dict[str, Any]]
Artifacts = dict[str, dict[str, str]]


def parameters_of(job: Record, model: Mapping[str, Any]) -> Parameters:
    """Hyperparameters, and the facts SageMaker adds under its own prefix; ``model`` is a transform job's model."""
    own = _RESOURCES[job.kind](job.spec)
    if job.kind == "training-job":
        algorithm = job.spec.get("AlgorithmSpecification", {})
        own["ImageUri"] = algorithm.get("TrainingImage", algorithm.get("AlgorithmName"))
    if job.kind == "transform-job":
        container = model.get("PrimaryContainer", {})
        own["ModelName"] = job.spec["ModelName"]
        own["ModelPrimary.DataUrl"] = container.get("ModelDataUrl")
        own["ModelPrimary.Image"] = container.get("Image")
    hyperparameters = {name: parameter(text) for name, text in job.spec.get("HyperParameters", {}).items()}
    return {
        **hyperparameters,
        **{f"SageMaker.{name}": parameter(value) for name, value in own.items() if value is not None},
    }


def parameter(value: Any) -> dict[str, Any]:
    """A number where the text is one. Scripts get JSON: their quoted strings stay quoted, as SageMaker shows them."""
    text = str(value)
    if _NUMBER.fullmatch(text) and math.isfinite(float(text)):
        return {"NumberValue": float(text)}
    return {"StringValue": text[:_MAX_TEXT]}


def inputs_of(job: Record) -> Artifacts:
    if job.kind == "training-job":
        channels = job.spec.get("InputDataConfig", [])
        return {item["ChannelName"]: _source(item) for item in channels if _uri(item)}
    if job.kind == "processing-job":
        image = {"SageMaker.ImageUri": {"Value": job.spec["AppSpecification"]["ImageUri"]}}
        inputs = [item for item in job.spec.get("ProcessingInputs", []) if "S3Input" in item]
        return {**image, **{item["InputName"]: {"Value": item["S3Input"]["S3Uri"]} for item in inputs}}
    return {"SageMaker.TransformInput": _source(job.spec["TransformInput"])}


def outputs_of(job: Record) -> Artifacts:
    if job.kind == "training-job":
        model = job.status.get("ModelArtifacts", {}).get("S3ModelArtifacts")
        return {"SageMaker.ModelArtifact": {"Value": model}} if model else {}
    if job.kind == "processing-job":
        outputs = job.spec.get("ProcessingOutputConfig", {}).get("Outputs", [])
        return {item["OutputName"]: {"Value": item["S3Output"]["S3Uri"]} for item in outputs if "S3Output" in item}
    output = job.spec["TransformOutput"]
    return {"SageMaker.TransformOutput": {**_media_type(output.get("Accept")), "Value": output["S3OutputPath"]}}


def status_message(job: Record) -> str:
    """One line in SageMaker's words, ``null`` for what there is not."""
    facts = {"Status": job.state}
    if job.kind == "training-job":
        facts["secondary status"] = str(job.status.get("SecondaryStatus", "null"))
    if job.kind == "processing-job":
        facts["exit message"] = str(job.status.get("ExitMessage", "null"))
    facts["failure reason"] = str(job.status.get("FailureReason", "null"))
    return ", ".join(f"{name}: {value}" for name, value in facts.items())[:_MAX_MESSAGE]


def _training_resources(spec: Mapping[str, Any]) -> dict[str, Any]:
    return _cluster(spec.get("ResourceConfig", {}))


def _processing_resources(spec: Mapping[str, Any]) -> dict[str, Any]:
    return _cluster(spec.get("ProcessingResources", {}).get("ClusterConfig", {}))


def _transform_resources(spec: Mapping[str, Any]) -> dict[str, Any]:
    return _cluster(spec.get("TransformResources", {}))


_RESOURCES = {
    "training-job": _training_resources,
    "processing-job": _processing_resources,
    "transform-job": _transform_resources,
}


def _cluster(config: Mapping[str, Any]) -> dict[str, Any]:
    facts = {name: config.get(name) for name in ("InstanceType", "InstanceCount", "VolumeSizeInGB")}
    if config.get("InstanceGroups"):
        facts["InstanceGroups"] = json.dumps(config["InstanceGroups"])
    return facts


def _uri(source: Mapping[str, Any]) -> str:
    return str(source.get("DataSource", {}).get("S3DataSource", {}).get("S3Uri", ""))


def _source(source: Mapping[str, Any]) -> dict[str, str]:
    return {**_media_type(source.get("ContentType")), "Value": _uri(source)}


def _media_type(text: str | None) -> dict[str, str]:
    """Left out where the API would refuse it (``csv``, ``text/csv; charset=utf-8``)."""
    return {"MediaType": text} if text and len(text) <= 64 and _MEDIA_TYPE.fullmatch(text) else {}
