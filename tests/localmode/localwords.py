"""Code that names local mode's own instance type and a folder of this machine, and what only the emulator refuses."""

from sagemaker.estimator import Estimator
from sagemaker.local import LocalSession

from harness.asserts import Expectations

TITLE = "Local words"
SDK = "v2"
IMAGE = "123456789012.dkr.ecr.us-east-1.amazonaws.com/team/own:1"


def run(session):
    expect, sm = Expectations(session), session.sagemaker_session()
    client = session.client("sagemaker")
    expect.that(isinstance(sm, LocalSession), "the SDK's session is its local one")
    with session.step("Train on a folder"):
        folder = session.work / "rows"
        folder.mkdir()
        (folder / "rows.csv").write_text("1\n2\n")
        estimator = Estimator(
            image_uri=IMAGE,
            role=session.role,
            instance_count=1,
            instance_type="local",
            hyperparameters={"weights": "2"},
            sagemaker_session=sm,
        )
        estimator.fit({"train": f"file://{folder}"})
        job = expect.completed("TrainingJob", estimator.latest_training_job.name)
        expect.equal(job["ResourceConfig"]["InstanceType"], "ml.m5.large", "a machine of AWS stands for it")
        expect.archive(estimator.model_data, ["weights"])
    with session.step("Refused by the emulator"):
        try:
            client.describe_monitoring_schedule(MonitoringScheduleName="none")
        except client.exceptions.ResourceNotFound:
            told = "ResourceNotFound"
        else:
            told = "nothing"
        expect.equal(told, "ResourceNotFound", "a schedule that is not there")
