"""Rules between hyperparameters: one function per hyperparameter that looks at others."""

from __future__ import annotations

from typing import Any

from .errors import UserError
from .versions import Version

LINEAR_UPDATERS = ("shotgun", "coord_descent")
UPDATE_UPDATERS = ("refresh", "prune")
SINCE_AFT = (1, 2, 1)
WITHOUT_LOCAL_HISTMAKER = (1, 7, 1)


def check_dependencies(values: dict[str, Any], version: Version) -> None:
    for name, check in CHECKS.items():
        if name in values:
            check(values, version)


def _objective(values: dict[str, Any], version: Version) -> None:
    if values["objective"] in ("multi:softmax", "multi:softprob") and values.get("num_class") is None:
        raise UserError("Require input for parameter 'num_class' for multi-classification")


def _updater(values: dict[str, Any], version: Version) -> None:
    chosen = values["updater"]
    if values.get("booster") == "gblinear":
        if len(chosen) != 1 or chosen[0] not in LINEAR_UPDATERS:
            raise UserError("Linear updater should be one of these options: 'shotgun', 'coord_descent'.")
    elif values.get("process_type") == "update":
        if not all(name in UPDATE_UPDATERS for name in chosen):
            raise UserError("process_type 'update' can only be used with updater 'refresh' and 'prune'")
    else:
        _tree_updater(chosen, version)


def _tree_updater(chosen: list[str], version: Version) -> None:
    local = version.number < WITHOUT_LOCAL_HISTMAKER
    local_name = "'grow_local_histmaker', " if local else ""
    growing = ["grow_colmaker", "distcol", "grow_histmaker", "grow_quantile_histmaker"]
    growing += ["grow_local_histmaker"] if local else []
    if not all(name in [*growing, "grow_skmaker", "sync", *UPDATE_UPDATERS] for name in chosen):
        raise UserError(
            "Tree updater should be selected from these options: 'grow_colmaker', 'distcol', 'grow_histmaker', "
            + local_name
            + "'grow_skmaker', 'grow_quantile_histmaker', 'sync', 'refresh', 'prune', 'shortgun', 'coord_descent'."
        )
    if sum(name in growing for name in chosen) > 1:
        # The missing blank is the container's.
        raise UserError(
            "Only one tree grow plugin can be selected. Choose one from thefollowing: "
            "'grow_colmaker', 'distcol', 'grow_histmaker', " + local_name + "'grow_skmaker'"
        )


def _eval_metric(values: dict[str, Any], version: Version) -> None:
    metrics = values["eval_metric"]
    needs_objective = version.number >= SINCE_AFT or "auc" in metrics
    # Without an objective the container itself ends in KeyError: 'objective'.
    objective = values["objective"] if needs_objective else ""
    if "auc" in metrics and not objective.startswith(("binary:", "rank:")):
        raise UserError("Metric 'auc' can only be applied for classification and ranking problems.")
    if "aft-nloglik" in metrics and objective != "survival:aft":
        raise UserError("Metric 'aft-nloglik' can only be applied for 'survival:aft' objective.")


def _monotone_constraints(values: dict[str, Any], version: Version) -> None:
    if values.get("tree_method") not in ("exact", "hist"):
        raise UserError(
            "monotone_constraints can be used only when the tree_method parameter is set to either 'exact' or 'hist'."
        )


def _interaction_constraints(values: dict[str, Any], version: Version) -> None:
    if values.get("tree_method") not in ("exact", "hist", "approx"):
        raise UserError(
            "interaction_constraints can be used only when the tree_method parameter is set to "
            "either 'exact', 'hist' or 'approx'."
        )


CHECKS = {
    "objective": _objective,
    "updater": _updater,
    "eval_metric": _eval_metric,
    "monotone_constraints": _monotone_constraints,
    "interaction_constraints": _interaction_constraints,
}
