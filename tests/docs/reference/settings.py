"""Settings, the tables of ``harness.toml`` and the variables of the environment."""

from __future__ import annotations

import json
from dataclasses import fields

from harness.settings import CHOICES, PREFIX, ProjectFile, Settings
from tests.docs.reference.markdown import document, field_docstrings, in_cell, table

# What is no setting: read from the environment alone, where it is needed. A test finds each of them in the code.
VARIABLES = {
    "HARNESS_CACHE": "where environments, generated fixtures and results for reuse are kept "
    "(default: `~/.cache/harness`, or `harness` in `XDG_CACHE_HOME`)",
    "HARNESS_ROOTS": "how a job gets its `/opt/ml`: `namespace`, `proot` or `environment`; "
    "`harness doctor` shows what is used",
    "HARNESS_REQUIRE": "parts, separated by commas, whose absence fails a test instead of skipping it "
    "(`docker,namespaces`)",
    "HARNESS_OFFLINE_ALLOW": "hosts, separated by commas, that the audit hook lets programs reach "
    "(a network namespace does not)",
    "HARNESS_LOCALSTACK": "`docker` or `host`: how a LocalStack is started",
    "HARNESS_LOCALSTACK_IMAGE": "the image it is started from",
    "HARNESS_SHOW_ENVIRONMENT": "`1`: values of jobs' environments are not masked in reports",
    "HARNESS_S3_ACCESS_KEY_ID": "the key for `s3_url`, with `HARNESS_S3_SECRET_ACCESS_KEY` and, when there is one, "
    "`HARNESS_S3_SESSION_TOKEN`",
}
_TYPES = {
    "Path": "path",
    "str": "text",
    "int": "whole number",
    "float": "number",
    "bool": "true or false",
    "tuple[str, ...]": "list of texts (in the variable: with commas)",
}
_TABLES = {
    "settings": "the settings above",
    "images": "an AWS image URI, `repository:tag` or `repository` = the image in the local engine that stands for it; "
    "see [images](../images.md#which-image-a-uri-means)",
    "profiles": "`[profiles.NAME]`: see [profiles](profiles.md)",
}


def page() -> str:
    meanings = field_docstrings(Settings)
    rows = [
        [
            f"`{each.name}`",
            f"`{PREFIX}{each.name.upper()}`",
            " or ".join(f"`{choice}`" for choice in CHOICES[each.name])
            if each.name in CHOICES
            else _TYPES[str(each.type)],
            _default(each.default),
            in_cell(meanings.get(each.name)),
        ]
        for each in fields(Settings)
        if each.name not in (*_TABLES, "project")
    ]
    tables = [[f"`[{each.name}]`", _TABLES[each.name]] for each in fields(ProjectFile)]
    return document(
        "Settings",
        "From weakest to strongest: the default, `[settings]` in `harness.toml`, the variable, the option on the "
        "command line. `harness.toml` lies in the project's root; without one, a folder `scenarios` or `.harness` "
        "marks the root.",
        table(["key", "variable", "kind", "default", "meaning"], rows),
        "## harness.toml",
        table(["table", "what is in it"], tables),
        "Unknown tables and keys, and values of the wrong kind, are errors that name them (exit code 3). "
        "`harness validate` checks the file without running anything.",
        "## Other variables",
        table(["variable", "meaning"], [[f"`{name}`", meaning] for name, meaning in VARIABLES.items()]),
    )


def _default(value: object) -> str:
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, tuple):
        return f"`{json.dumps(value)}`"
    return f"`{value}`" if str(value) else ""
