"""A user's program on SageMaker SDK v2's local pipelines: every kind of step that they have. Prints JSON."""

import json
import sys
from pathlib import Path

import boto3
import sagemaker
from sagemaker.estimator import Estimator
from sagemaker.inputs import TrainingInput
from sagemaker.model import Model
from sagemaker.processing import ProcessingInput, ProcessingOutput
from sagemaker.sklearn.processing import SKLearnProcessor
from sagemaker.transformer import Transformer
from sagemaker.workflow.condition_step import ConditionStep
from sagemaker.workflow.conditions import ConditionGreaterThanOrEqualTo
from sagemaker.workflow.fail_step import FailStep
from sagemaker.workflow.functions import JsonGet
from sagemaker.workflow.model_step import ModelStep
from sagemaker.workflow.parameters import ParameterFloat
from sagemaker.workflow.pipeline import Pipeline
from sagemaker.workflow.pipeline_context import LocalPipelineSession
from sagemaker.workflow.properties import PropertyFile
from sagemaker.workflow.steps import ProcessingStep, TrainingStep, TransformStep

work = Path(sys.argv[1])
session = LocalPipelineSession()
role = sagemaker.get_execution_role()
bucket = session.default_bucket()
image = sagemaker.image_uris.retrieve("xgboost", "us-east-1", version="3.0-5", instance_type="ml.m5.large")

(work / "rows.csv").write_text("\n".join("%d,%f,%f" % (i % 2, i % 2 + i / 1000, i / 400) for i in range(400)) + "\n")
(work / "prepare.py").write_text(
    """
import json
lines = open("/opt/ml/processing/input/rows.csv").read().splitlines()
open("/opt/ml/processing/train/train.csv", "w").write("\\n".join(lines) + "\\n")
open("/opt/ml/processing/features/features.csv", "w").write("\\n".join(line.split(",", 1)[1] for line in lines) + "\\n")
json.dump({"rows": len(lines)}, open("/opt/ml/processing/facts/facts.json", "w"))
"""
)
least = ParameterFloat(name="Least", default_value=100.0)
processor = SKLearnProcessor(
    framework_version="1.4-2", role=role, instance_type="local", instance_count=1, sagemaker_session=session
)
facts = PropertyFile(name="Facts", output_name="facts", path="facts.json")
prepare = ProcessingStep(
    name="Prepare",
    step_args=processor.run(
        code=str(work / "prepare.py"),
        inputs=[ProcessingInput(source=str(work / "rows.csv"), destination="/opt/ml/processing/input")],
        outputs=[
            ProcessingOutput(output_name=name, source="/opt/ml/processing/" + name)
            for name in ("train", "features", "facts")
        ],
    ),
    property_files=[facts],
)


def output(name):
    return prepare.properties.ProcessingOutputConfig.Outputs[name].S3Output.S3Uri


estimator = Estimator(
    image_uri=image,
    role=role,
    instance_count=1,
    instance_type="local",
    sagemaker_session=session,
    output_path="s3://%s/models" % bucket,
    hyperparameters={"objective": "binary:logistic", "num_round": 5},
)
train = TrainingStep(
    name="Train", step_args=estimator.fit({"train": TrainingInput(output("train"), content_type="text/csv")})
)
model = Model(
    image_uri=image,
    model_data=train.properties.ModelArtifacts.S3ModelArtifacts,
    role=role,
    sagemaker_session=session,
)
create = ModelStep(name="Create", step_args=model.create(instance_type="local"))
transformer = Transformer(
    model_name=create.properties.ModelName,
    instance_count=1,
    instance_type="local",
    strategy="MultiRecord",
    output_path="s3://%s/pipeline-batch" % bucket,
    sagemaker_session=session,
)
score = TransformStep(
    name="Score",
    step_args=transformer.transform(output("features"), content_type="text/csv", split_type="Line"),
)
too_few = FailStep(name="TooFew", error_message="too few rows")
decide = ConditionStep(
    name="Decide",
    conditions=[ConditionGreaterThanOrEqualTo(left=JsonGet("Prepare", facts, "rows"), right=least)],
    if_steps=[train, create, score],
    else_steps=[too_few],
)
pipeline = Pipeline(name="local", parameters=[least], steps=[prepare, decide], sagemaker_session=session)
pipeline.create(role)

done = pipeline.start()
failed = pipeline.start(parameters={"Least": 1000.0})
told = {}
for name, execution in (("done", done), ("failed", failed)):
    steps = execution.list_steps()["PipelineExecutionSteps"]
    told[name] = {
        "status": execution.describe()["PipelineExecutionStatus"],
        "steps": {step["StepName"]: step["StepStatus"] for step in steps},
        "reason": execution.describe().get("FailureReason"),
    }
s3 = boto3.client("s3")
listed = s3.list_objects_v2(Bucket=bucket, Prefix="pipeline-batch/")["Contents"]
body = s3.get_object(Bucket=bucket, Key=listed[0]["Key"])["Body"].read().decode()
print()
print(json.dumps({**told, "rows": len(body.split())}))
