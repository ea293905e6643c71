"""The locks in the repository: nothing without a hash, and the versions that the images of AWS hold."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from harness.contract.catalog import resolve_image
from tests.locks.compiling import SOURCE_ARCHIVES
from tests.locks.targets import Target, targets

# Major and minor releases by aws/sagemaker-scikit-learn-container and aws/sagemaker-xgboost-container.
REAL = {
    "sagemaker-scikit-learn:0.23-1": "3.7 numpy 1.19 pandas 1.1 scipy 1.5 scikit-learn 0.23",
    "sagemaker-scikit-learn:1.0-1": "3.8 numpy 1.19 pandas 1.1 scipy 1.5 scikit-learn 1.0",
    "sagemaker-scikit-learn:1.2-1": "3.10 numpy 1.24 pandas 1.5 scipy 1.9 scikit-learn 1.2",
    "sagemaker-scikit-learn:1.4-2": "3.10 numpy 2.1 pandas 2.3 scipy 1.15 scikit-learn 1.4",
    "sagemaker-xgboost:0.90-1": "3.7 numpy 1.18 pandas 0.25 scipy 1.2 scikit-learn 0.22",
    "sagemaker-xgboost:0.90-2": "3.7 numpy 1.18 pandas 1.0 scipy 1.2 scikit-learn 0.23",
    "sagemaker-xgboost:1.0-1": "3.7 numpy 1.19 pandas 1.1 scipy 1.2 scikit-learn 0.23",
    "sagemaker-xgboost:1.2-1": "3.7 numpy 1.19 pandas 1.1 scipy 1.5 scikit-learn 0.23",
    "sagemaker-xgboost:1.2-2": "3.7 numpy 1.20 pandas 1.1 scipy 1.5 scikit-learn 0.23",
    "sagemaker-xgboost:1.3-1": "3.7 numpy 1.21 pandas 1.2 scipy 1.6 scikit-learn 0.24",
    "sagemaker-xgboost:1.5-1": "3.8 numpy 1.19 pandas 1.2 scipy 1.6 scikit-learn 0.24",
    "sagemaker-xgboost:1.7-1": "3.10 numpy 1.24 pandas 1.4 scipy 1.9 scikit-learn 1.0",
    "sagemaker-xgboost:3.0-5": "3.10 numpy 2.1 pandas 2.2 scipy 1.15 scikit-learn 1.5",
    "sagemaker-xgboost:3.2-0": "3.12 numpy 2.1 pandas 2.2 scipy 1.15 scikit-learn 1.8",
}
PACKAGES = {"boto3", "flask", "gunicorn", "pip", "protobuf", "psutil", "pyyaml", "requests"}


def pins_of(lock: Path) -> dict[str, str]:
    return dict(re.findall(r"(?m)^([a-z0-9-]+)==([^ ;\\]+)", lock.read_text()))


@pytest.mark.parametrize("target", list(targets()), ids=lambda target: target.lock.stem)
def test_every_package_is_pinned_with_a_hash(target: Target) -> None:
    assert target.requirements.exists()
    entries = re.split(r"\n(?! )", target.lock.read_text().strip())[1:]
    assert entries
    for entry in entries:
        assert re.match(r"[a-z0-9-]+==\S+", entry), entry
        assert re.search(r"--hash=sha256:[0-9a-f]{64}", entry), entry
        if entry.partition("==")[0] in SOURCE_ARCHIVES:
            assert entry.count("--hash") == 1, "the archive alone"


@pytest.mark.parametrize("uri", list(REAL))
def test_image_has_the_major_and_minor_versions_of_the_real_one(uri: str) -> None:
    environment = resolve_image(f"x/{uri}").locked
    assert environment.lock is not None
    pins = pins_of(environment.lock)
    names = ("numpy", "pandas", "scipy", "scikit-learn")
    minors = [f"{name} {'.'.join(pins[name].split('.')[:2])}" for name in names]
    assert " ".join([environment.python or "", *minors]) == REAL[uri]
    assert pins.keys() >= PACKAGES
