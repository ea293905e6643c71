"""SDK v3's trainer in local container mode: what it ran is a job, also when it failed."""

from sagemaker.core.training.configs import Compute, InputData, OutputDataConfig, SourceCode
from sagemaker.train import ModelTrainer

from harness.asserts import Expectations

TITLE = "Trainer"
SDK = "v3"
IMAGE = "123456789012.dkr.ecr.us-east-1.amazonaws.com/team/own:1"
SCRIPT = """
import json, os, pathlib
rows = pathlib.Path("/opt/ml/input/data/train/rows.csv").read_text().split()
told = json.loads(pathlib.Path("/opt/ml/input/config/hyperparameters.json").read_text())
if len(rows) != int(told["rows"]):
    pathlib.Path("/opt/ml/output/failure").write_text(f"there are {len(rows)} rows")
    raise SystemExit(4)
weights = pathlib.Path("/opt/ml/model/weights")
weights.write_text("2")
weights.chmod(0o600)
"""


def run(session):
    expect, sm = Expectations(session), session.sagemaker_session()
    home = f"s3://{sm.default_bucket()}/{session.run_id}"
    code, data = session.work / "code", session.work / "data"
    for folder in (code, data):
        folder.mkdir()
    (code / "train.py").write_text(SCRIPT)
    (data / "rows.csv").write_text("1\n2\n")

    def trainer(rows):
        return ModelTrainer(
            training_mode=session.training_mode(),
            training_image=IMAGE,
            source_code=SourceCode(source_dir=str(code), command="python3 train.py"),
            compute=Compute(instance_type=session.instance_type("ml.m5.large"), instance_count=1),
            hyperparameters={"rows": rows},
            output_data_config=OutputDataConfig(s3_output_path=f"{home}/models"),
            base_job_name="own",
            role=session.role,
            sagemaker_session=sm,
        )

    with session.step("Train on a folder"):
        good = trainer(2)
        good.train(input_data_config=[InputData(channel_name="train", data_source=str(data))])
        job = good._latest_training_job
        expect.completed("TrainingJob", job.training_job_name)
        expect.archive(job.model_artifacts.s3_model_artifacts, ["weights"])
        expect.equal(job.model_artifacts.s3_model_artifacts.startswith(home), True, "its model is in S3")
    with session.step("Train on objects"):
        sm.upload_data(str(data), sm.default_bucket(), f"{session.run_id}/in")
        again = trainer(2)
        again.train(input_data_config=[InputData(channel_name="train", data_source=f"{home}/in/")])
        expect.completed("TrainingJob", again._latest_training_job.training_job_name)
    with session.step("A script that fails"):
        bad = trainer(3)
        try:
            bad.train(input_data_config=[InputData(channel_name="train", data_source=str(data))])
        except Exception as error:
            told = str(error)
        else:
            told = "nothing"
        expect.that("there are 2 rows, exit code: 4" in told, "waiting tells why it failed", told)
        expect.equal(bad._latest_training_job.training_job_status, "Failed", "the job is Failed")
    owners = {path.stat().st_uid for path in session.work.rglob("*")}
    expect.equal(owners, {session.work.stat().st_uid}, "the folders it was given are still the user's alone")
