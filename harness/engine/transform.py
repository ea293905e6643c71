"""A transform job after the answer: a model server, every object split, sent, joined and assembled, one ``.out`` each."""

from __future__ import annotations

import gzip
import http.client
import json
from collections import deque
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, BinaryIO, cast

from harness.contract import splitting
from harness.contract.data_processing import BadData, DataProcessing, media_type
from harness.contract.layout import Input, relative_key
from harness.contract.serving import START_TIMEOUT
from harness.engine.experiments import settle_component
from harness.engine.failures import JobFailed
from harness.engine.model_servers import ModelServer, NotHealthy, await_ping, start_server
from harness.engine.staging import sources
from harness.engine.work import JobKind, Stopped, Work
from harness.kernel.clock import iso
from harness.kernel.records import Key, Record
from harness.kernel.s3uri import S3Uri

LOG_GROUP = "/aws/sagemaker/TransformJobs"
MB = 1 << 20


@dataclass(frozen=True)
class Limits:
    """How bodies are made and sent: request over container over default."""

    concurrent: int
    payload: int
    multi: bool
    timeout: float
    retries: int


def _execute(work: Work) -> None:
    spec = work.record.spec
    model = work.doors.records.find(Key("model", work.key.account, work.key.region, spec["ModelName"]))
    if model is None:
        raise JobFailed(f'ClientError: Could not find model "{spec["ModelName"]}"')
    work.set(TransformStartTime=work.doors.clock.real())
    server = start_server(work.doors, model, work.log, work.key.name, _batch_environment(spec))
    work.run = server.run
    try:
        await_ping(server, START_TIMEOUT, work.stopping.is_set)
        _transform(work, server)
    except NotHealthy as error:
        if work.stopping.is_set():
            raise Stopped from error
        raise JobFailed(f"AlgorithmError: The model server did not become healthy: {error}") from error
    finally:
        server.stop(1.0)
    record = work.settle("Completed", **_ending(work.record, "Completed", work.doors.clock.real()))
    settle_component(work.doors.records, record, {})


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
    asked = _execution_parameters(server)
    concurrent = spec.get("MaxConcurrentTransforms") or asked.get("MaxConcurrentTransforms") or 1
    payload = spec.get("MaxPayloadInMB", asked.get("MaxPayloadInMB", 6))
    strategy = spec.get("BatchStrategy") or asked.get("BatchStrategy", "MULTI_RECORD")
    client = spec.get("ModelClientConfig", {})
    return Limits(
        concurrent=int(concurrent),
        payload=int(payload or 100) * MB,
        multi=strategy in ("MultiRecord", "MULTI_RECORD"),
        timeout=float(client.get("InvocationsTimeoutInSeconds", 600)),
        retries=int(client.get("InvocationsMaxRetries", 3)),
    )


def _execution_parameters(server: ModelServer) -> dict[str, Any]:
    connection = server.connect(5.0)
    try:
        connection.request("GET", "/execution-parameters")
        answer = connection.getresponse()
        body = answer.read()
        return cast("dict[str, Any]", json.loads(body)) if answer.status == 200 else {}
    except (OSError, ValueError, http.client.HTTPException):  # optional by contract: its absence means defaults
        return {}
    finally:
        connection.close()


def _transform(work: Work, server: ModelServer) -> None:
    spec = work.record.spec
    limits = _limits(spec, server)
    strategy = "MULTI_RECORD" if limits.multi else "SINGLE_RECORD"
    work.log.line(
        f"{iso(work.doors.clock.real())}:[sagemaker logs]: MaxConcurrentTransforms={limits.concurrent}, "
        f"MaxPayloadInMB={limits.payload // MB}, BatchStrategy={strategy}"
    )
    source = spec["TransformInput"]["DataSource"]["S3DataSource"]
    found = list(sources(work.objects, Input("input", S3Uri.parse(source["S3Uri"]), "", source["S3DataType"])))
    failed = 0
    with ThreadPoolExecutor(limits.concurrent, thread_name_prefix="transform") as pool:
        for uri, _ in found:
            work.check_stop()
            try:
                _transform_object(work, server, limits, pool, uri)
            except (ObjectFailed, BadData, splitting.BadRecords) as error:
                failed += 1
                for line in str(error).splitlines() or [""]:
                    work.log.line(f"{iso(work.doors.clock.real())}:[sagemaker logs]: {uri.bucket}/{uri.key}: {line}")
    work.check_stop()
    if failed:
        raise JobFailed("AlgorithmError: See job logs for more information")


