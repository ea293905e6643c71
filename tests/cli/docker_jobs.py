"""A training job of the built-in XGBoost as nothing but a container: a folder for /opt/ml, and ``train``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


def trained(client: Any, image: str, root: Path) -> int:
    """The exit code of ``docker run IMAGE train`` on a folder made here."""
    config = root / "input" / "config"
    data = root / "input" / "data" / "train"
    for folder in (config, data, root / "model", root / "output" / "data"):
        folder.mkdir(parents=True)
    channel = {"ContentType": "text/csv", "TrainingInputMode": "File", "S3DistributionType": "FullyReplicated"}
    documents: dict[str, Any] = {
        "hyperparameters": {"objective": "binary:logistic", "num_round": "2"},
        "inputdataconfig": {"train": {**channel, "RecordWrapperType": "None"}},
        "resourceconfig": {"current_host": "algo-1", "hosts": ["algo-1"], "network_interface_name": "eth0"},
    }
    for name, document in documents.items():
        (config / f"{name}.json").write_text(json.dumps(document))
    (data / "rows.csv").write_text("".join(f"{i % 2},{i % 2 + i / 100},{i}\n" for i in range(50)))
    mount = client.create_host_config(binds=[f"{root}:/opt/ml"], network_mode="none")
    container = client.create_container(image, ["train"], host_config=mount)
    try:
        client.start(container)
        return int(client.wait(container, timeout=40)["StatusCode"])
    finally:
        client.remove_container(container, force=True)
