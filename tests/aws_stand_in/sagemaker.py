"""SageMaker as an account has it: what is refused before a request gets to the engine, and what is late after it."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Mapping
from typing import Any

from tests.aws_stand_in import moments
from tests.aws_stand_in.configuration import Configuration
from tests.aws_stand_in.engine import Engine, NotThere
from tests.aws_stand_in.inventory import Inventory, Made
from tests.aws_stand_in.names import Host, noun_of, sagemaker_arn
from tests.aws_stand_in.principals import Principals
from tests.aws_stand_in.quotas import USES, Quotas
from tests.aws_stand_in.refusals import JSON, Answer, Refused, answer
from tests.aws_stand_in.registries import check_image, images_of
from tests.aws_stand_in.sigv4 import Sent


class SageMaker:
    def __init__(
        self,
        configuration: Configuration,
        engine: Engine,
        principals: Principals,
        inventory: Inventory,
        quotas: Quotas,
    ) -> None:
        self._configuration = configuration
        self._principals = principals
        self._engine = engine
        self._inventory = inventory
        self._quotas = quotas

    async def serve(self, host: Host, sent: Sent, operation: str, asked: Mapping[str, Any]) -> Answer:
        noun = noun_of(operation)
        made = self._inventory.find(noun, str(asked.get(f"{noun}Name") or _named(asked.get(f"{noun}Arn"))))
        if operation.startswith("Create"):
            return await self._create(host, sent, noun, asked)
        if operation.startswith("List"):
            found = await self._engine.forward(host, sent)
            return moments.listed(operation, found, self._inventory, self._configuration.delays)
        if made is None:
            return await self._engine.forward(host, sent)
        if operation.startswith("Describe"):
            return await self._describe(host, sent, operation, made)
        if operation.startswith("Delete"):
            return await self._delete(host, sent, made)
        return await self._engine.forward(host, sent)

    async def invoke(self, host: Host, sent: Sent, asked: Mapping[str, Any]) -> Answer:
        """An endpoint that AWS is still creating is not there for its callers."""
        made = self._inventory.find("Endpoint", str(asked.get("EndpointName")))
        if made and made.gone is None and moments.young(made, self._configuration.delays):
            account = self._configuration.account
            raise Refused("ValidationError", f"Endpoint {made.name} of account {account} not found.")
        return await self._engine.forward(host, sent)

    async def _create(self, host: Host, sent: Sent, kind: str, asked: Mapping[str, Any]) -> Answer:
        for image in images_of(asked):
            check_image(image, host.region)
        if kind == "Model":
            self._principals.readable_model(asked)
        async with self._quotas.lock:
            if kind in USES:
                await self._quotas.check(kind, asked, self._inventory, self._engine)
            found = await self._engine.forward(host, sent)
            if found.status == 200:
                name = str(asked.get(f"{kind}Name", ""))
                arn = json.loads(found.body or b"{}").get(f"{kind}Arn")
                arn = arn or sagemaker_arn(host.region, self._configuration.account, kind, name)
                self._inventory.made(kind, name or str(arn), str(arn), asked, self._configuration.lag)
        return found

    async def _describe(self, host: Host, sent: Sent, operation: str, made: Made) -> Answer:
        if made.gone is None and made.hidden(operation):
            raise moments.not_found(made)
        if moments.going(made, self._configuration.delays) and (last := moments.departing(made)):
            return answer(JSON, operation, last, "")
        found = await self._engine.forward(host, sent)
        return moments.described(made, found, self._configuration.delays)

    async def _delete(self, host: Host, sent: Sent, made: Made) -> Answer:
        with contextlib.suppress(NotThere):
            member = f"{made.kind}Name"
            made.last = await self._engine.ask(f"Describe{made.kind}", **{member: made.name})
        found = await self._engine.forward(host, sent)
        if found.status == 200:
            made.gone = time.monotonic()
        return found


def _named(arn: Any) -> str:
    return str(arn or "").rpartition("/")[2]
