"""The tables ``[profiles.NAME]``: which keys each kind has, what they mean and what they are by default."""

from __future__ import annotations

from dataclasses import MISSING, Field, fields
from typing import Any

import pytest

from harness.kernel.errors import StateError
from harness.profiles import KINDS
from harness.profiles.configuration import read_destination
from harness.promotion.destination import Destination
from harness.settings import CHOICES, Settings
from tests.docs.reference.markdown import document, field_docstrings, in_cell, table

MEANINGS = {
    "local": "the emulator on this machine, offline, jobs as processes",
    "docker": "the same with jobs as containers of Docker Engine",
    "localmode": "the same with jobs in the containers of the SDK's own "
    "[local mode](../local-mode.md#the-profile-localmode)",
    "aws": "a real account",
}


def page() -> str:
    kinds = table(["kind", "where a scenario runs"], [[f"`{kind}`", MEANINGS[kind]] for kind in KINDS])
    told = field_docstrings(Settings)
    choices = [[f"`{key}`", in_cell(told[key])] for key in (*CHOICES, "s3_url")]
    meanings = field_docstrings(Destination)
    keys = [
        [f"`{each.name}`", _kind(each), _default(each), in_cell(meanings.get(each.name))]
        for each in fields(Destination)
        if each.name != "name"
    ]
    return document(
        "Profiles",
        "`--profile NAME` of `harness run` (and of `pytest`) says where scenarios run. Each kind is a profile by "
        "its own name; `[profiles.NAME]` in `harness.toml` describes more, `kind` says of which kind (by default the "
        "name is the kind).",
        kinds,
        "## With an emulator: local, docker, localmode",
        table(["key", "meaning"], choices),
        "## Kind aws",
        "[Promotion to AWS](../promotion.md) shows how to write one.",
        table(["key", "kind", "default", "meaning"], keys),
    )


def _kind(each: Field[Any]) -> str:
    """In the words of the error that a senseless value gets."""
    table = {"account_id": "123456789012", "region": "us-east-1", "role": "Role", each.name: object()}
    with pytest.raises(StateError) as refused:
        read_destination("aws", table)
    return str(refused.value).partition(" must be ")[2].partition(", not <object")[0]


def _default(each: Field[Any]) -> str:
    if each.default is MISSING and each.default_factory is MISSING:
        return "needed"
    return f"`{each.default}`" if each.default not in (MISSING, "", ()) else ""
