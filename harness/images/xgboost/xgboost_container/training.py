"""A training job in algorithm mode, from the files of the contract to the model file."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import xgboost

from .boosting import Job, boost
from .channels import validate_channels
from .content_types import CSV, LIBSVM, PARQUET, data_format
from .cross_validation import cross_validate, report_folds
from .data_files import data_size, warn_about_duplicates
from .data_matrix import check_files, load_matrix
from .distributed import Tracker, connected, find_participants, refuse_old_releases
from .errors import AlgorithmError, ContainerError, PlatformError, UserError
from .evaluation import plan_evaluation
from .hyperparameters import validate_hyperparameters
from .layout import Layout
from .logs import log
from .model_files import MODEL_NAME, save_model
from .piped_channels import read_pipe, refuse_pipes
from .versions import Version

SINCE_COLUMNS = (1, 2, 1)  # the log line about the size of the data
SINCE_GPU_LINE = (1, 7, 1)
SINCE_TYPED_DATA = (1, 0)  # the images before have no pyarrow

# XGBoost's own words for what is the caller's mistake.
CUSTOMER_ERRORS = (
    "label must be in [0,1] for logistic regression",
    "label must be in [0, num_class)",
    "Target is multiclass but average='binary'",
    "feature_names mismatch",
    "Check failed: preds.size() == info.labels_.size()",
    "Check failed: !auc_error AUC: the dataset only contains pos or neg samples",
    "Check failed: base_score > 0.0f && base_score < 1.0f base_score must be in (0,1) for logistic loss",
    "Check failed: label_correct PoissonRegression: label must be nonnegative",
    "Check failed: label_correct TweedieRegression: label must be nonnegative",
    "Parameter reg_lambda should be greater equal to 0",
)


def run_training(layout: Layout, version: Version) -> None:
    log.info("Running XGBoost Sagemaker in algorithm mode")
    given = layout.read_config("hyperparameters")
    values = validate_hyperparameters(given, version)
    channels = validate_channels(layout.read_config("inputdataconfig"))
    _check_library(version)
    if "updater" in values:
        values["updater"] = ",".join(values["updater"])
    name = data_format(channels["train"]["ContentType"])
    if "validation" in channels:
        warn_about_duplicates(layout.channel("train"), layout.channel("validation"))
    if version.number >= SINCE_GPU_LINE:
        log.info("Determined 0 GPU(s) available on the instance.")
    _refuse_dask(values, name)
    _refuse_unsupported(name, version)
    resources = layout.read_config("resourceconfig")
    hosts, current = sorted(resources["hosts"]), resources["current_host"]
    refuse_old_releases(hosts, version)
    with tempfile.TemporaryDirectory(prefix="sagemaker_xgboost_pipes") as folder:
        paths = _locate(channels, name, layout, version, Path(folder))
        if len(hosts) > 1:
            _train_together(values, paths, name, layout, version, hosts, current)
            return
        matrices = _load(values, paths, name, version)
    log.info("Single node training.")
    _train(values, matrices, layout, version)


def _locate(channels: dict[str, Any], name: str, layout: Layout, version: Version, folder: Path) -> dict[str, Path]:
    """The data of each channel on disk; what comes through a FIFO is kept in ``folder``."""
    paths = {}
    for channel in ("train", "validation"):
        if channel not in channels:
            continue
        if channels[channel]["TrainingInputMode"] == "Pipe":
            refuse_pipes(name, version)
            paths[channel] = read_pipe(layout, channel, folder)
        else:
            paths[channel] = layout.channel(channel)
    return paths


def _train_together(
    values: dict[str, Any],
    paths: dict[str, Path],
    name: str,
    layout: Layout,
    version: Version,
    hosts: list[str],
    current: str,
) -> None:
    """Train on those of the hosts that have data. The data is read before they are connected: each host uses all of
    its own."""
    log.info("Distributed node training with %s hosts: %s", len(hosts), hosts)
    empty = [channel for channel, path in paths.items() if not data_size(path)]
    matrices = {} if empty else _load(values, paths, name, version)
    trackers = []

    def start_tracker(participants: list[str]) -> None:
        if len(participants) > 1 and participants[0] == current:
            trackers.append(Tracker(current, len(participants), version))

    participants = find_participants(hosts, current, not empty, start_tracker)
    if empty:
        log.warning(
            "Host %s does not have data in %s. It leaves the training; the job goes on without it.", current, empty
        )
    if not participants:
        raise AlgorithmError("No hosts received training data.")
    if empty:
        return
    if len(participants) == 1:
        log.info("Only 1 host with training data, starting single node training job from: %s", current)
        _train(values, matrices, layout, version)
        return
    with connected(participants, current, version, trackers[0] if trackers else None) as is_master:
        _train(values, matrices, layout, version, is_master)


def _check_library(version: Version) -> None:
    installed = tuple(int(part) for part in xgboost.__version__.split(".")[:2])
    if installed != version.xgboost:
        raise PlatformError(
            "Image {} needs xgboost {}.{}, this environment has {}: other releases give other numbers.".format(
                version.tag, version.xgboost[0], version.xgboost[1], xgboost.__version__
            )
        )


def _refuse_dask(values: dict[str, Any], name: str) -> None:
    if values.pop("use_dask_gpu_training", "false") != "true":
        return
    reasons = ["Dask training is only available for `gpu_hist` training on GPU instances."]
    if name not in (CSV, PARQUET):
        reasons.append("Dask training is only supported for CSV and Parquet input.")
    raise UserError("Some configurations unsuitable for Dask GPU training were found: {}".format(". ".join(reasons)))


def _refuse_unsupported(name: str, version: Version) -> None:
    """Raise an error for what the container's packages cannot read."""
    if name not in (CSV, LIBSVM) and version.xgboost < SINCE_TYPED_DATA:
        raise UserError("Content type {} is not supported by this image: use csv or libsvm.".format(name))


