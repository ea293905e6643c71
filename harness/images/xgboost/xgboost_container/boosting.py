"""One call of xgboost.train with what the release hangs on it: metric lines, checkpoints, early stopping.

Two bodies, because XGBoost 1.3 replaced callback functions by callback classes.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import xgboost

from .checkpoints import CHECKPOINT_NAME, NumberedCheckpoints, load_checkpoint, save_model_whole
from .evaluation import Evaluation
from .logs import log
from .model_files import MODEL_NAME
from .old_pythons import prepare_python
from .progress_lines import print_metrics
from .termination import keep_model_on_sigterm
from .versions import Version


@dataclass(frozen=True)
class Job:
    """Settings of a job for boosting, beside XGBoost's own parameters."""

    version: Version
    is_master: bool  # the host that prints metrics and writes files; any host has the same model
    parameters: dict[str, Any]
    rounds: int
    evaluation: Evaluation
    early_stopping_rounds: int | None
    save_on_termination: str
    model_directory: Path
    checkpoint_directory: Path | None


def boost(job: Job, matrix: Any, watched: list[tuple[Any, str]], fold: int | None = None) -> tuple[Any, dict[str, Any]]:
    """(booster, history of metrics)."""
    checkpoints = job.checkpoint_directory
    if checkpoints is not None and fold is not None:
        checkpoints = checkpoints / "model-{}".format(fold)
    name = MODEL_NAME if fold is None else "{}-{}".format(MODEL_NAME, fold)
    prepare_python(job.version)
    body = _boost_with_classes if job.version.modern_callbacks else _boost_with_functions
    return body(job, matrix, watched, checkpoints, name)


def _boost_with_functions(
    job: Job, matrix: Any, watched: list[tuple[Any, str]], checkpoints: Path | None, name: str
) -> tuple[Any, dict[str, Any]]:
    model, start = load_checkpoint(checkpoints)
    callbacks = []
    if job.is_master:
        callbacks.append(
            lambda env: print_metrics(env.iteration + start, [item[:2] for item in env.evaluation_result_list])
        )
    if checkpoints is not None and job.is_master:
        numbered = NumberedCheckpoints(checkpoints, start)
        callbacks.append(lambda env: numbered.save(env.model, env.iteration))
    if job.save_on_termination == "true" and job.is_master:
        callbacks.append(lambda env: save_model_whole(env.model, job.model_directory / name))
        keep_model_on_sigterm(job.model_directory)
    history: dict[str, Any] = {}
    booster = xgboost.train(
        job.parameters,
        matrix,
        num_boost_round=job.rounds - start,
        evals=watched,
        feval=job.evaluation.scores,
        early_stopping_rounds=job.early_stopping_rounds,
        evals_result=history,
        callbacks=callbacks,
        xgb_model=model,
        verbose_eval=False,
    )
    return booster, history


def _boost_with_classes(
    job: Job, matrix: Any, watched: list[tuple[Any, str]], checkpoints: Path | None, name: str
) -> tuple[Any, dict[str, Any]]:
    model, start = load_checkpoint(checkpoints)
    callback = _callbacks(job, checkpoints, start, name, [label for _, label in watched])
    metric = "feval" if job.version.scores_see_margins else "custom_metric"
    history: dict[str, Any] = {}
    booster = xgboost.train(
        job.parameters,
        matrix,
        num_boost_round=job.rounds - start,
        evals=watched,
        evals_result=history,
        callbacks=[callback],
        xgb_model=model,
        verbose_eval=False,
        **{metric: job.evaluation.scores},
    )
    return booster, history


def _callbacks(job: Job, checkpoints: Path | None, start: int, name: str, labels: list[str]) -> Any:
    from . import callback_classes

    callbacks: list[Any] = [callback_classes.MetricLines()] if job.is_master else []
    if checkpoints is not None:
        checkpoints.mkdir(parents=True, exist_ok=True)
        # An interval of 0 makes XGBoost write one file, after the first round, and no more. So does the container.
        callbacks.append(callback_classes.checkpoint_once(checkpoints, CHECKPOINT_NAME, start))
    setting = "save_model_on_termination={}, is_master={}".format(job.save_on_termination, job.is_master)
    if job.version.debug_lines:
        log.info("CALLBACK_SETUP_DEBUG: %s", setting)
    if job.save_on_termination == "true" and job.is_master:
        if job.version.debug_lines:
            log.info("CALLBACK_ADDING: Adding SaveIntermediateModelCallBack on master")
        callbacks.append(callback_classes.KeepModel(job.model_directory / name))
        keep_model_on_sigterm(job.model_directory)
    elif job.version.debug_lines:
        log.info("CALLBACK_SKIPPING %s)", setting)
    stopping = job.evaluation.stopping_metric
    if "validation" in labels and job.early_stopping_rounds and stopping:
        callbacks.append(
            xgboost.callback.EarlyStopping(
                rounds=job.early_stopping_rounds,
                data_name="validation",
                metric_name=stopping,
                maximize=job.evaluation.stopping_maximizes,
                save_best=True,
            )
        )
    return callback_classes.InOrder(callbacks)
