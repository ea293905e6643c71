"""Adds a hint to IAM's answer for a missing role: the setting that creates it at the start."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import parse_qs

from harness.aws.moto.dispatch import MotoCall
from harness.aws.wire.error_responses import fault
from harness.kernel.http import Response


def answer(call: MotoCall, inner: Callable[[MotoCall], Response]) -> Response:
    """Answer with ``inner``, except for GetRole of a missing role. The SDKs look up roles that users name."""
    response = inner(call)
    if response.status != 404:
        return response
    form = parse_qs(call.body.decode("utf-8", "replace"))
    if form.get("Action") != ["GetRole"]:
        return response
    name = form.get("RoleName", [""])[0]
    hint = f'To have it from the start of the emulator, add it to harness.toml: [settings] roles = ["{name}"]'
    return fault("iam", call.headers, 404, "NoSuchEntity", f"The role with name {name} cannot be found. ({hint})")
