"""``LocalStackBackend``: passes requests on to LocalStack, and answers services that it lacks with embedded moto."""

from __future__ import annotations

import asyncio
import json
import logging
import math
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from multidict import CIMultiDict

from harness.aws import Metric
from harness.aws.moto import MotoBackend
from harness.aws.moto.dispatch import MotoCall, failure
from harness.aws.remote.buckets import MadeBuckets
from harness.aws.remote.clients import Clients
from harness.aws.remote.identity import Identity
from harness.aws.remote.job_logs import JobLogCopies
from harness.aws.remote.objects import RemoteObjects
from harness.aws.remote.proxy import BackendUnreachable, Proxy
from harness.aws.remote.reset import delete_created
from harness.aws.remote.source import Running, Source
from harness.aws.wire.error_responses import fault
from harness.aws.wire.s3_requests import S3Request
from harness.kernel.errors import StateError
from harness.kernel.http import Request, Response
from harness.stores.log_files import StoredLogs

ALIASES = {"cloudwatch": "monitoring", "eventbridge": "events", "resourcegroupstaggingapi": "tagging"}
METRICS_AT_ONCE = 500
WORKERS = 8
_USUAL = (
    "acm apigateway cloudformation config dynamodb ec2 es events firehose iam kinesis kms lambda logs monitoring "
    "redshift resource-groups route53 route53resolver s3 scheduler secretsmanager ses sns sqs ssm states sts support "
    "swf tagging transcribe"
)
"""The services of a community LocalStack, by signing name. Used until one has answered."""
logger = logging.getLogger(__name__)


