"""Two endpoints at once, one captured and watched by a schedule, as ordinary SDK v2 code."""

import io
import tarfile

from sagemaker.deserializers import StringDeserializer
from sagemaker.model import Model
from sagemaker.model_monitor import CronExpressionGenerator, DataCaptureConfig, DefaultModelMonitor, EndpointInput
from sagemaker.predictor import Predictor
from sagemaker.serializers import CSVSerializer

from harness.asserts import Expectations
from harness.asserts.monitoring import captured_records
from harness.asserts.objects import listing, read_json

TITLE = "Endpoints"
SDK = "v2"
IMAGE = "123456789012.dkr.ecr.us-east-1.amazonaws.com/team/own:1"


def run(session):
    expect, sm = Expectations(session), session.sagemaker_session()
    home = f"s3://{sm.default_bucket()}/{session.run_id}"
    instance = session.instance_type("ml.m5.large")

    def deployed(name, weights, capture=None, env=None):
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w:gz") as archive:
            member = tarfile.TarInfo("weights")
            member.size = len(weights)
            archive.addfile(member, io.BytesIO(weights.encode()))
        key = f"{session.run_id}/{name}/model.tar.gz"
        session.client("s3").put_object(Bucket=sm.default_bucket(), Key=key, Body=packed.getvalue())
        model = Model(
            IMAGE, f"s3://{sm.default_bucket()}/{key}", session.role, Predictor, env, name=name, sagemaker_session=sm
        )
        predictor = model.deploy(
            1,
            instance,
            endpoint_name=name,
            serializer=CSVSerializer(),
            deserializer=StringDeserializer(),
            data_capture_config=capture,
            wait=False,
        )
        session.cleanup(predictor.delete_endpoint)
        return predictor

    with session.step("Deploy two"):
        sm.default_bucket()
        capture = DataCaptureConfig(True, 100, f"{home}/capture")
        doubled, tripled = deployed("doubled", "2", capture), deployed("tripled", "3")
        for name in ("doubled", "tripled"):
            sm.wait_for_endpoint(name)
        expect.equal((doubled.predict("1,2"), tripled.predict("1,2")), ("6.0", "9.0"), "each answers for itself")

    with session.step("A server that ends at once"):
        deployed("dead", "4", env={"DIE": "1"})
        try:
            sm.wait_for_endpoint("dead")
        except Exception as error:
            told = str(error)
        else:
            told = "nothing"
        expect.that("did not pass the ping health check" in told, "waiting tells what is wrong", told)

    with session.step("A request the model refuses"):
        runtime = session.client("sagemaker-runtime")
        try:
            runtime.invoke_endpoint(EndpointName="doubled", Body="fail", ContentType="text/csv")
        except runtime.exceptions.ModelError as error:
            told = error.response
        expect.equal((told["OriginalStatusCode"], told["OriginalMessage"]), (400, "that is no request"), "a ModelError")

    with session.step("Watch one"):
        monitor = DefaultModelMonitor(session.role, 1, instance, sagemaker_session=sm)
        monitor.create_monitoring_schedule(
            monitor_schedule_name="watch",
            endpoint_input=EndpointInput("doubled", "/opt/ml/processing/input/endpoint"),
            output_s3_uri=f"{home}/reports",
            schedule_cron_expression=CronExpressionGenerator.hourly(),
        )
        session.cleanup(monitor.delete_monitoring_schedule)
        session.advance_clock(3600)
        expect.equal(_executions(session), ["Completed"], "good traffic")
        doubled.predict("bad,1\n1")
        session.advance_clock(3600)
        expect.equal(_executions(session), ["Completed", "CompletedWithViolations"], "bad traffic")
        records = captured_records(session.client("s3"), f"{home}/capture")
        texts = [record["captureData"]["endpointInput"]["data"] for record in records]
        expect.equal(texts, ["1,2", "bad,1\n1"], "what was answered is captured, what was refused is not")
        destination = monitor.list_executions()[-1].output.destination
        report = next(uri for uri in listing(session.client("s3"), destination) if uri.endswith("violations.json"))
        found = read_json(session.client("s3"), report)["violations"][0]["description"]
        expect.equal(found, "1 bad", "its report, of the one hour")

    with session.step("Update the other"):
        sagemaker = session.client("sagemaker")
        variants = sagemaker.describe_endpoint_config(EndpointConfigName="doubled")["ProductionVariants"]
        sagemaker.create_endpoint_config(EndpointConfigName="other", ProductionVariants=variants)
        sagemaker.update_endpoint(EndpointName="tripled", EndpointConfigName="other")
        sm.wait_for_endpoint("tripled")
        expect.equal(tripled.predict("1,2"), "6.0", "it serves the new model")


def _executions(session):
    found = session.client("sagemaker").list_monitoring_executions(
        MonitoringScheduleName="watch", SortOrder="Ascending"
    )
    return [one["MonitoringExecutionStatus"] for one in found["MonitoringExecutionSummaries"]]
