"""A user's training script for XGBoost; the image's own functions serve the model, but for loading it."""

import argparse
import os
from pathlib import Path

import numpy as np
import xgboost


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--num_round", type=int)
    arguments = parser.parse_args()
    table = np.loadtxt(next(Path(os.environ["SM_CHANNEL_TRAIN"]).iterdir()), delimiter=",", skiprows=1)
    matrix = xgboost.DMatrix(table[:, 1:], label=table[:, 0])
    booster = xgboost.train({"objective": "binary:logistic", "min_child_weight": 0}, matrix, arguments.num_round)
    booster.save_model(str(Path(os.environ["SM_MODEL_DIR"], "boosted.json")))


def model_fn(model_dir):
    booster = xgboost.Booster()
    booster.load_model(str(Path(model_dir, "boosted.json")))
    return booster


if __name__ == "__main__":
    main()
