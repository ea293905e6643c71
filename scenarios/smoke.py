"""A minute-sized check of the whole chain with the SageMaker SDK v3: train a script, serve its model, ask it."""

import csv
import io

from sagemaker.core import image_uris
from sagemaker.core.resources import Endpoint, EndpointConfig, Model
from sagemaker.core.shapes import ContainerDefinition, OutputDataConfig, ProductionVariant
from sagemaker.core.training.configs import Compute, InputData, SourceCode
from sagemaker.train import ModelTrainer

from harness.asserts import Expectations, classification

TITLE = "Smoke test: train, deploy and ask a small model (SDK v3)"
SDK = "v3"
TAGS = ("smoke", "xgboost")
PARITY = "same-as-aws"

INSTANCE = "ml.m5.large"


def run(session):
    expect = Expectations(session)
    sm = session.sagemaker_session()
    name = f"smoke-{session.run_id}"
    home = f"s3://{sm.default_bucket()}/{name}"
    instance = session.instance_type(INSTANCE)
    image = image_uris.retrieve("xgboost", session.region, version="3.0-5")

    with session.step("Train a script"):
        data = session.made("breast_cancer/make.py", "channels")
        trainer = ModelTrainer(
            training_mode=session.training_mode(),
            training_image=image,
            source_code=SourceCode(
                source_dir=str(session.fixtures / "breast_cancer" / "code"), entry_script="train.py"
            ),
            compute=Compute(instance_type=instance, instance_count=1),
            hyperparameters={"max_depth": 3, "num_round": 20},
            output_data_config=OutputDataConfig(s3_output_path=f"{home}/models"),
            base_job_name="smoke",
            role=session.role,
            sagemaker_session=sm,
        )
        trainer.train(
            input_data_config=[
                InputData(channel_name=channel, data_source=str(data / channel)) for channel in ("train", "validation")
            ]
        )
        job = trainer._latest_training_job
        expect.completed("TrainingJob", job.training_job_name)
        artifact = job.model_artifacts.s3_model_artifacts
        expect.archive(artifact, ["xgboost-model"])

    with session.step("Deploy"):
        container = ContainerDefinition(image=image, model_data_url=artifact)
        model = Model.create(model_name=name, primary_container=container, execution_role_arn=session.role)
        session.cleanup(model.delete)
        variant = ProductionVariant(
            variant_name="AllTraffic", model_name=name, initial_instance_count=1, instance_type=instance
        )
        config = EndpointConfig.create(endpoint_config_name=name, production_variants=[variant])
        session.cleanup(config.delete)
        endpoint = Endpoint.create(endpoint_name=name, endpoint_config_name=name)
        session.cleanup(endpoint.delete)
        endpoint.wait_for_status("InService")
        expect.equal(endpoint.endpoint_status, "InService", "the endpoint is InService")

    with session.step("Ask it"):
        rows = list(csv.reader((data / "validation" / "validation.csv").open()))
        body = "\n".join(",".join(row[1:]) for row in rows)
        answer = endpoint.invoke(body=body, content_type="text/csv", accept="text/csv").body.read().decode()
        scores = [float(cell) for row in csv.reader(io.StringIO(answer)) for cell in row]
        quality = classification([int(row[0]) for row in rows], scores)
        expect.between(quality.auc, 0.98, 1.0, "AUC of its answers")
        session.show("classification", "Answers on the validation rows", **quality.evidence())
