"""The classic pipeline: process, train, predict in batch, evaluate, and register the model if it is good enough."""

import contextlib
import json

from botocore.exceptions import WaiterError
from sagemaker import image_uris
from sagemaker.estimator import Estimator
from sagemaker.inputs import TrainingInput
from sagemaker.model import Model
from sagemaker.processing import ProcessingInput, ProcessingOutput
from sagemaker.s3 import S3Downloader, S3Uploader
from sagemaker.sklearn.processing import SKLearnProcessor
from sagemaker.transformer import Transformer
from sagemaker.workflow.condition_step import ConditionStep
from sagemaker.workflow.conditions import ConditionGreaterThanOrEqualTo
from sagemaker.workflow.fail_step import FailStep
from sagemaker.workflow.functions import Join, JsonGet
from sagemaker.workflow.model_step import ModelStep
from sagemaker.workflow.parameters import ParameterFloat, ParameterString
from sagemaker.workflow.pipeline import Pipeline
from sagemaker.workflow.properties import PropertyFile
from sagemaker.workflow.steps import CacheConfig, ProcessingStep, TrainingStep, TransformStep

from harness.asserts import Expectations

TITLE = "A pipeline: process, train, predict, evaluate, register; and once more from its cache"
SDK = "v2"
TAGS = ("pipelines", "registry", "xgboost")
PARITY = "same-as-aws"

INSTANCE = "ml.m5.large"
HYPERPARAMETERS = {"objective": "binary:logistic", "eval_metric": "auc", "num_round": "20", "max_depth": "4"}
CACHE = CacheConfig(enable_caching=True, expire_after="PT1H")


def run(session):
    expect = Expectations(session)
    sm = session.pipeline_session()
    name = f"credit-pipeline-{session.run_id}"
    home = f"s3://{sm.default_bucket()}/{name}"

    with session.step("Stage the data and define the pipeline"):
        table = session.data or session.made("credit_default/make.py", "credit_default.csv")
        raw = S3Uploader.upload(str(table), f"{home}/raw", sagemaker_session=sm)
        pipeline = define(session, sm, name, home, raw)
        pipeline.upsert(session.role)
        session.cleanup(pipeline.delete)
        session.cleanup(lambda: delete_group(session.client("sagemaker"), name))

    with session.step("Run it: the model is good enough"):
        execution = pipeline.start()
        execution.wait(delay=2)
        steps = {step["StepName"]: step for step in execution.list_steps()}
        for step, metadata in (("Process", "ProcessingJob"), ("Train", "TrainingJob"), ("Predict", "TransformJob")):
            expect.completed(metadata, steps[step]["Metadata"][metadata]["Arn"].rpartition("/")[2])
        outcome = steps["GoodEnough"]["Metadata"]["Condition"]["Outcome"]
        expect.that(outcome == "True", "the condition chooses the model", f"the outcome is {outcome}")
        [package] = session.client("sagemaker").list_model_packages(ModelPackageGroupName=name)[
            "ModelPackageSummaryList"
        ]
        registered = steps["Approved-RegisterModel"]["Metadata"]["RegisterModel"]["Arn"]
        expect.equal(package["ModelPackageArn"], registered, "the group holds the model that the step registered")
        report = json.loads(S3Downloader.read_file(f"{home}/evaluation/evaluation.json", sagemaker_session=sm))
        auc = report["binary_classification_metrics"]["auc"]["value"]
        expect.between(auc, 0.74, 0.82, "AUC on the test set")

    with session.step("Run it again with a higher limit: two steps come from the cache, and the pipeline fails"):
        execution = pipeline.start(parameters={"Limit": 0.99})
        with contextlib.suppress(WaiterError):  # which it raises when an execution fails
            execution.wait(delay=2)
        again = {step["StepName"]: step for step in execution.list_steps()}
        for step in ("Process", "Train"):
            source = again[step].get("CacheHitResult", {}).get("SourcePipelineExecutionArn")
            expect.that(source is not None, f"{step} comes from the cache", f"its source is {source}")
        reason = again["NotGoodEnough"]["FailureReason"]
        expect.that(reason == "The AUC is below 0.99", "the Fail step says why", reason)


