"""Processing, training in an experiment and a batch transform, as ordinary SDK v2 code."""

from sagemaker.analytics import ExperimentAnalytics
from sagemaker.estimator import Estimator
from sagemaker.experiments import Run
from sagemaker.processing import ProcessingInput, ProcessingOutput, Processor
from sagemaker.transformer import Transformer

from harness.asserts import Expectations
from harness.asserts.objects import read

TITLE = "Jobs"
SDK = "v2"
IMAGE = "123456789012.dkr.ecr.us-east-1.amazonaws.com/team/own:1"


def run(session):
    expect, sm = Expectations(session), session.sagemaker_session()
    home = f"s3://{sm.default_bucket()}/{session.run_id}"
    instance = session.instance_type("ml.m5.large")
    rows = session.work / "rows.csv"
    rows.write_text("1,2,3\n4,5,6\n")
    sm.upload_data(str(rows), sm.default_bucket(), f"{session.run_id}/in")
    common = {"instance_count": 1, "instance_type": instance, "sagemaker_session": sm}

    with session.step("Process"):
        processor = Processor(role=session.role, image_uri=IMAGE, **common)
        processor.run(
            inputs=[ProcessingInput(source=f"{home}/in", destination="/opt/ml/processing/input")],
            outputs=[ProcessingOutput(source="/opt/ml/processing/output", destination=f"{home}/out")],
        )
        job = expect.completed("ProcessingJob", processor.latest_job.job_name)
        expect.equal(job["ExitMessage"], "counted 2", "the exit message")
        count, host = read(session.client("s3"), f"{home}/out/count.txt").decode().split()
        expect.equal((count, host), ("2", "unknown"), "it read its rows, and resolved no other machine's name")

    with session.step("Train"):
        estimator = Estimator(
            image_uri=IMAGE,
            role=session.role,
            output_path=f"{home}/models",
            hyperparameters={"weights": "2"},
            metric_definitions=[{"Name": "loss", "Regex": r"loss=([0-9.]+);"}],
            **common,
        )
        with Run(experiment_name="own", run_name="first", sagemaker_session=sm):
            estimator.fit({"train": f"{home}/in"})
        job = expect.completed("TrainingJob", estimator.latest_training_job.name)
        final = {metric["MetricName"]: metric["Value"] for metric in job["FinalMetricDataList"]}
        expect.equal(final, {"loss": 0.25}, "the last value of the metric")
        expect.equal(job["SecondaryStatus"], "Completed", "the secondary status")
        expect.archive(estimator.model_data, ["weights"])
        expect.archive(estimator.model_data.replace("model.tar.gz", "output.tar.gz"), ["rows"])
        trials = ExperimentAnalytics(experiment_name="own", sagemaker_session=sm).dataframe()
        sources = [str(source) for source in trials["SourceArn"]]
        expect.that(any(job["TrainingJobArn"] in source for source in sources), "the trial lists the job", str(sources))
        expect.equal(trials["loss - Last"].dropna().tolist(), [0.25], "and its metric")

    with session.step("A job that fails"):
        failing = Estimator(image_uri=IMAGE, role=session.role, hyperparameters={"fail": "1"}, **common)
        try:
            failing.fit({"train": f"{home}/in"})
        except Exception as error:
            told = str(error)
        else:
            told = "nothing"
        expect.that("no good, exit code: 3" in told, "waiting tells why it failed", told)
        name = failing.latest_training_job.name
        description = session.client("sagemaker").describe_training_job(TrainingJobName=name)
        expect.equal(description["TrainingJobStatus"], "Failed", "it is Failed")

    with session.step("Transform"):
        model = session.client("sagemaker").create_model(
            ModelName=f"own-{session.run_id}",
            PrimaryContainer={"Image": IMAGE, "ModelDataUrl": estimator.model_data},
            ExecutionRoleArn=session.role,
        )
        expect.that(model["ModelArn"].endswith(session.run_id), "a model has an ARN", str(model))
        batch = Transformer(
            model_name=f"own-{session.run_id}",
            output_path=f"{home}/batch",
            accept="text/csv",
            assemble_with="Line",
            **common,
        )
        batch.transform(
            f"{home}/in",
            content_type="text/csv",
            split_type="Line",
            input_filter="$[1:]",
            join_source="Input",
            output_filter="$[0,-1]",
        )
        expect.completed("TransformJob", batch.latest_transform_job.name)
        joined = read(session.client("s3"), f"{home}/batch/rows.csv.out").decode()
        expect.equal(joined, "1,10.0\n4,22.0\n", "filtered, joined, filtered")
