"""Jobs as a user of SageMaker SDK v2 writes them; what came of them is printed as the last line."""

import json
import sys

import sagemaker
from sagemaker import image_uris
from sagemaker.analytics import TrainingJobAnalytics
from sagemaker.estimator import Estimator
from sagemaker.exceptions import UnexpectedStatusException
from sagemaker.inputs import TrainingInput
from sagemaker.processing import ProcessingInput, ProcessingOutput, Processor, ScriptProcessor
from sagemaker.s3 import S3Downloader
from sagemaker.sklearn.processing import SKLearnProcessor

script, table, role = sys.argv[1:4]
session = sagemaker.Session()
common = {"role": role, "instance_count": 1, "instance_type": "ml.m5.large", "sagemaker_session": session}
found = {}

processor = SKLearnProcessor(framework_version="1.4-2", base_job_name="prepare", **common)
parts = ("train", "validation", "test", "baseline")
processor.run(
    code=script,
    inputs=[ProcessingInput(source=table, destination="/opt/ml/processing/input")],
    outputs=[ProcessingOutput(output_name=part, source=f"/opt/ml/processing/output/{part}") for part in parts],
    arguments=["--train-ratio", "0.6"],
)
places = {output.output_name: output.destination for output in processor.latest_job.outputs}
texts = {part: S3Downloader.read_file(f"{places[part]}/{part}.csv", session) for part in parts}
found["rows"] = {part: len(text.splitlines()) for part, text in texts.items()}

image = image_uris.retrieve("xgboost", session.boto_region_name, version="3.0-5")
estimator = Estimator(image, output_path=f"s3://{session.default_bucket()}/models", base_job_name="fit", **common)
estimator.set_hyperparameters(num_round=3, objective="binary:logistic", eval_metric="auc")
channels = {part: TrainingInput(places[part], content_type="text/csv") for part in ("train", "validation")}
estimator.fit(channels)
found["model"] = estimator.model_data
found["metrics"] = (
    TrainingJobAnalytics(estimator.latest_training_job.name, sagemaker_session=session).dataframe().to_dict("records")
)
attached = Estimator.attach(estimator.latest_training_job.name, sagemaker_session=session)
found["attached"] = attached.hyperparameters()

estimator.set_hyperparameters(num_round="many")
try:
    estimator.fit(channels)
except UnexpectedStatusException as error:
    found["error"] = str(error)

sklearn = image_uris.retrieve("sklearn", session.boto_region_name, version="1.4-2")
ScriptProcessor(image_uri=sklearn, command=["python3", "-u"], **common).run(code=script.replace("preprocess", "hello"))
plain = Processor(image_uri=sklearn, entrypoint=["/bin/sh", "-c"], env={"WORD": "there"}, **common)
plain.run(arguments=["echo hello $WORD"])
found["plain"] = plain.latest_job.describe()["ProcessingJobStatus"]
print(json.dumps(found))
