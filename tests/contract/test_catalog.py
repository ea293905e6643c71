"""Image URIs and what runs for them."""

from __future__ import annotations

import pytest

from harness.contract.catalog import UnknownImage, load_catalog, resolve_image

pytestmark = pytest.mark.provenance("assumed", source="harness's own behaviour")


@pytest.mark.provenance("documented", source="Developer guide: Docker registry paths and example code")
@pytest.mark.parametrize(
    ("uri", "title"),
    [
        ("683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:3.0-5", "xgboost:3.0-5"),
        ("141502667606.dkr.ecr.eu-west-1.amazonaws.com/sagemaker-xgboost:1.7-1", "xgboost:1.7-1"),
        ("683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:1.0-1-cpu-py3", "xgboost:1.0-1"),
        ("811284229777.dkr.ecr.us-east-1.amazonaws.com/xgboost:1", "xgboost:1"),
        ("685385470294.dkr.ecr.eu-west-1.amazonaws.com/xgboost:latest", "xgboost:1"),
        ("x/sagemaker-xgboost:0.90-2-cpu-py3", "xgboost:0.90-2"),
        ("x/sagemaker-xgboost:3.2-0", "xgboost:3.2-0"),
        ("x/sagemaker-scikit-learn:1.2-1-cpu-py3", "scikit-learn:1.2-1"),
        ("x/sagemaker-scikit-learn:1.4-2-py312-cpu-py3", "scikit-learn:1.4-2-py312"),
        ("x/sagemaker-scikit-learn:1.4-2-py312", "scikit-learn:1.4-2-py312"),
        ("x/sagemaker-scikit-learn:0.20.0-cpu-py3", "scikit-learn:0.20.0"),
        ("localhost:5000/sagemaker-xgboost:3.0-5@sha256:0123", "xgboost:3.0-5"),
        ("156813124566.dkr.ecr.us-east-1.amazonaws.com/sagemaker-model-monitor-analyzer", "model-monitor-analyzer"),
    ],
)
def test_resolution(uri: str, title: str) -> None:
    assert resolve_image(uri).display_name == title


@pytest.mark.parametrize(
    "uri",
    [
        "x/my-own:1",
        "sagemaker-xgboost",
        "x/sagemaker-xgboost:2",
        "localhost:5000/y",
        "123456789012.dkr.ecr.us-east-1.amazonaws.com/xgboost:latest",
        "",
    ],
)
def test_unknown(uri: str) -> None:
    with pytest.raises(UnknownImage, match=r"supported|catalogue"):
        resolve_image(uri)


@pytest.mark.parametrize("image", load_catalog(), ids=lambda image: image.display_name)
def test_entries_name_files_that_exist(image: object) -> None:
    from harness.contract.catalog import Image

    assert isinstance(image, Image)
    for script in image.scripts.values():
        assert script.is_file()
    assert image.environment.lock is None or image.environment.lock.is_file()


def test_a_stand_in_says_so() -> None:
    assert resolve_image("x/sagemaker-xgboost:3.0-5").stand_in == ""
    assert resolve_image("x/sagemaker-xgboost:1.0-1").stand_in == (
        "xgboost:1.0-1: xgboost 1.0.2 stands in for xgboost 1.0.0"
    )


def test_what_runs_without_the_python_of_the_image() -> None:
    environment = resolve_image("x/sagemaker-scikit-learn:0.23-1-cpu-py3").environment
    assert [candidate.python for candidate in environment.candidates] == ["3.7", "3.8", "3.10", "3.11", "3.12", "3.13"]
    assert environment.alternatives[1].notice == (
        "scikit-learn 1.4.2 on Python 3.10 stands in for scikit-learn 0.23.2: no Python 3.7 is installed"
    )
