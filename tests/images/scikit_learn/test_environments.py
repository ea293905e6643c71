"""Every scikit-learn image version: its locked environment is built, and a processing job trains in it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from harness.contract.catalog import load_catalog
from harness.emulator import Emulator
from harness.settings import Settings
from tests.cloud import BUCKET, REGISTRY, Cloud

pytestmark = [
    pytest.mark.needs("index"),
    pytest.mark.timeout(600),
    pytest.mark.provenance("documented", source="source code: aws/sagemaker-scikit-learn-container"),
]

VERSIONS = [image for image in load_catalog() if image.name == "scikit-learn"]

TRAINING = """
import sys
import numpy, pandas, sklearn
from sklearn.linear_model import LogisticRegression
rows = numpy.random.RandomState(0).rand(200, 3)
labels = rows[:, 0] > 0.5
score = LogisticRegression().fit(rows, labels).score(rows, labels)
pandas.DataFrame(rows).to_csv("/opt/ml/processing/output/rows.csv")
open("/opt/ml/output/message", "w").write(
    "scikit-learn {} Python {}.{} score {:.2f}".format(sklearn.__version__, *sys.version_info[:2], score))
"""


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    with Emulator(Settings(state=tmp_path_factory.mktemp("state") / ".harness", port=0)) as emulator:
        made = Cloud(emulator.address, emulator.state)
        made.s3.create_bucket(Bucket=BUCKET)
        yield made
        made.close()


@pytest.mark.parametrize("image", VERSIONS, ids=lambda image: image.version)
def test_a_job_trains_in_the_environment_of(image, cloud: Cloud) -> None:  # type: ignore[no-untyped-def]
    job = cloud.process(
        TRAINING,
        image=f"{REGISTRY}/sagemaker-scikit-learn:{image.version}-cpu-py3",
        outputs={"/opt/ml/processing/output": f"s3://{BUCKET}/{image.version}"},
    )
    assert job["ProcessingJobStatus"] == "Completed", job.get("FailureReason")
    release, _, score = job["ExitMessage"].rpartition(" score ")
    assert float(score) > 0.9
    assert cloud.keys(f"{image.version}/") == ["rows.csv"]
    # Where the release's own Python was not found the log's first line says what stood in.
    if not release.startswith(image.release):
        assert "stands in for" in cloud.log(job["ProcessingJobName"], notice=True)[0]
    else:
        assert release == f"{image.release} Python {image.environment.python or release.rpartition(' ')[2]}"
