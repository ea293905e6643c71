"""Endpoints in local mode: a server of the SDK's own for each, started beside the scenario, data capture around it."""

# ruff: noqa: N803 - arguments are named as boto3 names them

from __future__ import annotations

import threading
import uuid
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.contract.capture import CaptureRules
from harness.kernel.removal import remove_tree
from harness.kernel.safe_paths import below
from harness.localmode.capturing import Capturing
from harness.localmode.container_engine import remove
from harness.localmode.context import LocalModeContext, refused
from harness.localmode.jobs import utc_now
from harness.localmode.logs import put_log
from harness.localmode.models import LocalModels
from harness.localmode.sdk import LocalSdk, OneRun


@dataclass
class LocalServer:
    """One container that serves one endpoint config for an endpoint."""

    label: str
    config: dict[str, Any]
    folder: Path
    image: str
    run: OneRun | None = None

    @property
    def variant(self) -> str:
        return str(self.config["ProductionVariants"][0]["VariantName"])


@dataclass
class Endpoint:
    name: str
    told: dict[str, Any]
    server: LocalServer | None = None
    thread: threading.Thread | None = None
    capturing: Capturing | None = None
    starting: str = ""
    """The label of a server that is not healthy yet."""


class LocalEndpoints:
    OPERATIONS = frozenset(
        (
            "create_endpoint_config",
            "describe_endpoint_config",
            "delete_endpoint_config",
            "create_endpoint",
            "describe_endpoint",
            "update_endpoint",
            "delete_endpoint",
            "list_endpoints",
        )
    )

    def __init__(self, around: LocalModeContext, sdk: LocalSdk, models: LocalModels) -> None:
        self._around = around
        self._sdk = sdk
        self._models = models
        self._configs: dict[str, dict[str, Any]] = {}
        self._known: dict[str, Endpoint] = {}

    # -- configs -------------------------------------------------------------------------------------------------

    def create_endpoint_config(self, **request: Any) -> dict[str, Any]:
        name = request["EndpointConfigName"]
        arn = self._around.arn("endpoint-config", name)
        if name in self._configs:
            raise refused("CreateEndpointConfig", f'Cannot create already existing endpoint configuration "{arn}".')
        _check_config(request)
        self._models.require("CreateEndpointConfig", request["ProductionVariants"][0]["ModelName"])
        self._configs[name] = {**deepcopy(request), "EndpointConfigArn": arn, "CreationTime": utc_now()}
        return {"EndpointConfigArn": arn}

    def describe_endpoint_config(self, EndpointConfigName: str) -> dict[str, Any]:
        return deepcopy(self._config("DescribeEndpointConfig", EndpointConfigName))

    def delete_endpoint_config(self, EndpointConfigName: str) -> dict[str, Any]:
        self._config("DeleteEndpointConfig", EndpointConfigName)
        del self._configs[EndpointConfigName]
        return {}

    def _config(self, operation: str, name: str) -> dict[str, Any]:
        if name not in self._configs:
            arn = self._around.arn("endpoint-config", name)
            raise refused(operation, f'Could not find endpoint configuration "{arn}".')
        return self._configs[name]

    def ran(self) -> list[dict[str, str]]:
        return [
            {
                "status": each.told["EndpointStatus"],
                "kind": "endpoint",
                "name": each.name,
                "reason": each.told.get("FailureReason", ""),
            }
            for each in self._known.values()
        ]

    # -- endpoints -----------------------------------------------------------------------------------------------

    def create_endpoint(self, EndpointName: str, EndpointConfigName: str, Tags: Any = None) -> dict[str, Any]:
        arn = self._around.arn("endpoint", EndpointName)
        if EndpointName in self._known:
            raise refused("CreateEndpoint", f'Cannot create already existing endpoint "{arn}".')
        config = self._config("CreateEndpoint", EndpointConfigName)
        now = utc_now()
        told = {"EndpointArn": arn, "EndpointConfigName": EndpointConfigName, "EndpointStatus": "Creating"}
        endpoint = Endpoint(EndpointName, {**told, "CreationTime": now, "LastModifiedTime": now})
        self._known[EndpointName] = endpoint
        self._around.seen("CreateEndpoint", EndpointName)
        self._change(endpoint, config, "Failed")
        captured = CaptureRules.of(config.get("DataCaptureConfig")) is not None
        self._around.provenance.note(
            "Endpoints",
            "the server's container, its health check",
            "a port for each, several at once, creation beside the scenario" + (", data capture" if captured else ""),
        )
        return {"EndpointArn": arn}

    def update_endpoint(self, EndpointName: str, EndpointConfigName: str, **options: Any) -> dict[str, Any]:
        if options:
            raise refused("UpdateEndpoint", f"not supported in local mode: {', '.join(sorted(options))}")
        endpoint = self.require("UpdateEndpoint", EndpointName)
        config = self._config("UpdateEndpoint", EndpointConfigName)
        if endpoint.told["EndpointStatus"] in ("Creating", "Updating"):
            raise refused("UpdateEndpoint", f'Cannot update in-progress endpoint "{endpoint.told["EndpointArn"]}".')
        endpoint.told |= {"EndpointStatus": "Updating", "LastModifiedTime": utc_now()}
        self._change(endpoint, config, "InService")
        return {"EndpointArn": endpoint.told["EndpointArn"]}

    def describe_endpoint(self, EndpointName: str) -> dict[str, Any]:
        endpoint = self.require("DescribeEndpoint", EndpointName)
        server = endpoint.server
        told = {"EndpointName": EndpointName, **endpoint.told}
        if server is not None:
            variant = server.config["ProductionVariants"][0]
            told["ProductionVariants"] = [
                {"VariantName": server.variant, "CurrentWeight": 1.0, "DesiredWeight": 1.0}
                | {f"{word}InstanceCount": variant.get("InitialInstanceCount", 1) for word in ("Current", "Desired")}
            ]
            if endpoint.capturing is not None:
                told["DataCaptureConfig"] = _summary(server.config["DataCaptureConfig"])
        return deepcopy(told)

    def delete_endpoint(self, EndpointName: str) -> dict[str, Any]:
        endpoint = self.require("DeleteEndpoint", EndpointName)
        if endpoint.thread is not None:
            endpoint.thread.join()
        if endpoint.server is not None:
            self._stop(endpoint.server, EndpointName)
        if endpoint.capturing is not None:
            endpoint.capturing.close()
        del self._known[EndpointName]
        return {}

    def list_endpoints(self, NameContains: str = "", MaxResults: int = 100) -> dict[str, Any]:
        members = ("EndpointArn", "CreationTime", "LastModifiedTime", "EndpointStatus")
        found = [one for name, one in self._known.items() if NameContains in name][:MaxResults]
        return {
            "Endpoints": [{"EndpointName": one.name, **{name: one.told[name] for name in members}} for one in found]
        }

    def require(self, operation: str, name: str) -> Endpoint:
        if name not in self._known:
            raise refused(operation, f'Could not find endpoint "{self._around.arn("endpoint", name)}".')
        return self._known[name]

    def live(self, name: str) -> tuple[Endpoint, LocalServer] | None:
        """For the runtime: an endpoint that answers, and by which server."""
        endpoint = self._known.get(name)
        if endpoint is None or endpoint.server is None or endpoint.server.run is None:
            return None
        return endpoint, endpoint.server

    def flush(self) -> None:
        for endpoint in list(self._known.values()):
            if endpoint.capturing is not None:
                endpoint.capturing.flush()

    def close(self) -> None:
        for name, endpoint in list(self._known.items()):
            if endpoint.starting:  # nobody waits for it any more
                remove(self._around.engine.containers(endpoint.starting))
            self.delete_endpoint(name)

    # -- servers -------------------------------------------------------------------------------------------------

    def _change(self, endpoint: Endpoint, config: dict[str, Any], otherwise: str) -> None:
        """Beside the scenario: the new server takes over when it is healthy; else the status is ``otherwise``."""
        endpoint.thread = threading.Thread(
            target=self._serve, args=(endpoint, deepcopy(config), otherwise), name=f"endpoint {endpoint.name}"
        )
        endpoint.thread.start()

    def _serve(self, endpoint: Endpoint, config: dict[str, Any], otherwise: str) -> None:
        label = f"{endpoint.name}-{uuid.uuid4().hex[:6]}"
        server = LocalServer(label, config, below(self._around.folder, label), "")
        endpoint.starting = label
        try:
            self._start(endpoint, server)
        except Exception as error:  # told where AWS tells it: in the endpoint's description
            endpoint.told |= {"EndpointStatus": otherwise, "FailureReason": str(error), "LastModifiedTime": utc_now()}
            self._stop(server, endpoint.name)
            return
        finally:
            endpoint.starting = ""
        old, endpoint.server = endpoint.server, server
        rules = CaptureRules.of(config.get("DataCaptureConfig"))
        before, endpoint.capturing = endpoint.capturing, None
        if rules is not None:
            endpoint.capturing = Capturing(endpoint.name, rules, self._around.client("s3"), self._around.clock)
        endpoint.told.pop("FailureReason", None)
        name = config["EndpointConfigName"]
        endpoint.told |= {"EndpointStatus": "InService", "EndpointConfigName": name, "LastModifiedTime": utc_now()}
        if before is not None:
            before.close()
        if old is not None:
            self._stop(old, endpoint.name)

    def _start(self, endpoint: Endpoint, server: LocalServer) -> None:
        model = self._models.require("CreateEndpoint", server.config["ProductionVariants"][0]["ModelName"])
        server.image = self._around.image("CreateEndpoint", model["PrimaryContainer"]["Image"])
        server.folder.mkdir(parents=True)
        run = self._sdk.one_run(self._around, server.folder, server.label)
        variants = server.config["ProductionVariants"]
        self._models.lend(run.client, variants[0]["ModelName"], server.folder)
        run.client.create_endpoint_config(server.label, variants)
        try:
            run.client.create_endpoint(server.label, server.label)
        except RuntimeError as error:
            raise RuntimeError(
                f"The primary container for production variant {server.variant} did not pass the ping health check. "
                f"Please check CloudWatch logs for this endpoint. ({error})"
            ) from error
        server.run = run

    def _stop(self, server: LocalServer, endpoint: str) -> None:
        run, server.run = server.run, None
        containers = self._around.engine.containers(server.label)
        try:
            if run is not None:
                run.client.delete_endpoint(server.label)
            for container in containers:
                lines = self._around.engine.log_lines(container)
                group, stream = f"/aws/sagemaker/Endpoints/{endpoint}", f"{server.variant}/{server.label}"
                put_log(self._around.client("logs"), group, stream, lines)
        finally:
            remove(containers)
            self._around.engine.give_back(server.folder, server.image)
            remove_tree(server.folder)


def _check_config(request: dict[str, Any]) -> None:
    if len(request["ProductionVariants"]) != 1 or request.get("ShadowProductionVariants"):
        raise refused("CreateEndpointConfig", "local mode serves one production variant, and no shadow variants")
    for member in ("AsyncInferenceConfig", "ExplainerConfig"):
        if member in request:
            raise refused("CreateEndpointConfig", f"local mode has no {member}")
    if "ServerlessConfig" in request["ProductionVariants"][0]:
        raise refused("CreateEndpointConfig", "local mode serves on instances: leave ServerlessConfig out")


def _summary(config: dict[str, Any]) -> dict[str, Any]:
    return {
        "EnableCapture": config.get("EnableCapture", True),
        "CaptureStatus": "Started",
        "CurrentSamplingPercentage": config["InitialSamplingPercentage"],
        "DestinationS3Uri": config["DestinationS3Uri"],
        "KmsKeyId": config.get("KmsKeyId", ""),
    }
