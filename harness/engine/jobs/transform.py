"""A transform job after the answer: a model server, every object split, sent, joined, assembled, one ``.out`` each."""

from __future__ import annotations

import contextlib
import functools
import gzip
import http.client
import json
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, cast

from harness.contract import splitting
from harness.contract.catalog import UnknownImage
from harness.contract.data_processing import BadData, DataProcessing, media_type
from harness.contract.layout import Input
from harness.contract.serving import START_TIMEOUT, container_of
from harness.engine.hosting.model_servers import ModelServer, NotHealthy, await_ping, start_server
from harness.engine.job_cache.lookup import CacheLookup
from harness.engine.jobs.batch_calls import ALGORITHM, CLIENT, BatchCaller, CallFailed
from harness.engine.jobs.batch_objects import Batch, Calls, ObjectResult
from harness.engine.jobs.failures import JobFailed
from harness.engine.jobs.job_run import JobKind, JobRun, Stopped
from harness.engine.jobs.multi_host_run import MultiHostRun
from harness.engine.jobs.staging import sources
from harness.kernel.clock import iso
from harness.kernel.job_files import find_file
from harness.kernel.kinds import KINDS
from harness.kernel.records import Key, Record
from harness.kernel.s3uri import S3Uri
from harness.stores.logs import LogWriter
from harness.stores.objects import BucketMissing, ObjectMissing

MB = 1 << 20
_DATA_LOG = "data-log"
_RESULTS = "results"
_LARGEST_PARAMETERS = MB
LARGEST_BATCH = 100 * MB
"""Records are not packed into larger bodies than this, limit or not."""


@dataclass(frozen=True)
class Limits:
    """How bodies are made and sent: request over container over default."""

    concurrent: int
    payload: int
    """Bytes; 0 is no limit."""
    multi: bool
    timeout: float
    retries: int


def _execute(work: JobRun) -> None:
    spec = work.record.spec
    model = work.components.records.find(Key("model", work.key.account, work.key.region, spec["ModelName"]))
    if model is None:
        raise JobFailed(f'ClientError: Could not find model "{spec["ModelName"]}"')
    work.set(TransformStartTime=work.components.clock.real())
    _check_formats(spec)
    lookup = _look_up(work, model)
    if lookup.result:
        _replay(work, lookup)
    else:
        _run(work, model, lookup)
    work.settle("Completed", **_ending(work.record, "Completed", work.components.clock.real()))


def _check_formats(spec: Mapping[str, Any]) -> None:
    if mismatch := DataProcessing.of(spec.get("DataProcessing", {})).mismatch(*_kinds(spec)):
        raise JobFailed(f"ClientError: {mismatch}")


def _look_up(work: JobRun, model: Record) -> CacheLookup:
    try:
        image = work.components.images.find(container_of(model)["Image"])
    except UnknownImage as error:
        raise JobFailed(f"ClientError: {error}") from error
    return CacheLookup(work, work.components.reuse, image, lambda keys: keys.of_transform(work.record, model))


def _replay(work: JobRun, lookup: CacheLookup) -> None:
    job_log = _own_stream(work)
    try:
        lookup.replay_log({_DATA_LOG: job_log})
        for number, name in enumerate(lookup.names):
            work.check_stop()
            work.objects.upload(lookup.folder / str(number), _output_uri(work, name))
    except BucketMissing as error:
        raise JobFailed(f"ClientError: {error}") from error
    finally:
        job_log.close()


def _run(work: JobRun, model: Record, lookup: CacheLookup) -> None:
    spec = work.record.spec
    instance_type = spec["TransformResources"]["InstanceType"]
    lookup.replay_log()
    batch = _batch_environment(spec)
    with contextlib.ExitStack() as stack:
        servers = []
        for number in range(spec["TransformResources"]["InstanceCount"]):
            log = stack.enter_context(work.log_of(f"algo-{number + 1}")) if number else work.log
            name = f"{work.key.name}.{number}" if number else work.key.name
            server = start_server(work.components, model, log, name, instance_type, batch, work.packages)
            stack.callback(server.stop, 1.0)
            servers.append(server)
        work.run = MultiHostRun([server.run for server in servers]) if servers[1:] else servers[0].run
        try:
            for server in servers:
                await_ping(server, START_TIMEOUT, work.stopping.is_set)
            _transform(work, servers, lookup)
        except NotHealthy as error:
            if work.stopping.is_set():
                raise Stopped from error
            problem = f"AlgorithmError: The model server did not become healthy: {error}; its log ends:"
            raise JobFailed(error.reason(problem)) from error
    results = {str(number): find_file(work.folder, f"{_RESULTS}/{number}") for number in range(len(lookup.names))}
    lookup.keep({name: file for name, file in results.items() if file is not None})


