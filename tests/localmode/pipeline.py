"""A pipeline of SDK v2: its steps run one after the other in local mode."""

from sagemaker.estimator import Estimator
from sagemaker.inputs import TrainingInput
from sagemaker.processing import ProcessingInput, ProcessingOutput, Processor
from sagemaker.workflow.parameters import ParameterString
from sagemaker.workflow.pipeline import Pipeline
from sagemaker.workflow.steps import ProcessingStep, TrainingStep

from harness.asserts import Expectations

TITLE = "Pipeline"
SDK = "v2"
IMAGE = "123456789012.dkr.ecr.us-east-1.amazonaws.com/team/own:1"


def run(session):
    expect, sm = Expectations(session), session.pipeline_session()
    home = f"s3://{sm.default_bucket()}/{session.run_id}"
    session.client("s3").put_object(Bucket=sm.default_bucket(), Key=f"{session.run_id}/in/rows.csv", Body=b"1\n2\n")
    common = {
        "role": session.role,
        "instance_count": 1,
        "instance_type": session.instance_type("ml.m5.large"),
        "sagemaker_session": sm,
        "image_uri": IMAGE,
    }
    source = ParameterString("Source", default_value=f"{home}/nowhere")
    with session.step("Define"):
        processed = Processor(**common).run(
            inputs=[ProcessingInput(source=source, destination="/opt/ml/processing/input")],
            outputs=[ProcessingOutput("/opt/ml/processing/output", f"{home}/out", output_name="out")],
        )
        estimator = Estimator(**common, output_path=f"{home}/models", hyperparameters={"weights": "2"})
        process = ProcessingStep("Process", step_args=processed)
        train = TrainingStep("Train", step_args=estimator.fit({"train": TrainingInput(source)}), depends_on=[process])
        pipeline = Pipeline("own", parameters=[source], steps=[process, train], sagemaker_session=sm)
        pipeline.create(session.role)
    with session.step("Run"):
        execution = pipeline.start(parameters={"Source": f"{home}/in"})
        steps = {step["StepName"]: step["StepStatus"] for step in execution.list_steps()["PipelineExecutionSteps"]}
        expect.equal(steps, {"Process": "Succeeded", "Train": "Succeeded"}, "both steps ran")
        expect.objects(f"{home}/out/", ["count.txt"])
        job = execution.list_steps()["PipelineExecutionSteps"][-1]["Metadata"]["TrainingJob"]["Arn"].split("/")[-1]
        expect.archive(f"{home}/models/{job}/output/model.tar.gz", ["weights"])
