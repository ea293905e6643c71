"""A batch transform by local mode on files: its input filtered before, its output joined, filtered and named after.

Local mode reads a folder or prefix without its subfolders, writes an error's body as if it were a prediction, and puts
results below the job's name; so it gets plain files here, and S3 gets what AWS would write.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any

from harness.contract.data_processing import BadData, DataProcessing, media_type
from harness.contract.layout import relative_key
from harness.engine.jobs.failures import JobFailed
from harness.kernel.s3uri import S3Uri
from harness.localmode.context import LocalModeContext, refused
from harness.localmode.jobs import LocalJob
from harness.localmode.models import LocalModels
from harness.localmode.sdk import BadAnswer, OneRun

_PASSED_ON = ("BatchStrategy", "MaxConcurrentTransforms", "MaxPayloadInMB", "Environment")


def transform(around: LocalModeContext, run: OneRun, models: LocalModels, job: LocalJob) -> None:
    """Returns when all objects are transformed and uploaded; ``JobFailed`` when one could not be."""
    source = job.request["TransformInput"]["DataSource"]["S3DataSource"]
    _check(job.request, source)
    s3 = around.client("s3")
    places = [around.folder / job.name / "batch" / part for part in ("original", "given", "answers")]
    for place in places:
        place.mkdir(parents=True)
    original, given, answers = places
    processing = _processing(job.request.get("DataProcessing"))
    kinds = [media_type(job.request[side].get(member, "")) for side, member in _KINDS]
    names = dict(_downloaded(s3, S3Uri.parse(source["S3Uri"]), original))
    if not names:
        raise JobFailed(f"ClientError: No S3 objects found under {source['S3Uri']}")
    try:
        for file in names:
            body = (original / file).read_bytes()
            if processing and processing.changes_input:
                body = processing.filter_input(body, kinds[0])
            (given / file).write_bytes(body)
        _run(run, models, job, given, answers)
        for file, name in names.items():
            body = (answers / f"{file}.out").read_bytes()
            if processing and processing.changes_output:
                body = processing.finish((original / file).read_bytes(), body, kinds[1] or kinds[0])
            to = S3Uri.parse(job.request["TransformOutput"]["S3OutputPath"]).join(f"{name}.out")
            s3.put_object(Bucket=to.bucket, Key=to.key, Body=body)
    except (BadData, BadAnswer) as error:
        raise JobFailed(f"ClientError: {error}") from error


_KINDS = (("TransformInput", "ContentType"), ("TransformOutput", "Accept"))


def _processing(given: Mapping[str, str] | None) -> DataProcessing | None:
    """None where nothing is filtered or joined; only else the library for it must be there."""
    if not given:
        return None
    try:
        return DataProcessing.of(given)
    except ModuleNotFoundError as error:
        text = f"filters and joins need {error.name}, which the environment of this SDK does not have"
        raise refused("CreateTransformJob", text) from error


def _check(request: Any, source: Any) -> None:
    if source.get("S3DataType", "S3Prefix") != "S3Prefix":
        raise refused("CreateTransformJob", f"local mode takes S3Prefix, not {source['S3DataType']}")
    if request["TransformInput"].get("CompressionType", "None") != "None":
        raise refused("CreateTransformJob", "local mode reads no compressed input")
    if request["TransformResources"]["InstanceCount"] != 1:
        raise refused("CreateTransformJob", "local mode transforms on one instance: InstanceCount is 1")
    if "DataCaptureConfig" in request:
        raise refused("CreateTransformJob", "data capture of a batch transform is not supported in local mode")


def _downloaded(s3: Any, prefix: S3Uri, folder: Path) -> Iterator[tuple[str, str]]:
    """``(file in the folder, name below the prefix)``."""
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=prefix.bucket, Prefix=prefix.key)
    keys = [found["Key"] for page in pages for found in page.get("Contents", ()) if not found["Key"].endswith("/")]
    for number, key in enumerate(keys):
        file = f"{number:06d}"
        s3.download_file(prefix.bucket, key, str(folder / file))
        yield file, relative_key(prefix.key, key)


def _run(run: OneRun, models: LocalModels, job: LocalJob, given: Path, answers: Path) -> None:
    request = deepcopy(dict(job.request))
    models.lend(run.client, request["ModelName"], given.parent.parent)
    source = {"DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": f"file://{given}"}}}
    try:
        run.client.create_transform_job(
            TransformJobName=job.name,
            ModelName=request["ModelName"],
            TransformInput={"ContentType": None, **request["TransformInput"], **source},
            TransformOutput={**request["TransformOutput"], "S3OutputPath": f"file://{answers}"},
            TransformResources=request["TransformResources"],
            **{name: request[name] for name in _PASSED_ON if name in request},
        )
    except RuntimeError as error:
        raise JobFailed(f"AlgorithmError: The model server did not become healthy: {error}") from error
