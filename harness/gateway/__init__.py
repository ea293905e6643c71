"""One request in, one response out: the handler chain, the HTTP server around it, and the admin endpoints."""

from __future__ import annotations

from harness.gateway.chain import CHAIN, Gateway
from harness.gateway.request_context import Control, GatewayDependencies
from harness.gateway.server import Server

__all__ = ["CHAIN", "Control", "Gateway", "GatewayDependencies", "Server"]