def define(session, sm, name, home, raw):
    """Return the pipeline. With a pipeline session, the calls that would start jobs make the arguments of steps."""
    limit, data = ParameterFloat("Limit", 0.7), ParameterString("RawData", raw)
    process = ProcessingStep("Process", step_args=clean(session, sm, home, data), cache_config=CACHE)
    outputs = process.properties.ProcessingOutputConfig.Outputs
    estimator = Estimator(
        image_uris.retrieve("xgboost", session.region, version="3.0-5"),
        session.role,
        instance_count=1,
        instance_type=session.instance_type(INSTANCE),
        output_path=f"{home}/models",
        hyperparameters=HYPERPARAMETERS,
        sagemaker_session=sm,
    )
    channels = {
        channel: TrainingInput(outputs[channel].S3Output.S3Uri, content_type="text/csv")
        for channel in ("train", "validation")
    }
    train = TrainingStep("Train", step_args=estimator.fit(channels), cache_config=CACHE)
    artifacts = train.properties.ModelArtifacts.S3ModelArtifacts
    model = Model(estimator.training_image_uri(), artifacts, session.role, sagemaker_session=sm)
    candidate = ModelStep("Candidate", step_args=model.create(session.instance_type(INSTANCE)))
    predict = TransformStep(
        "Predict",
        step_args=batch(session, sm, home, candidate.properties.ModelName).transform(
            outputs["test"].S3Output.S3Uri,
            content_type="text/csv",
            split_type="Line",
            input_filter="$[1:]",
            join_source="Input",
            output_filter="$[0,-1]",
        ),
    )
    figures = PropertyFile("Figures", "evaluation", "evaluation.json")
    evaluate = ProcessingStep(
        "Evaluate",
        step_args=processor(session, sm).run(
            code=str(session.fixtures / "credit_default" / "evaluate.py"),
            inputs=[
                ProcessingInput(predict.properties.TransformOutput.S3OutputPath, "/opt/ml/processing/scored"),
            ],
            outputs=[ProcessingOutput("/opt/ml/processing/evaluation", f"{home}/evaluation", output_name="evaluation")],
        ),
        property_files=[figures],
    )
    register = model.register(
        content_types=["text/csv"],
        response_types=["text/csv"],
        inference_instances=[session.instance_type(INSTANCE)],
        transform_instances=[session.instance_type(INSTANCE)],
        model_package_group_name=name,
        approval_status="PendingManualApproval",
    )
    auc = JsonGet("Evaluate", figures, "binary_classification_metrics.auc.value")
    decide = ConditionStep(
        "GoodEnough",
        conditions=[ConditionGreaterThanOrEqualTo(auc, limit)],
        if_steps=[ModelStep("Approved", step_args=register)],
        else_steps=[FailStep("NotGoodEnough", Join(on=" ", values=["The AUC is below", limit]))],
    )
    return Pipeline(
        name, [limit, data], steps=[process, train, candidate, predict, evaluate, decide], sagemaker_session=sm
    )


def delete_group(client, name):
    for package in client.list_model_packages(ModelPackageGroupName=name)["ModelPackageSummaryList"]:
        client.delete_model_package(ModelPackageName=package["ModelPackageArn"])
    client.delete_model_package_group(ModelPackageGroupName=name)


def processor(session, sm):
    return SKLearnProcessor(
        "1.4-2",
        role=session.role,
        instance_type=session.instance_type(INSTANCE),
        instance_count=1,
        sagemaker_session=sm,
    )


def clean(session, sm, home, data):
    return processor(session, sm).run(
        code=str(session.fixtures / "credit_default" / "preprocess.py"),
        inputs=[ProcessingInput(data, "/opt/ml/processing/input")],
        outputs=[
            ProcessingOutput(f"/opt/ml/processing/output/{split}", f"{home}/data/{split}", output_name=split)
            for split in ("train", "validation", "test")
        ],
        arguments=["--train-ratio", "0.7", "--validation-ratio", "0.15"],
    )


def batch(session, sm, home, model_name):
    return Transformer(
        model_name,
        instance_count=1,
        instance_type=session.instance_type(INSTANCE),
        strategy="MultiRecord",
        assemble_with="Line",
        accept="text/csv",
        output_path=f"{home}/batch",
        sagemaker_session=sm,
    )
