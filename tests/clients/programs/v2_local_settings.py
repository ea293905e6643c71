"""A user's program on SageMaker SDK v2's own local mode with all its settings: nothing goes to S3. Prints JSON."""

import json
import os
import sys
from pathlib import Path

import sagemaker
from sagemaker.estimator import Estimator
from sagemaker.inputs import TrainingInput
from sagemaker.local import LocalSession
from sagemaker.serializers import CSVSerializer

work = Path(sys.argv[1])
for name in ("channel", "root", "out"):
    (work / name).mkdir()
(work / "channel" / "train.csv").write_text(
    "\n".join("%d,%f,%f" % (i % 2, i % 2 + i / 1000, i / 400) for i in range(400)) + "\n"
)
session = LocalSession()
session.config = {
    "local": {
        "local_code": True,
        "container_root": str(work / "root"),
        "serving_port": 8765,
        "container_config": {"shm_size": "64m", "init": True},
    }
}
estimator = Estimator(
    image_uri=sagemaker.image_uris.retrieve("xgboost", "us-east-1", version="3.0-5", instance_type="ml.m5.large"),
    role=sagemaker.get_execution_role(),
    instance_count=1,
    instance_type="local",
    sagemaker_session=session,
    output_path="file://%s" % (work / "out"),
    hyperparameters={"num_round": 3, "objective": "binary:logistic"},
)
estimator.fit({"train": TrainingInput("file://%s" % (work / "channel"), content_type="text/csv")})
written = sorted(os.listdir(work / "out"))
predictor = estimator.deploy(1, "local", serializer=CSVSerializer())
answer = predictor.predict([[0.1, 0.1]]).decode()
predictor.delete_endpoint()
print()
print(json.dumps({"written": written, "answer": float(answer), "channel": os.listdir(work / "channel")}))
