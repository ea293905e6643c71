"""Every refused hyperparameter gives the container's own text, in the failure file's own shape."""

from __future__ import annotations

from pathlib import Path

import pytest

from .conftest import Job

pytestmark = pytest.mark.provenance("documented", source="source code: aws/sagemaker-xgboost-container")


BASE = {"num_round": "2", "objective": "binary:logistic"}
OBJECTIVE_ERROR = "Hyperparameter objective: reg:squared is not in ['aft_loss_distribution', 'binary:logistic', "

REFUSED = {
    "required": ({"num_round": None}, "Missing required hyperparameter: num_round"),
    "unknown": ({"foo": "1"}, "Extraneous hyperparameter found: foo"),
    "unknown sagemaker_ key": ({"sagemaker_region": "x"}, "Extraneous hyperparameter found: sagemaker_region"),
    "not an integer": ({"num_round": "ten"}, "Hyperparameter num_round: could not parse value (caused by ValueError)"),
    "quoted by the SDK": ({"eta": '"0.1"'}, "Hyperparameter eta: could not parse value (caused by ValueError)"),
    "below": ({"num_round": "0"}, "Hyperparameter num_round: 0 is not in [1, +inf)"),
    "above": ({"eta": "1.5"}, "Hyperparameter eta: 1.5 is not in [0, 1]"),
    "open end": ({"subsample": "0"}, "Hyperparameter subsample: 0.0 is not in (0, 1]"),
    "by alias": ({"learning_rate": "2"}, "Hyperparameter eta: 2.0 is not in [0, 1]"),
    "second alias": ({"reg_alpha": "-1"}, "Hyperparameter alpha: -1.0 is not in [0, +inf)"),
    "category": ({"booster": "tree"}, "Hyperparameter booster: tree is not in ['gbtree', 'gblinear', 'dart']"),
    "objective": ({"objective": "reg:squared"}, OBJECTIVE_ERROR),
    "classes": (
        {"objective": "multi:softmax"},
        "Require input for parameter 'num_class' for multi-classification",
    ),
    "metric": (
        {"eval_metric": "auc,foo"},
        "Hyperparameter eval_metric: value ['auc', 'foo'] not in range ['accuracy', ",
    ),
    "metric of another task": (
        {"objective": "reg:squarederror", "eval_metric": "auc"},
        "Metric 'auc' can only be applied for classification and ranking problems.",
    ),
    "survival metric": (
        {"eval_metric": "aft-nloglik"},
        "Metric 'aft-nloglik' can only be applied for 'survival:aft' objective.",
    ),
    "threshold metric": (
        {"eval_metric": "rmse@2"},
        (
            "Metric 'rmse@2' is not supported. Parameter 'eval_metric' with customized threshold should "
            "be one of these options: 'error', 'ndcg', 'map'."
        ),
    ),
    "threshold": ({"eval_metric": "error@x"}, "Threshold value 't' in 'error@t' expects float input."),
    "function as metric": (
        {"eval_metric": "<function f>"},
        "User defined evaluation metric <function f> is not supported yet.",
    ),
    "metric without objective": ({"objective": None, "eval_metric": "rmse"}, "'objective'"),
    "linear updater": (
        {"booster": "gblinear", "updater": "prune"},
        "Linear updater should be one of these options: 'shotgun', 'coord_descent'.",
    ),
    "update": (
        {"process_type": "update", "updater": "sync"},
        "process_type 'update' can only be used with updater 'refresh' and 'prune'",
    ),
    "tree updater": ({"updater": "shotgun"}, "Tree updater should be selected from these options: 'grow_colmaker', "),
    "two growers": (
        {"updater": "grow_colmaker,distcol"},
        "Only one tree grow plugin can be selected. Choose one from thefollowing: ",
    ),
    "unknown updater": ({"updater": "foo"}, "Hyperparameter updater: value ['foo'] not in range ['grow_colmaker', "),
    "monotone": (
        {"monotone_constraints": "(1,0)"},
        "monotone_constraints can be used only when the tree_method parameter is set to either 'exact' or 'hist'.",
    ),
    "monotone range": (
        {"monotone_constraints": "(2,0)"},
        "Hyperparameter monotone_constraints: value (2, 0) not in range [-1, 0, 1]",
    ),
    "monotone number": (
        {"monotone_constraints": "1"},
        "Hyperparameter monotone_constraints: unexpected failure when validating 1 (caused by TypeError)",
    ),
    "interaction": (
        {"interaction_constraints": "[[1,2]]"},
        (
            "interaction_constraints can be used only when the tree_method parameter is set to "
            "either 'exact', 'hist' or 'approx'."
        ),
    ),
    "silent": ({"silent": "1"}, "Extraneous hyperparameter found: silent"),
    "seed": ({"seed": "2147483647"}, "Hyperparameter seed: 2147483647 is not in (-2147483648, 2147483647)"),
    "tuning metric": (
        {"_tuning_objective_metric": "train:auc"},
        "Hyperparameter _tuning_objective_metric: train:auc is not in ['validation:accuracy', ",
    ),
    "dask": (
        {"use_dask_gpu_training": "true"},
        (
            "Some configurations unsuitable for Dask GPU training were found: "
            "Dask training is only available for `gpu_hist` training on GPU instances."
        ),
    ),
}