def _batch_environment(spec: Mapping[str, Any]) -> dict[str, str]:
    extra = {"SAGEMAKER_BATCH": "true", **spec.get("Environment", {})}
    if spec.get("MaxPayloadInMB") is not None:
        extra["SAGEMAKER_MAX_PAYLOAD_IN_MB"] = str(spec["MaxPayloadInMB"])
    if spec.get("BatchStrategy"):
        extra["SAGEMAKER_BATCH_STRATEGY"] = {"MultiRecord": "MULTI_RECORD"}.get(spec["BatchStrategy"], "SINGLE_RECORD")
    if spec.get("MaxConcurrentTransforms"):
        extra["SAGEMAKER_MAX_CONCURRENT_TRANSFORMS"] = str(spec["MaxConcurrentTransforms"])
    return extra


def _limits(spec: Mapping[str, Any], server: ModelServer) -> Limits:
    parameters = _execution_parameters(server)
    concurrent = spec.get("MaxConcurrentTransforms") or parameters.get("MaxConcurrentTransforms") or 1
    payload = spec.get("MaxPayloadInMB", parameters.get("MaxPayloadInMB", 6))
    strategy = spec.get("BatchStrategy") or parameters.get("BatchStrategy", "MULTI_RECORD")
    client = spec.get("ModelClientConfig", {})
    return Limits(
        concurrent=int(concurrent),
        payload=int(payload) * MB,
        multi=strategy in ("MultiRecord", "MULTI_RECORD"),
        timeout=float(client.get("InvocationsTimeoutInSeconds", 600)),
        retries=int(client.get("InvocationsMaxRetries", 3)),
    )


def _execution_parameters(server: ModelServer) -> dict[str, Any]:
    connection = server.connect(5.0)
    try:
        connection.request("GET", "/execution-parameters")
        answer = connection.getresponse()
        parameters = json.loads(answer.read(_LARGEST_PARAMETERS)) if answer.status == 200 else {}
        return parameters if isinstance(parameters, dict) else {}
    except (
        OSError,
        ValueError,
        RecursionError,
        http.client.HTTPException,
    ):  # optional by contract: its absence means defaults
        return {}
    finally:
        connection.close()


def _own_stream(work: JobRun, host: str = "algo-1") -> LogWriter:
    """Open the log stream for the platform's own lines, beside the container's stream."""
    stream = f"{work.stream_of(host)}/{_DATA_LOG}"
    return work.components.logs.open(KINDS["TransformJob"].log_group, stream, work.key.account, work.key.region)


def _result(work: JobRun, number: int) -> Path:
    """Return the file for the answers of one object, named by its number since a key may hold any characters."""
    return work.folder / _RESULTS / str(number)


def _output_uri(work: JobRun, name: str) -> S3Uri:
    return S3Uri.parse(work.record.spec["TransformOutput"]["S3OutputPath"]).join(name)


class _Instance(NamedTuple):
    """One of the instances, with its share ``(i, n)`` of the objects: every n-th, beginning with the i-th."""

    server: ModelServer
    share: tuple[int, int]
    job_log: LogWriter


def _transform(work: JobRun, servers: Sequence[ModelServer], lookup: CacheLookup) -> None:
    """Transform the objects, each on one instance. When an instance gives up, so do the others."""
    limits = _limits(work.record.spec, servers[0])
    made: dict[int, str] = {}
    failures: list[str] = []
    errors: list[BaseException] = []

    def check() -> None:
        work.check_stop()
        if errors:
            raise Stopped

    def run(instance: _Instance) -> None:
        try:
            _write_line(work, instance.job_log, _describe(limits))
            failures.extend(_transform_objects(work, instance, limits, lookup, check, made))
        except BaseException as error:  # the first one is raised below
            errors.append(error)

    with contextlib.ExitStack() as stack:
        instances = []
        for number, server in enumerate(servers):
            job_log = stack.enter_context(contextlib.closing(_own_stream(work, f"algo-{number + 1}")))
            lookup.listen(job_log.on_line, _DATA_LOG)
            instances.append(_Instance(server, (number, len(servers)), job_log))
        with ThreadPoolExecutor(len(servers), thread_name_prefix="instance") as pool:
            list(pool.map(run, instances))
    if errors:
        raise errors[0]
    lookup.names.extend(made[number] for number in sorted(made))
    work.check_stop()
    if failures:
        kind = ALGORITHM if ALGORITHM in failures else CLIENT
        raise JobFailed(f"{kind}: See job logs for more information")


def _describe(limits: Limits) -> str:
    strategy = "MULTI_RECORD" if limits.multi else "SINGLE_RECORD"
    return (
        f"MaxConcurrentTransforms={limits.concurrent}, MaxPayloadInMB={limits.payload // MB}, BatchStrategy={strategy}"
    )


def _write_line(work: JobRun, job_log: LogWriter, text: str) -> None:
    job_log.line(f"{iso(work.components.clock.real())}:[sagemaker logs]: {text}")


