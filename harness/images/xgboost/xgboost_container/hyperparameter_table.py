"""The hyperparameters of every release: name, kind, range. Order as in the container."""

from __future__ import annotations

from .guarded_ranges import CpuOnlyRange, ListedRange, MetricRange
from .hyperparameter_kinds import (
    Categorical,
    CommaSeparated,
    Continuous,
    Hyperparameter,
    Integer,
    NestedListText,
    TupleText,
)
from .metric_names import metric_names
from .ranges import Interval
from .versions import Version

ALIASES = {"learning_rate": "eta", "min_split_loss": "gamma", "reg_lambda": "lambda", "reg_alpha": "alpha"}

R0_90 = (0, 90, 1)
R1_0 = (1, 0, 1)
R1_2 = (1, 2, 1)
R1_2_2 = (1, 2, 2)
R1_3 = (1, 3, 1)
R1_7 = (1, 7, 1)

POSITIVE = Interval("[1, +inf)")
NOT_NEGATIVE = Interval("[0, +inf)")
UNIT = Interval("[0, 1]")
SHARE = Interval("(0, 1]")
TRUE_FALSE = ["true", "false"]

# objective: first release that has it
OBJECTIVES = {
    "aft_loss_distribution": R1_2,
    "binary:logistic": (0,),
    "binary:logitraw": (0,),
    "binary:hinge": (0,),
    "count:poisson": (0,),
    "multi:softmax": (0,),
    "multi:softprob": (0,),
    "rank:pairwise": (0,),
    "rank:ndcg": (0,),
    "rank:map": (0,),
    "reg:linear": (0,),
    "reg:squarederror": R0_90,
    "reg:logistic": (0,),
    "reg:gamma": (0,),
    "reg:pseudohubererror": R1_2,
    "reg:squaredlogerror": R1_0,
    "reg:absoluteerror": R1_7,
    "reg:tweedie": (0,),
    "survival:aft": R1_2,
    "survival:cox": (0,),
}


def updaters(version: Version) -> list[str]:
    # Names stand twice in the container's own list, and so in its message.
    growing = ["grow_colmaker", "distcol", "grow_histmaker"]
    local = ["grow_local_histmaker"] if version.number < R1_7 else []
    return [
        *growing, *local, "grow_skmaker", "sync", "refresh", "prune", *growing, *local, "grow_colmaker",
        "shotgun", "coord_descent", "refresh", "prune",
    ]  # fmt: skip


def _tree_method(version: Version) -> ListedRange:
    methods = ["auto", "exact", "approx", "hist"]
    return ListedRange([*methods, "gpu_hist"]) if version.number >= R1_2 else CpuOnlyRange(methods)


def _predictor(version: Version) -> ListedRange:
    if version.number >= R1_2:
        return ListedRange(["auto", "cpu_predictor", "gpu_predictor"])
    return CpuOnlyRange(["cpu_predictor"])


def _general() -> list[Hyperparameter]:
    return [
        Integer("num_round", POSITIVE, required=True),
        Integer("csv_weights", UNIT),
        Integer("early_stopping_rounds", POSITIVE),
        Categorical("booster", ["gbtree", "gblinear", "dart"]),
        Integer("silent", UNIT, until=R1_2),
        Integer("verbosity", Interval("[0, 3]"), since=R0_90),
        Integer("nthread", POSITIVE),
        Continuous("eta", UNIT),
        Continuous("gamma", NOT_NEGATIVE),
        Integer("max_depth", NOT_NEGATIVE),
        Continuous("min_child_weight", NOT_NEGATIVE),
        Continuous("max_delta_step", NOT_NEGATIVE),
        Continuous("subsample", SHARE),
        Continuous("colsample_bytree", SHARE),
        Continuous("colsample_bylevel", SHARE),
        Continuous("colsample_bynode", SHARE, since=R0_90),
        Continuous("lambda", NOT_NEGATIVE),
        Continuous("alpha", NOT_NEGATIVE),
    ]


def _tree(version: Version) -> list[Hyperparameter]:
    return [
        Categorical("tree_method", _tree_method(version)),
        Continuous("sketch_eps", Interval("(0, 1)")),
        Continuous("scale_pos_weight", Interval("(0, +inf)")),
        CommaSeparated("updater", updaters(version)),
        Categorical("dsplit", ["row", "col"]),
        Integer("refresh_leaf", UNIT),
        Categorical("process_type", ["default", "update"]),
        Categorical("grow_policy", ["depthwise", "lossguide"]),
        Integer("max_leaves", NOT_NEGATIVE),
        Integer("max_bin", NOT_NEGATIVE),
        Categorical("predictor", _predictor(version)),
        TupleText("monotone_constraints", [-1, 0, 1], since=R1_0),
        NestedListText("interaction_constraints", POSITIVE, since=R1_0),
        Categorical("sample_type", ["uniform", "weighted"]),
        Categorical("normalize_type", ["tree", "forest"]),
        Continuous("rate_drop", UNIT),
        Integer("one_drop", UNIT),
        Continuous("skip_drop", UNIT),
        Continuous("lambda_bias", UNIT),
    ]


def _task(version: Version) -> list[Hyperparameter]:
    names = metric_names(version)
    return [
        Continuous("tweedie_variance_power", Interval("(1, 2)")),
        Categorical("objective", [name for name, since in OBJECTIVES.items() if since <= version.number]),
        Integer("num_class", Interval("[2, +inf)")),
        Continuous("base_score", NOT_NEGATIVE),
        Integer("_nfold", Interval("[2, +inf)"), since=R1_2, until=R1_2_2),
        Integer("_kfold", Interval("[2, +inf)"), since=R1_2_2),
        Integer("_num_cv_round", POSITIVE, since=R1_2_2),
        Categorical("_tuning_objective_metric", ["validation:" + name for name in names]),
        CommaSeparated("eval_metric", MetricRange(names)),
        Integer("seed", Interval("(-2147483648, 2147483647)")),
        Integer("num_parallel_tree", POSITIVE, since=(0, 90, 2)),
        Categorical("save_model_on_termination", TRUE_FALSE, since=R1_0),
        Categorical("aft_loss_distribution", ["normal", "logistic", "extreme"], since=R1_2),
        Continuous("aft_loss_distribution_scale", NOT_NEGATIVE, since=R1_2),
        Categorical("single_precision_histogram", TRUE_FALSE, since=R1_2, until=R1_7),
        Categorical("deterministic_histogram", TRUE_FALSE, since=R1_2),
        Categorical("sampling_method", ["uniform", "gradient_based"], since=R1_3),
        Integer("prob_buffer_row", Interval("(1.0, +inf)"), since=R1_3),
        Categorical("use_dask_gpu_training", TRUE_FALSE, since=R1_7),
    ]


def hyperparameter_table(version: Version) -> dict[str, Hyperparameter]:
    rows = _general() + _tree(version) + _task(version)
    return {row.name: row for row in rows if row.exists_in(version.number)}