REFUSED_BY_1_0 = {
    "gpu": ({"tree_method": "gpu_hist"}, "GPU training is not supported yet."),
    "gpu predictor": ({"predictor": "gpu_predictor"}, "GPU training is not supported yet."),
    "k-fold": ({"_kfold": "3"}, "Extraneous hyperparameter found: _kfold"),
    "later score": (
        {"eval_metric": "precision"},
        (
            "Hyperparameter eval_metric: value ['precision'] not in range ['accuracy', 'auc', 'aucpr', 'f1', "
            "'map', 'ndcg', 'cox-nloglik', "
        ),
    ),
    "later objective": (
        {"objective": "survival:aft"},
        "Hyperparameter objective: survival:aft is not in ['binary:logistic', ",
    ),
}


def given(changes: dict[str, str | None]) -> dict[str, str]:
    return {name: text for name, text in {**BASE, **changes}.items() if text is not None}


@pytest.mark.parametrize(("changes", "message"), REFUSED.values(), ids=REFUSED.keys())
def test_refused(job: Job, changes: dict[str, str | None], message: str) -> None:
    job.hyperparameters = given(changes)
    assert job.train() == 1
    last = job.failure.splitlines()[-1]
    assert last.startswith(message)
    assert job.failure.startswith("framework error: \nTraceback (most recent call last):\n")
    assert 'File "xgboost_container/' in job.failure
    assert str(Path.cwd()) not in job.failure + job.stderr
    assert not job.model.exists()


@pytest.mark.parametrize(("changes", "message"), REFUSED_BY_1_0.values(), ids=REFUSED_BY_1_0.keys())
def test_refused_by_1_0(job: Job, changes: dict[str, str | None], message: str) -> None:
    job.tag = "1.0-1"
    job.hyperparameters = given(changes)
    assert job.train() == 1
    assert job.failure.splitlines()[-1].startswith(message)


ACCEPTED = [
    {"learning_rate": "0.2", "min_split_loss": "1", "reg_lambda": "2", "reg_alpha": "0.5"},
    {"tree_method": "hist", "monotone_constraints": "(1,0,0,0,-1)"},
    {"eval_metric": "error@0.7,auc", "seed": "7", "subsample": "0.5", "verbosity": "0", "nthread": "1"},
    {"booster": "gblinear", "updater": "coord_descent"},
    {"booster": "dart", "rate_drop": "0.1", "one_drop": "1", "sample_type": "weighted"},
]


@pytest.mark.parametrize("changes", ACCEPTED)
def test_accepted(job: Job, changes: dict[str, str]) -> None:
    job.hyperparameters = given(dict(changes))
    assert job.train() == 0, job.failure
    assert job.model.exists()


@pytest.mark.provenance("assumed", source="harness's own behaviour")
def test_unknown_image_tag_names_the_known_ones(job: Job) -> None:
    job.tag = "9.9-9"
    assert job.train() == 1
    assert "this program stands for the releases 1, 0.90-1, 0.90-2, 1.0-1, " in job.stderr


@pytest.mark.provenance("assumed", source="harness's own behaviour")
def test_another_xgboost_than_the_image_needs_is_refused(job: Job) -> None:
    job.tag = "1.7-1"
    assert job.train() == 1
    assert "Image 1.7-1 needs xgboost 1.7, this environment has 3.0.5" in job.failure