class LocalStackBackend:
    name = "localstack"

    def __init__(
        self,
        source: Source,
        moto: MotoBackend,
        logs: StoredLogs,
        state: Path,
        account: str,
        region: str,
        roles: tuple[str, ...] = (),
    ):
        self._source = source
        self._moto = moto
        self._logs = logs
        self._home = (account, region)
        self._roles = roles
        self._made = MadeBuckets(state / "localstack-buckets.json")
        self._copies = JobLogCopies(logs, self._clients)
        self._pool = ThreadPoolExecutor(WORKERS, thread_name_prefix="localstack")
        self._parts: tuple[Running, Clients, Proxy, Identity] | None = None
        self._failure = ""
        self._building = threading.Lock()
        self._copies.start()

    def services(self) -> frozenset[str]:
        running = self._source.running
        served = running.health.services if running else frozenset(_USUAL.split())
        return served | self._moto.services()

    def describe(self) -> Mapping[str, str]:
        running = self._source.running
        if running is None:
            return {"localstack": self._failure or "not there yet"}
        beside = sorted({ALIASES.get(name, name) for name in self._moto.services()} - running.health.services)
        return {
            "localstack": f"{running.health.version}, {running.how}"
            + (", empty at every start" if running.ours else ""),
            "address": running.address,
            "by moto": ", ".join(beside),
        }

    async def handle(self, service: str, request: Request, account: str, region: str) -> Response:
        service = ALIASES.get(service, service)
        try:
            running, _, proxy, _ = await asyncio.to_thread(self._ready) if self._parts is None else self._parts
        except StateError as error:
            return fault(service, request.headers, 503, "ServiceUnavailable", str(error))
        if service not in running.health.services:
            return await self._moto.handle(service, request, account, region)
        try:
            if service == "s3":
                return await self._s3(proxy, request, account)
            return await self._other(proxy, service, request, account, region)
        except BackendUnreachable as error:
            text = f"LocalStack at {error}; {self._source.describe_loss()}"
            return fault(service, request.headers, 503, "ServiceUnavailable", text)

    def objects(self, account: str, region: str) -> RemoteObjects:
        return RemoteObjects(lambda: self._clients().get("s3", account, region), region, self._made.add)

    def put_metrics(self, account: str, region: str, namespace: str, metrics: Sequence[Metric]) -> None:
        client = self._clients().get("cloudwatch", account, region)
        # CloudWatch refuses NaN (PutMetricData in the API reference), which a diverging training prints.
        data = [_datum(metric) for metric in metrics if metric.value is None or math.isfinite(metric.value)]
        try:
            for start in range(0, len(data), METRICS_AT_ONCE):
                client.put_metric_data(Namespace=namespace, MetricData=data[start : start + METRICS_AT_ONCE])
        except Exception as error:  # the job whose metrics these are has done its work
            logger.warning("%d metrics of %s were not taken by LocalStack: %s", len(data), namespace, error)

    def role_exists(self, account: str, role_arn: str) -> bool:
        return self._ready()[3].role_exists(account, role_arn)

    def account_of(self, access_key: str) -> str | None:
        """Return the account whose IAM or STS issued this access key; None for other keys."""
        return self._ready()[3].account_of(access_key)

    def secret_of(self, access_key: str) -> str | None:
        """Return None: LocalStack does not reveal the secrets of keys that it issued."""
        return None

    def load(self) -> None:
        try:
            self._ready()[3].ensure_role(self._home[0])
        except StateError as error:
            self._failure = str(error)
            raise

    def reset(self) -> None:
        """Restart LocalStack if this emulator started it. Otherwise delete what was created through this emulator."""
        running, clients, _, identity = self._ready()
        if running.ours:
            self._parts = None
            self._copies.forget()
            clients.close()
            self._source.restart()
        else:
            groups = {(group, *self._home) for group in self._logs.groups(*self._home)} | self._copies.groups()
            delete_created(clients, self._home, self._made.names(), groups)
            self._copies.forget()
            identity.forget()
        self._made.clear()
        self._moto.reset()
        self._ready()[3].ensure_role(self._home[0])

    def close(self) -> None:
        running = self._source.running
        self._copies.close(finish=running is not None and not running.ours)
        if self._parts is not None:
            self._parts[1].close()
        self._source.close()
        self._moto.close()
        self._pool.shutdown(wait=True, cancel_futures=True)

    async def _s3(self, proxy: Proxy, request: Request, account: str) -> Response:
        s3_request = S3Request.of(request)
        response = await proxy.pass_on(request, s3_request.target, self._sign(request, account))
        makes_bucket = (
            request.method == "PUT" and s3_request.bucket and not s3_request.key and "?" not in s3_request.target
        )
        if makes_bucket and response.status == 200:
            self._made.add(s3_request.bucket)
        return response

    async def _other(self, proxy: Proxy, service: str, request: Request, account: str, region: str) -> Response:
        loop = asyncio.get_running_loop()
        body = await request.read()
        prepared = await loop.run_in_executor(self._pool, self._answer_here, service, request, body, account, region)
        if prepared is not None:
            return prepared
        response = await proxy.pass_on(request, request.target, self._sign(request, account), body)
        if service == "sts" and response.status == 200 and b"Action=GetCallerIdentity" in body:
            assert isinstance(response.body, bytes)
            session = await loop.run_in_executor(self._pool, self._ready()[3].as_session, response.body)
            return replace(response, body=session)
        return response

    def _answer_here(self, service: str, request: Request, body: bytes, account: str, region: str) -> Response | None:
        """Answer a request if harness must. Return None, after preparations, if LocalStack answers it."""
        try:
            if service == "logs":
                operation = request.headers.get("X-Amz-Target", "").rpartition(".")[2]
                return self._copies.answer(operation, json.loads(body or b"{}"), account, region)
            if service in ("iam", "sts"):
                self._ready()[3].ensure_role(account)
        except Exception as error:
            return failure(
                MotoCall(service, request.method, request.target, request.headers, body, account, region), error
            )
        return None

    def _sign(self, request: Request, account: str) -> Mapping[str, str]:
        authorization = self._ready()[3].in_account(request.headers.get("Authorization", ""), account)
        headers: CIMultiDict[str] = CIMultiDict(request.headers)
        if authorization:
            headers["Authorization"] = authorization
        return headers

    def _clients(self) -> Clients:
        return self._ready()[1]

    def _ready(self) -> tuple[Running, Clients, Proxy, Identity]:
        parts = self._parts
        if parts is None:
            running = self._source.ready()
            with self._building:
                parts = self._parts
                if parts is None:
                    clients = Clients(running.address, lambda account: (account, "harness"))
                    identity = Identity(clients, self._home[1], self._roles)
                    parts = self._parts = (running, clients, Proxy(running.address), identity)
        return parts


def _datum(metric: Metric) -> dict[str, Any]:
    datum: dict[str, Any] = {
        "MetricName": metric.name,
        "Timestamp": datetime.fromtimestamp(metric.timestamp, tz=timezone.utc),
        "Dimensions": [{"Name": name, "Value": value} for name, value in metric.dimensions.items()],
        "Unit": metric.unit,
    }
    if metric.statistics is not None:
        datum["StatisticValues"] = dict(metric.statistics)
    else:
        datum["Value"] = metric.value or 0.0
    return datum
