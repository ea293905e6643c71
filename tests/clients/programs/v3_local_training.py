"""A user's program on SageMaker SDK v3's own local mode: a trainer in a local container. Prints JSON."""

import json
import logging
import os
import sys
import tarfile
import warnings
from pathlib import Path

warnings.simplefilter("ignore")
logging.basicConfig(level=logging.INFO, format="%(message)s")

from sagemaker.core import image_uris  # noqa: E402
from sagemaker.core.training.configs import Compute, InputData, SourceCode  # noqa: E402
from sagemaker.train import ModelTrainer  # noqa: E402
from sagemaker.train.model_trainer import Mode  # noqa: E402

work = Path(sys.argv[1])
root = work / "container"
root.mkdir()
source = work / "source"
source.mkdir()
(source / "train.py").write_text(
    "import csv, json, os, numpy, xgboost\n"
    "rows = numpy.array(list(csv.reader(open(os.environ['SM_CHANNEL_TRAIN'] + '/train.csv'))), dtype=float)\n"
    "params = json.loads(os.environ['SM_HPS'])\n"
    "model = xgboost.train({'objective': 'binary:logistic'}, xgboost.DMatrix(rows[:, 1:], rows[:, 0]), params['rounds'])\n"
    "model.save_model(os.environ['SM_MODEL_DIR'] + '/xgboost-model')\n"
    "print('hosts', os.environ['SM_HOSTS'], 'rounds', model.num_boosted_rounds())\n"
)
data = work / "channel"
data.mkdir()
(data / "train.csv").write_text("\n".join("%d,%f,%d" % (i % 2, i % 2 + i % 7 / 10, i % 5) for i in range(400)) + "\n")

trainer = ModelTrainer(
    training_mode=Mode.LOCAL_CONTAINER,
    training_image=image_uris.retrieve("xgboost", "us-east-1", version="3.0-5"),
    source_code=SourceCode(source_dir=str(source), entry_script="train.py"),
    compute=Compute(instance_type="local_cpu", instance_count=1),
    hyperparameters={"rounds": 4},
    local_container_root=str(root),
    base_job_name="v3-local",
)
trainer.train(input_data_config=[InputData(channel_name="train", data_source=str(data))], wait=True)

with tarfile.open(root / "compressed_artifacts" / "model.tar.gz") as archive:
    names = archive.getnames()
print()
print(json.dumps({"model": names, "left": sorted(os.listdir(root)), "data": sorted(os.listdir(data))}))
