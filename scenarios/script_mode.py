"""Script mode: the SDK's SKLearn class trains a script, and the same script serves the model."""

import csv

import numpy as np
from sagemaker.deserializers import JSONDeserializer
from sagemaker.serializers import CSVSerializer
from sagemaker.sklearn import SKLearn

from harness.asserts import Expectations, classification

TITLE = "Script mode: train a scikit-learn script, serve it with its own functions"
SDK = "v2"
TAGS = ("scikit-learn", "script-mode")
PARITY = "same-as-aws"

INSTANCE = "ml.m5.large"


def run(session):
    expect = Expectations(session)
    sm = session.sagemaker_session()
    name = f"script-{session.run_id}"
    instance = session.instance_type(INSTANCE)

    with session.step("Stage the data"):
        data = session.made("breast_cancer/make.py", "channels")
        channels = {
            channel: sm.upload_data(str(data / channel), key_prefix=f"{name}/{channel}")
            for channel in ("train", "validation")
        }

    with session.step("Train the script"):
        estimator = SKLearn(
            entry_point="fit.py",
            source_dir=str(session.fixtures / "breast_cancer" / "script_mode"),
            framework_version="1.4-2",
            hyperparameters={"strength": 0.5, "max-iter": 200},
            metric_definitions=[{"Name": "validation:auc", "Regex": r"validation auc: ([0-9.]+)"}],
            role=session.role,
            instance_type=instance,
            instance_count=1,
            output_path=f"s3://{sm.default_bucket()}/{name}/models",
            base_job_name="script",
            sagemaker_session=sm,
        )
        estimator.fit(channels, logs=False)
        job = estimator.latest_training_job.name
        expect.completed("TrainingJob", job)
        expect.metric(job, "validation:auc", 0.97, 1.0)
        expect.archive(estimator.model_data, ["model.joblib"])

    with session.step("Deploy"):
        predictor = estimator.deploy(
            1, instance, endpoint_name=name, serializer=CSVSerializer(), deserializer=JSONDeserializer()
        )
        session.cleanup(predictor.delete_endpoint)
        session.cleanup(predictor.delete_model)  # first, as it asks the endpoint's configuration for its models
        expect.in_service(name)

    with session.step("Ask for the validation rows"):
        rows = list(csv.reader((data / "validation" / "validation.csv").open()))
        table = np.array([[float(cell) for cell in row] for row in rows])
        scores = predictor.predict(table[:, 1:])["malignant"]
        quality = classification(table[:, 0].astype(int).tolist(), scores)
        session.show("classification", "Answers on the validation rows", **quality.evidence())
        expect.between(quality.auc, 0.97, 1.0, "the endpoint ranks the validation rows")
