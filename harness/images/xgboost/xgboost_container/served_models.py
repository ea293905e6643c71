"""The models of a server: loading what lies in the model folder, and predicting with one or an ensemble."""

from __future__ import annotations

import inspect
import json
import os
import pickle
import threading
from pathlib import Path
from typing import Any

import numpy as np
import xgboost

from .content_types import LIBSVM
from .logs import log
from .old_pythons import prepare_python
from .versions import Version

VOTING_OBJECTIVES = ("multi:softmax", "binary:hinge")


class Model:
    def __init__(self, booster: Any, pickled: bool, threads: int) -> None:
        booster.set_param({"nthread": threads})
        learner = _learner(booster)
        self.objective: str = learner["objective"]["name"]
        self.num_class: str = learner["learner_model_param"].get("num_class", "")
        self._booster = booster
        self._pickled = pickled
        self._features = int(learner["learner_model_param"]["num_feature"])
        # Skips building a DMatrix; same numbers. Only for whole rows: it refuses shorter ones, which DMatrix takes.
        self._in_place = learner["gradient_booster"]["name"] == "gbtree" and _can_skip_names(booster)
        # XGBoost 1.x marks the best round of early stopping this way; the model may hold later trees.
        self._ntree_limit = getattr(booster, "best_ntree_limit", 0)

    def predict(self, table: Any, name: str) -> Any:
        if self._pickled:
            self._check_width(table.shape[1], name)
        whole_rows = isinstance(table, np.ndarray) and table.shape[1] == self._features
        if self._in_place and whole_rows and not self._ntree_limit:
            return self._booster.inplace_predict(table, validate_features=False)
        matrix = xgboost.DMatrix(table)
        return self._booster.predict(matrix, validate_features=False, **self._rounds())

    def _rounds(self) -> dict[str, Any]:
        """Return the rounds to predict with. A pickle of an older image has the limit under another name."""
        if not self._ntree_limit:
            return {}
        if "ntree_limit" in inspect.signature(self._booster.predict).parameters:
            return {"ntree_limit": self._ntree_limit}
        return {"iteration_range": (0, self._ntree_limit)}

    def _check_width(self, width: int, name: str) -> None:
        if name == LIBSVM and width > self._features + 1:
            raise ValueError(
                "Feature size of libsvm inference data {} is larger than feature size of trained model {}.".format(
                    width, self._features
                )
            )
        if name != LIBSVM and width not in (self._features, self._features - 1):
            raise ValueError(
                "Feature size of {} inference data {} is not consistent with feature size of trained model {}.".format(
                    name, width, self._features
                )
            )


class Models:
    """Loaded once, on first need; a failure is raised again for every request."""

    def __init__(self, directory: Path, version: Version, threads: int) -> None:
        prepare_python(version)
        self._directory = directory
        self._version = version
        self._threads = threads
        self._loaded: list[Model] = []
        self._loading = threading.Lock()

    def load(self) -> list[Model]:
        with self._loading:
            if not self._loaded:
                self._loaded = [self._load(path) for path in self._paths()]
                log.info("Model objective : %s", self._loaded[0].objective)
        return self._loaded

    def predict(self, table: Any, name: str) -> Any:
        models = self.load()
        predictions = [model.predict(table, name) for model in models]
        if len(models) == 1:
            return predictions[0]
        if models[0].objective in VOTING_OBJECTIVES:
            return _vote(np.array(predictions))
        return np.mean(predictions, axis=0)

    def _paths(self) -> list[Path]:
        # By name; the container takes them as the file system lists them.
        entries = sorted(self._directory.iterdir()) if self._directory.is_dir() else []
        paths = [path for path in entries if path.is_file() and not self._is_ignored(path)]
        if not paths:
            raise RuntimeError("No model file found in {}".format(self._directory))
        ensemble = self._version.ensembles and os.environ.get("SAGEMAKER_INFERENCE_ENSEMBLE", "true") == "true"
        return paths if ensemble else paths[:1]

    def _is_ignored(self, path: Path) -> bool:
        if path.name in ("model.tar.gz", "output.tar.gz"):
            return True  # the SDKs' local mode leaves the archives beside what it unpacked
        if not (self._version.ignores_dotfiles and path.name.startswith(".")):
            return False
        log.warning(
            "Ignoring dotfile '%s' found in model directory - please exclude dotfiles from model archives", path
        )
        return True

    def _load(self, path: Path) -> Model:
        log.info("Loading the model from %s", path)
        try:
            with path.open("rb") as stream:
                booster = pickle.load(stream)
            return Model(booster, True, self._threads)
        except Exception as error:
            pickle_error = error
        try:
            booster = xgboost.Booster()
            booster.load_model(str(path))
            return Model(booster, False, self._threads)
        except Exception as error:
            raise RuntimeError(
                "Model {} cannot be loaded:\nPickle load error={}\nXGB load model error={}".format(
                    path, pickle_error, error
                )
            ) from error


def _can_skip_names(booster: Any) -> bool:
    """Return whether `inplace_predict` exists and accepts rows without column names, as it does since 1.4."""
    method = getattr(booster, "inplace_predict", None)
    return method is not None and "validate_features" in inspect.signature(method).parameters


def _learner(booster: Any) -> dict[str, Any]:
    """Return the model's own description; before 1.0 it contains only the number of features."""
    if hasattr(booster, "save_config"):
        learner: dict[str, Any] = json.loads(booster.save_config())["learner"]
        return learner
    features = len(booster.feature_names or ())
    return {
        "objective": {"name": ""},
        "learner_model_param": {"num_feature": features},
        "gradient_booster": {"name": ""},
    }


def _vote(predictions: Any) -> Any:
    """The most frequent value of each column, the smallest of equals."""
    values = np.unique(predictions)
    counts = np.array([(predictions == value).sum(axis=0) for value in values])
    return values[np.argmax(counts, axis=0)]
