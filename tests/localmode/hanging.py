"""Ends only when it is killed."""

import time

from sagemaker.model import Model

TITLE = "Hanging"
SDK = "v2"


def run(session):
    sm = session.sagemaker_session()
    client = session.client("sagemaker")
    with session.step("Serve"):
        session.client("s3").upload_file(str(session.fixtures / "model.tar.gz"), sm.default_bucket(), "model.tar.gz")
        image = "123456789012.dkr.ecr.us-east-1.amazonaws.com/team/own:1"
        Model(image, f"s3://{session.bucket}/model.tar.gz", session.role, name="one", sagemaker_session=sm).deploy(
            1, session.instance_type("ml.m5.large"), endpoint_name="one"
        )
        assert client.describe_endpoint(EndpointName="one")["EndpointStatus"] == "InService"
    with session.step("Hang"):
        time.sleep(600)
