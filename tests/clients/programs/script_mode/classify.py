"""A user's training script for scikit-learn, which also serves the model that it trained."""

import argparse
import json
import os
from pathlib import Path

import joblib
import pandas as pd
from measure import accuracy
from sklearn.linear_model import LogisticRegression


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--max-iter", type=int)
    parser.add_argument("--note")
    parser.add_argument("--fail", default="no")
    parser.add_argument("--train", default=os.environ.get("SM_CHANNEL_TRAIN"))
    arguments = parser.parse_args()
    if arguments.fail == "yes":
        raise RuntimeError("the table is empty")
    table = pd.concat(pd.read_csv(file) for file in sorted(Path(arguments.train).iterdir()))
    features, late = table.drop(columns="late"), table["late"]
    model = LogisticRegression(max_iter=arguments.max_iter).fit(features, late)
    print(f"accuracy: {accuracy(model, features, late):.3f} note: {arguments.note} hosts: {os.environ['SM_HOSTS']}")
    joblib.dump(model, Path(os.environ["SM_MODEL_DIR"], "model.joblib"))
    Path(os.environ["SM_OUTPUT_DATA_DIR"], "notes.txt").write_text(arguments.note)


def model_fn(model_dir):
    return joblib.load(Path(model_dir, "model.joblib"))


def predict_fn(data, model):
    if data.ndim == 1:
        data = data.reshape(1, -1)
    if (data < 0).any():
        raise ValueError("a distance is negative")
    return model.predict(data)


def output_fn(prediction, accept):
    if accept == "application/json":
        return json.dumps({"late": prediction.tolist()}), accept
    return "".join(f"{value}\n" for value in prediction), accept


if __name__ == "__main__":
    main()