class ObjectFailed(Exception):
    """One object could not be transformed; it gets no output, others go on."""


@dataclass(frozen=True)
class _Caller:
    """Sends bodies of one job to its server."""

    server: ModelServer
    headers: Mapping[str, str]
    limits: Limits

    def answer(self, body: bytes) -> bytes:
        for attempt in range(self.limits.retries + 1):
            status, text = self._once(body)
            if status < 500 or attempt == self.limits.retries:
                break
        if status == 0:
            raise ObjectFailed(f"Unable to get response from algorithm: {text.decode(errors='replace')}")
        if status >= 300:
            kind = "ClientError" if status < 500 else "AlgorithmError"
            raise ObjectFailed(f"{kind}: {status}\n\nMessage:\n{text.decode(errors='replace')}")
        return text

    def _once(self, body: bytes) -> tuple[int, bytes]:
        connection = self.server.connect(self.limits.timeout)
        try:
            connection.request("POST", "/invocations", body, dict(self.headers))
            response = connection.getresponse()
            return response.status, response.read()
        except (OSError, http.client.HTTPException) as error:
            return 0, str(error).encode()
        finally:
            connection.close()


def _transform_object(
    work: Work, server: ModelServer, limits: Limits, pool: ThreadPoolExecutor, uri: S3Uri
) -> None:
    spec = work.record.spec
    processing = DataProcessing.of(spec.get("DataProcessing", {}))
    given, wanted = spec["TransformInput"].get("ContentType", ""), spec["TransformOutput"].get("Accept", "")
    headers = {key: value for key, value in (("Content-Type", given), ("Accept", wanted)) if value}
    caller = _Caller(server, headers, limits)
    newline = spec["TransformOutput"].get("AssembleWith", "None") == "Line"
    kinds = (media_type(given), media_type(wanted) or media_type(given))

    def one(body: bytes) -> bytes:
        sent = processing.filter_input(body, kinds[0]) if processing.changes_input else body
        answer = caller.answer(sent)
        if processing.changes_output:
            answer = processing.finish(body, answer, kinds[1])
        return answer + b"\n" if newline and not answer.endswith(b"\n") else answer

    result = work.folder / "transform.out"
    result.parent.mkdir(parents=True, exist_ok=True)
    with _opened(work, uri) as stream, result.open("wb") as out:
        for answer in _in_order(pool, one, _bodies(spec, stream, limits), limits.concurrent):
            work.check_stop()
            out.write(answer)
    prefix = spec["TransformInput"]["DataSource"]["S3DataSource"]["S3Uri"]
    name = relative_key(S3Uri.parse(prefix).key, uri.key)
    work.objects.upload(result, S3Uri.parse(spec["TransformOutput"]["S3OutputPath"]).join(f"{name}.out"))


def _opened(work: Work, uri: S3Uri) -> BinaryIO:
    stream = work.objects.open(uri)
    if work.record.spec["TransformInput"].get("CompressionType", "None") == "Gzip":
        return cast("BinaryIO", gzip.open(stream))
    return stream


def _bodies(spec: Mapping[str, Any], stream: BinaryIO, limits: Limits) -> Iterator[bytes]:
    split = spec["TransformInput"].get("SplitType", "None")
    if split == "None":
        return splitting.whole(stream, limits.payload)
    if split == "Line":
        if limits.multi:
            return splitting.packed_lines(stream, limits.payload)
        return splitting.single(splitting.lines(stream), limits.payload)
    if limits.multi:
        return splitting.packed(splitting.recordio(stream), limits.payload)
    return splitting.single(map(splitting.recordio_payload, splitting.recordio(stream)), limits.payload)


def _in_order(pool: ThreadPoolExecutor, call: Any, bodies: Iterator[bytes], width: int) -> Iterator[bytes]:
    """Answers in input order, at most ``width`` requests under way and as few bodies held in memory."""
    waiting: deque[Future[bytes]] = deque()
    try:
        for body in bodies:
            waiting.append(pool.submit(call, body))
            if len(waiting) > width:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        for future in waiting:
            future.cancel()


def _ending(record: Record, status: str, now: float) -> Mapping[str, Any]:
    return {"TransformEndTime": now}


TRANSFORM = JobKind("transform-job", LOG_GROUP, _execute, _ending)
