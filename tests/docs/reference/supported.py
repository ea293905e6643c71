"""What runs and what does not: operations of SageMaker, other services, and images with their releases."""

from __future__ import annotations

import re
from collections import defaultdict
from pathlib import Path

from harness.aws.moto.backend import SERVICES
from harness.contract.catalog import load_catalog
from harness.gateway.coverage import served_operations
from harness.services.registry import operation
from tests.docs.reference.markdown import document, table

README = Path(__file__).parents[3] / "README.md"
BEGIN, END = "<!-- made by `tox -e docs` -->", "<!-- end -->"
_VERB = re.compile(r"[A-Z][a-z]+(?=[A-Z])")
_RUNS = (
    "training (also users' scripts: script mode), processing and batch transform on one instance or several, endpoints "
    "with data capture, Model Monitor (data quality), experiments and metrics, hyperparameter tuning, pipelines, the "
    "model registry"
)
NOT_YET = "the feature store, AutoML, Clarify, framework images other than scikit-learn and XGBoost"
"""What people look for first. ``test_pages`` checks that none of it is served."""
NOT_YET_OPERATIONS = ("CreateFeatureGroup", "CreateAutoMLJobV2")


def page() -> str:
    services = served_operations(operation)
    operations = [
        [f"`{service}`", _nouns(facts["supported"]), f"{len(facts['supported'])} of {facts['modelled']}"]
        for service, facts in services.items()
    ]
    images = [
        [f"`{image.display_name}`", image.release, image.runs, "yes" if image.has_program("serve") else "no"]
        for image in load_catalog()
    ]
    return document(
        "What runs",
        "Everything else is refused by name: SageMaker's operations with status 501, other services and images with an "
        "error that says so.",
        "## Operations",
        table(["service", "operations", "served"], operations),
        "## Other AWS services",
        "Answered by the embedded moto: " + ", ".join(f"`{name}`" for name in sorted(SERVICES)) + ".",
        "## Images",
        "With `--runner docker`, and for images of your own, any image that Docker Engine has.",
        table(["image", "holds on AWS", "what runs here", "serves endpoints"], images),
    )


def readme_table() -> str:
    """Return the table of the README's first screen."""
    services = served_operations(operation).values()
    served, modelled = sum(len(each["supported"]) for each in services), sum(each["modelled"] for each in services)
    versions: dict[str, list[str]] = defaultdict(list)
    for image in load_catalog():
        versions[image.name].append(image.version)
    images = "; ".join(f"{name} ({len(each)} versions)" if each[0] else name for name, each in versions.items())
    others = f"{len(SERVICES)} other services through moto: [the list](harness/docs/reference/supported.md)"
    return table(
        ["", ""],
        [
            ["runs", _RUNS],
            ["images", f"{images}; with Docker Engine any image"],
            ["operations", f"{served} of SageMaker's {modelled}, and {others}"],
            ["refused so far", NOT_YET],
            ["on", "Linux; WSL2 on Windows; macOS in a Linux container. Python 3.10 to 3.13"],
        ],
    )


def readme_with_table(text: str) -> str:
    """Return the README's text with the table between its two marks."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{readme_table()}\n{END}{after}"


def _nouns(names: list[str]) -> str:
    """Group operations by noun: "TrainingJob (Create, Describe, Stop)"."""
    groups: dict[str, list[str]] = defaultdict(list)
    for name in names:
        found = _VERB.match(name)
        verb = found[0] if found else name
        noun = name[len(verb) :]
        groups[noun[:-1] if verb == "List" and noun.endswith("s") else noun].append(verb)
    return ", ".join(f"{noun} ({', '.join(verbs)})" if noun else ", ".join(verbs) for noun, verbs in groups.items())