def _load(values: dict[str, Any], paths: dict[str, Path], name: str, version: Version) -> dict[str, Any]:
    """DMatrix by channel name, and under "all" both together when k-fold needs them."""
    sizes = {channel: data_size(path) for channel, path in paths.items()}
    weights = values.get("csv_weights", 0) == 1
    for channel, path in paths.items():
        if sizes[channel]:
            check_files(path, name, version)
    if not sizes["train"]:
        raise UserError("No data in training channel path {}".format(paths["train"]))
    matrices = {"train": load_matrix([paths["train"]], name, weights, version)}
    if "validation" in paths:
        if not sizes["validation"]:
            raise UserError("No data in validation channel path {}".format(paths["validation"]))
        validation_weights = weights and version.weighs_validation
        matrices["validation"] = load_matrix([paths["validation"]], name, validation_weights, version)
    if "_kfold" in values or ("_nfold" in values and "validation" in paths):
        matrices["all"] = matrices["train"]
        if "validation" in paths:
            log.info("Read both train and validation data into one DMatrix")
            matrices["all"] = load_matrix(list(paths.values()), name, weights, version)
    return matrices


def _train(
    values: dict[str, Any], matrices: dict[str, Any], layout: Layout, version: Version, is_master: bool = True
) -> None:
    _debug(version, "TRAIN_JOB_DEBUG: Received is_master={}".format(is_master))
    folds, repetitions = values.pop("_kfold", None), values.pop("_num_cv_round", 1)
    afterwards = values.pop("_nfold", None)
    job = _job(values, layout, version, is_master)
    _log_sizes(matrices, version)
    watched: list[tuple[Any, str]] = [(matrices[name], name) for name in ("train", "validation") if name in matrices]
    try:
        if folds is None:
            boosters = {MODEL_NAME: boost(job, matrices["train"], watched)[0]}
            if afterwards is not None and "all" in matrices:
                report_folds(job, matrices["all"], afterwards)
        else:
            predictions = layout.output_data / "predictions.csv"
            found = cross_validate(job, matrices["all"], watched, folds, repetitions, predictions)
            boosters = {"{}-{}".format(MODEL_NAME, fold): booster for fold, booster in enumerate(found)}
    except Exception as error:
        raise _translate(error) from error
    _debug(version, "FINAL_MODEL_DEBUG: is_master={}, model_dir={}".format(is_master, layout.model))
    if not is_master:
        return
    _debug(version, "FINAL_MODEL_SAVE: Saving final model as master")
    for name, booster in boosters.items():
        save_model(booster, layout.model, name, version)


def _job(values: dict[str, Any], layout: Layout, version: Version, is_master: bool) -> Job:
    rounds = values.pop("num_round")
    save_on_termination = values.pop("save_model_on_termination", "false")
    early_stopping_rounds = values.pop("early_stopping_rounds", None)
    evaluation = plan_evaluation(values.pop("_tuning_objective_metric", None), values.pop("eval_metric", None), version)
    if evaluation.native:
        values["eval_metric"] = evaluation.native
    return Job(
        version=version,
        is_master=is_master,
        parameters=values,
        rounds=rounds,
        evaluation=evaluation,
        early_stopping_rounds=early_stopping_rounds,
        save_on_termination=save_on_termination,
        model_directory=layout.model,
        checkpoint_directory=layout.checkpoint_directory(),
    )


def _log_sizes(matrices: dict[str, Any], version: Version) -> None:
    columns = " and {} columns".format(matrices["train"].num_col()) if version.number >= SINCE_COLUMNS else ""
    log.info("Train matrix has %s rows%s", matrices["train"].num_row(), columns)
    if "validation" in matrices:
        log.info("Validation matrix has %s rows", matrices["validation"].num_row())


def _translate(error: Exception) -> ContainerError:
    text = str(error)
    if any(known in text for known in CUSTOMER_ERRORS):
        return UserError(text)
    return AlgorithmError("XGB train call failed with exception:\n {}".format(text))


def _debug(version: Version, line: str) -> None:
    if version.debug_lines:
        log.info(line)
        print(line, flush=True)