def _transform_objects(
    work: JobRun,
    instance: _Instance,
    limits: Limits,
    lookup: CacheLookup,
    check: Callable[[], None],
    made: dict[int, str],
) -> list[str]:
    """Transform an instance's objects; return the kinds of failures. A failing object stops no other.

    ``made`` takes the names of the results by the objects' numbers, if they will be kept.
    """
    source = work.record.spec["TransformInput"]["DataSource"]["S3DataSource"]
    listed = Input("input", S3Uri.parse(source["S3Uri"]), "", source["S3DataType"])
    failures: list[str] = []
    first, step = instance.share

    def finish(result: ObjectResult) -> None:
        if result.failure is None:
            work.objects.upload(result.path, _output_uri(work, f"{result.name}.out"))
        else:
            failures.append(getattr(result.failure, "kind", CLIENT))
            for line in str(result.failure).splitlines() or [""]:
                _write_line(work, instance.job_log, f"{result.uri.bucket}/{result.uri.key}: {line}")
        if not lookup.will_be_kept:
            result.path.unlink()
        elif result.failure is None:
            made[int(result.path.name)] = f"{result.name}.out"

    caller = _caller(work.record.spec, instance.server, limits)
    try:
        with ThreadPoolExecutor(limits.concurrent, thread_name_prefix="transform") as pool:
            calls = Calls(pool, _call(work.record.spec, caller), limits.concurrent, _OBJECT_FAILURES)
            with contextlib.closing(Batch(calls, finish, check)) as batch:
                for number, (uri, name) in islice(enumerate(sources(work.objects, listed)), first, None, step):
                    result = ObjectResult(uri, name, _result(work, number))
                    batch.add(result, functools.partial(_bodies_of, work, uri, limits))
                batch.drain()
    except (BucketMissing, ObjectMissing) as error:
        raise JobFailed(f"ClientError: {error}") from error
    finally:
        caller.close()
    return failures


# What concerns one object alone: its answers, its records, its bytes.
_OBJECT_FAILURES = (CallFailed, BadData, splitting.BadRecords, gzip.BadGzipFile, EOFError, zlib.error, ObjectMissing)


def _caller(spec: Mapping[str, Any], server: ModelServer, limits: Limits) -> BatchCaller:
    headers = {
        "Content-Type": spec["TransformInput"].get("ContentType", ""),
        "Accept": spec["TransformOutput"].get("Accept", ""),
    }
    return BatchCaller(
        server, {name: value for name, value in headers.items() if value}, limits.timeout, limits.retries
    )


def _call(spec: Mapping[str, Any], caller: BatchCaller) -> Callable[[bytes], bytes]:
    """Return the function that transforms one body: filter, send, join, filter, assemble."""
    processing = DataProcessing.of(spec.get("DataProcessing", {}))
    content_type, accept = _kinds(spec)
    newline = spec["TransformOutput"].get("AssembleWith", "None") == "Line"

    def one(body: bytes) -> bytes:
        sent = processing.filter_input(body, content_type) if processing.changes_input else body
        answer = caller.answer(sent)
        if processing.changes_output:
            answer = processing.finish(body, answer, accept)
        return answer + b"\n" if newline and not answer.endswith(b"\n") else answer

    return one


def _kinds(spec: Mapping[str, Any]) -> tuple[str, str]:
    """Return the media types of requests and answers. When only one is stated, the other is the same."""
    content_type, accept = spec["TransformInput"].get("ContentType"), spec["TransformOutput"].get("Accept")
    return media_type(content_type or accept or ""), media_type(accept or content_type or "")


@contextlib.contextmanager
def _opened(work: JobRun, uri: S3Uri) -> Iterator[BinaryIO]:
    with work.objects.open(uri) as stream:
        if work.record.spec["TransformInput"].get("CompressionType", "None") == "Gzip":
            with gzip.open(stream) as unpacked:
                yield cast("BinaryIO", unpacked)
        else:
            yield stream


def _bodies_of(work: JobRun, uri: S3Uri, limits: Limits) -> Iterator[bytes]:
    with _opened(work, uri) as stream:
        yield from _bodies(work.record.spec, stream, limits)


def _bodies(spec: Mapping[str, Any], stream: BinaryIO, limits: Limits) -> Iterator[bytes]:
    split = spec["TransformInput"].get("SplitType", "None")
    if split == "None":
        return splitting.whole(stream, limits.payload)
    limit = limits.payload or LARGEST_BATCH
    if split == "Line":
        if limits.multi:
            return splitting.pack_lines(stream, limit)
        return splitting.single(splitting.lines(stream, limit), limit)
    frames, payload = _FRAMED[split]
    if limits.multi:
        return splitting.pack(frames(stream, limit), limit)
    return splitting.single(map(payload, frames(stream, limit)), limit)


_FRAMED = {
    "RecordIO": (splitting.recordio, splitting.recordio_payload),
    "TFRecord": (splitting.tfrecord, splitting.tfrecord_payload),
}


def _ending(record: Record, status: str, now: float) -> Mapping[str, Any]:
    return {"TransformEndTime": now}


TRANSFORM = JobKind(KINDS["TransformJob"], _execute, _ending)
