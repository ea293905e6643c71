"""What local mode cannot do is refused by name, before anything is started."""

from harness.asserts import Expectations

TITLE = "Refusals"
SDK = "v2"
IMAGE = "123456789012.dkr.ecr.us-east-1.amazonaws.com/team/own:1"


def run(session):
    expect, client = Expectations(session), session.client("sagemaker")

    def refusal(operation, **request):
        try:
            getattr(client, operation)(**request)
        except Exception as error:
            return str(error)
        return "nothing was refused"

    def processing(image, **more):
        cluster = {"InstanceCount": 1, "InstanceType": "local", "VolumeSizeInGB": 1}
        return refusal(
            "create_processing_job",
            ProcessingJobName=f"job-{session.run_id}",
            AppSpecification={"ImageUri": image},
            ProcessingResources={"ClusterConfig": cluster},
            RoleArn=session.role,
            **more,
        )

    def said(found, text):
        expect.that(text in found, f"refused: {text}", found)

    with session.step("Refused"):
        said(processing(IMAGE, NetworkConfig={"EnableNetworkIsolation": True}), "EnableNetworkIsolation")
        said(processing("123456789012.dkr.ecr.us-east-1.amazonaws.com/team/none:1"), "team/none:1")
        streamed = {"S3Uri": f"s3://{session.bucket}/x", "LocalPath": "/opt/ml/o", "S3UploadMode": "Continuous"}
        outputs = {"Outputs": [{"OutputName": "o", "S3Output": streamed}]}
        said(processing(IMAGE, ProcessingOutputConfig=outputs), "Continuous")
        variant = {"ModelName": "none", "InstanceType": "local", "InitialInstanceCount": 1}
        variants = [{**variant, "VariantName": name} for name in ("a", "b")]
        config = {"EndpointConfigName": "two", "ProductionVariants": variants}
        said(refusal("create_endpoint_config", **config), "one production variant")
        said(refusal("describe_endpoint", EndpointName="none"), "Could not find endpoint")
        try:
            client.describe_monitoring_schedule(MonitoringScheduleName="none")
        except client.exceptions.ResourceNotFound as error:
            said(str(error), "Monitoring Schedule was not found")
    with session.step("Not local mode's, so the emulator's"):
        client.create_experiment(ExperimentName=f"experiment-{session.run_id}")
        session.cleanup(lambda: client.delete_experiment(ExperimentName=f"experiment-{session.run_id}"))
