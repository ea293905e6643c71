"""The work of scenarios/credit_default.py in one process and without SageMaker: what the harness is measured against.

``python tests/benchmarks/bare_credit_default.py TABLE DRIFTED FOLDER`` with the generated tables made beforehand.
"""

import csv
import importlib.util
import io
import json
import sys
import tarfile
from pathlib import Path

import numpy as np
import pandas as pd
import xgboost
from sklearn.metrics import log_loss, roc_auc_score

ROOT = Path(__file__).parents[2]
HYPERPARAMETERS = {"objective": "binary:logistic", "eval_metric": "auc", "max_depth": 5, "eta": 0.2}
ROUNDS, REQUESTS, ROWS_PER_REQUEST = 60, 40, 10


def load(path, name):
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def main(table, drifted, folder):
    stage, data = folder / "raw", folder / "data"
    stage.mkdir(parents=True)
    (stage / table.name).write_bytes(table.read_bytes())
    load(ROOT / "fixtures" / "credit_default" / "preprocess.py", "preprocess").process(stage, data, 0.7, 0.15, 42)
    model = train(data, folder)
    test = batch(model, data / "test" / "test.csv")
    print("test AUC", roc_auc_score(test[0], test[1]), "log loss", log_loss(test[0], test[1]))
    predictions = batch(model, data / "train" / "train.csv")[1]
    sys.path.insert(0, str(ROOT / "harness" / "images" / "model-monitor-analyzer"))
    suggest_baseline(data, predictions, folder)
    clean = (data / "test_features" / "test_features.csv").read_text().splitlines()
    rows = [line.partition(",")[2] for line in drifted.read_text().splitlines()[1:]]
    for name, traffic in (("clean", clean), ("drifted", rows)):
        answer(model, traffic[: REQUESTS * ROWS_PER_REQUEST], folder / "capture" / name)
        print(name, "violations:", monitor(folder, name))


def train(data, folder):
    matrices = []
    for split in ("train", "validation"):
        values = pd.read_csv(data / split / f"{split}.csv", header=None).to_numpy()
        matrices.append(xgboost.DMatrix(values[:, 1:], label=values[:, 0]))
    watched = list(zip(matrices, ("train", "validation"), strict=True))
    model = xgboost.train(HYPERPARAMETERS, matrices[0], num_boost_round=ROUNDS, evals=watched)
    model.save_model(folder / "xgboost-model.ubj")
    with tarfile.open(folder / "model.tar.gz", "w:gz") as tar:
        tar.add(folder / "xgboost-model.ubj", "xgboost-model")
    return model


def batch(model, file):
    values = pd.read_csv(file, header=None).to_numpy()
    answers = model.predict(xgboost.DMatrix(values[:, 1:]))
    pd.DataFrame({"label": values[:, 0], "answer": answers}).to_csv(file.with_suffix(".out"), index=False, header=False)
    return values[:, 0], answers


def suggest_baseline(data, predictions, folder):
    header, *rows = (data / "baseline" / "baseline.csv").read_text().splitlines()
    lines = [f"Prediction,{header.partition(',')[2]}"]
    lines += [f"{float(told)},{row.partition(',')[2]}" for told, row in zip(predictions, rows, strict=True)]
    (folder / "baseline").mkdir()
    (folder / "baseline" / "baseline.csv").write_text("\n".join(lines) + "\n")
    analyze(folder, "baseline", {"csv": {"header": True, "output_columns_position": "START"}}, {})


def answer(model, rows, folder):
    """Requests of ten rows, each answered and captured."""
    folder.mkdir(parents=True)
    with (folder / "captured.jsonl").open("w") as out:
        for start in range(0, len(rows), ROWS_PER_REQUEST):
            body = "\n".join(rows[start : start + ROWS_PER_REQUEST])
            cells = [[float(cell) if cell else np.nan for cell in row] for row in csv.reader(io.StringIO(body))]
            told = "".join(f"{float(value)}\n" for value in model.predict(xgboost.DMatrix(np.array(cells))))
            sides = {"endpointInput": ("INPUT", body), "endpointOutput": ("OUTPUT", told)}
            data = {
                side: {"observedContentType": "text/csv", "mode": mode, "data": text, "encoding": "CSV"}
                for side, (mode, text) in sides.items()
            }
            metadata = {"eventId": str(start), "inferenceTime": "2026-01-01T00:00:00Z"}
            out.write(json.dumps({"captureData": data, "eventMetadata": metadata, "eventVersion": "0"}) + "\n")


def monitor(folder, name):
    stored = folder / "reports" / "baseline"
    known = {
        "baseline_constraints": str(stored / "constraints.json"),
        "baseline_statistics": str(stored / "statistics.json"),
    }
    kind = {"sagemakerCaptureJson": {"captureIndexNames": ["endpointInput", "endpointOutput"]}}
    analyze(folder, f"capture/{name}", kind, known)
    found = json.loads((folder / "reports" / "capture" / name / "constraint_violations.json").read_text())
    return sorted((item["feature_name"], item["constraint_check_type"]) for item in found["violations"])


def analyze(folder, name, kind, known):
    import monitor_analyzer

    out = folder / "reports" / name
    out.mkdir(parents=True)
    config = monitor_analyzer.from_environment(
        {
            "dataset_format": json.dumps(kind),
            "dataset_source": str(folder / name),
            "output_path": str(out),
            "publish_cloudwatch_metrics": "Disabled",
            "SAGEMAKER_BASE_DIR": str(folder),
            **known,
        }
    )
    monitor_analyzer.run(config)


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
