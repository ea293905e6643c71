"""The chain that every request passes: host, throttling, signature, model, permissions; then who answers it."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from aiohttp import web

from tests.aws_stand_in import chunks, pricing, registries, tagging
from tests.aws_stand_in.configuration import Configuration
from tests.aws_stand_in.engine import Engine
from tests.aws_stand_in.inventory import Inventory
from tests.aws_stand_in.names import Host, find_host
from tests.aws_stand_in.networks import key_told, network_told
from tests.aws_stand_in.principals import Principals
from tests.aws_stand_in.quotas import Quotas
from tests.aws_stand_in.refusals import EC2, QUERY, REST_JSON, XML, Answer, Refused, answer, refuse
from tests.aws_stand_in.sagemaker import SageMaker
from tests.aws_stand_in.sigv4 import Sent
from tests.aws_stand_in.understanding import Call, protocol_of, understand

_ENGINE = ("sagemaker-metrics", "logs", "cloudwatch")


class Account:
    """One configuration of the account, and everything that was asked of it. ``record`` is the list of requests."""

    def __init__(self, configuration: Configuration, engine: Engine) -> None:
        self._configuration = configuration
        self._engine = engine
        self._principals = Principals(configuration)
        self._inventory = Inventory()
        self._quotas = Quotas(configuration)
        self._sagemaker = SageMaker(configuration, engine, self._principals, self._inventory, self._quotas)
        self._unseen_buckets: dict[str, int] = {}
        self._heard = 0
        self.record: list[dict[str, Any]] = []

    async def hear(self, request: web.BaseRequest) -> web.Response:
        headers = {name.lower(): ", ".join(request.headers.getall(name)) for name in request.headers}
        sent = Sent(request.method, request.raw_path, headers, await request.read())
        request_id = str(uuid.uuid4())
        entry: dict[str, Any] = {"host": headers.get("host", ""), "method": sent.method, "target": sent.target}
        entry |= {"operation": "", "principal": "", "problems": [], "id": request_id}
        self.record.append(entry)
        found = await self._answered(sent, entry, request_id)
        entry |= {"status": found.status, "code": found.code}
        kept = {name: value for name, value in found.headers.items() if name.lower() != "content-length"}
        if request.method == "HEAD" and (length := found.headers.get("Content-Length")):
            kept["Content-Length"] = length
        kept |= {"x-amzn-RequestId": request_id, "x-amz-request-id": request_id}
        return web.Response(status=found.status, headers=kept, body=found.body)

    async def _answered(self, sent: Sent, entry: dict[str, Any], request_id: str) -> Answer:
        host = find_host(sent.headers.get("host", ""), self._configuration.region)
        if host is None:
            entry["problems"] = [f"AWS has no service at {sent.headers.get('host')}"]
            return Answer(404, {}, b"", "NoSuchHost")
        protocol = protocol_of(host, sent)
        entry["service"] = host.service
        try:
            self._throttle(host, protocol)
            entry["principal"] = arn = self._principals.authenticate(host, protocol, sent)
            call = understand(host, protocol, sent)
            entry |= {"operation": call.operation, "problems": list(call.problems)}
            if call.problems:
                raise Refused("ValidationException", "; ".join(call.problems))
            self._principals.authorize(host, protocol, arn, call.operation, call.parameters)
            return await self._served(host, protocol, sent, call, arn, request_id)
        except chunks.BadChunks as bad:
            entry["problems"] = [str(bad)]
            return refuse(protocol, Refused("InvalidChunkSizeError", str(bad), 403), request_id)
        except Refused as refused:
            return refuse(protocol, refused, request_id)
        except Exception as error:  # a test is to hear of it, not a client that retries
            entry["problems"] = [f"the stand-in failed: {error!r}"]
            raise

    def _throttle(self, host: Host, protocol: str) -> None:
        self._heard += 1
        if self._configuration.throttle and self._heard % self._configuration.throttle == 0:
            if protocol == XML:
                raise Refused("SlowDown", "Please reduce your request rate.", 503)
            code = {QUERY: "Throttling", EC2: "RequestLimitExceeded"}.get(protocol, "ThrottlingException")
            raise Refused(code, "Rate exceeded", 429 if protocol == REST_JSON else 400)

    async def _served(self, host: Host, protocol: str, sent: Sent, call: Call, arn: str, request_id: str) -> Answer:
        match host.service:
            case "sagemaker":
                return await self._sagemaker.serve(host, sent, call.operation, call.parameters)
            case "sagemaker-runtime":
                return await self._sagemaker.invoke(host, sent, call.parameters)
            case "s3":
                return await self._s3(host, sent, call)
            case service if service in _ENGINE:
                return await self._engine.forward(host, sent)
        document = await self._own(host, call.operation, call.parameters, arn)
        return answer(protocol, call.operation, document, request_id)

    async def _own(self, host: Host, operation: str, asked: Mapping[str, Any], arn: str) -> Mapping[str, Any]:
        match host.service:
            case "sts" if operation == "GetCallerIdentity":
                return self._principals.identity(arn)
            case "iam":
                return self._principals.told(operation, asked)
            case "service-quotas":
                return self._quotas.told(operation, asked)
            case "resourcegroupstaggingapi":
                return await tagging.told(operation, asked, self._inventory, self._engine)
            case "pricing":
                return pricing.told(operation, asked)
            case "ec2":
                return network_told(operation, asked, self._configuration)
            case "kms":
                return key_told(operation, asked, self._configuration)
            case "ecr":
                return registries.told(operation, asked, host.region)
        raise Refused("AccessDenied", f"the stand-in does not have {host.service} {operation}", 403)

    async def _s3(self, host: Host, sent: Sent, call: Call) -> Answer:
        bucket = str(call.parameters.get("Bucket", ""))
        if call.operation == "HeadBucket" and self._unseen_buckets.get(bucket):
            self._unseen_buckets[bucket] -= 1
            raise Refused("NoSuchBucket", "The specified bucket does not exist", 404)
        if region := self._configuration.others.get(bucket):
            found = refuse(XML, Refused("AccessDenied", "Access Denied", 403), "")
            return found._replace(headers={**found.headers, "x-amz-bucket-region": region})
        found = await self._engine.forward(host, sent)
        if call.operation == "HeadBucket":
            found = found._replace(headers={**found.headers, "x-amz-bucket-region": self._configuration.region})
        if call.operation == "CreateBucket" and found.status == 200:
            self._unseen_buckets[bucket] = self._configuration.lag.get("HeadBucket", 0)
        return found
