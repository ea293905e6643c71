"""One run from settings to files: profile the data, write what was found, compare with the baseline if there is one."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass

from . import messages
from .baseline_files import BaselineDistribution, load_distributions
from .checks import Violation, find_violations, text_domains, violations_file
from .cloudwatch import write_metrics
from .config import AnalysisConfig
from .constraints import Constraints, read_constraints, suggested_constraints
from .dataset import DatasetReader, open_dataset
from .drift import drifts_of
from .errors import AnalyzerError
from .json_text import write_json
from .monitoring_config import MonitoringConfig
from .profiles import DatasetProfile
from .scripts import run_postprocessor
from .statistics_file import statistics_of

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Outcome:
    violations: tuple[Violation, ...]

    @property
    def exit_message(self) -> str:
        if not self.violations:
            return messages.COMPLETED
        return messages.COMPLETED_WITH_VIOLATIONS.format(count=len(self.violations))


def run(config: AnalysisConfig) -> Outcome:
    constraints, distributions = _baseline(config)
    names = [feature.name for feature in constraints.features] or list(distributions)
    profile = profile_dataset(config, open_dataset(config, names), text_domains(constraints))
    if not profile.rows:
        raise AnalyzerError(messages.SOURCE_EMPTY.format(path=config.dataset_source))
    _log.info(messages.PROFILED.format(rows=profile.rows, columns=len(profile.columns), path=config.dataset_source))
    write_json(config.output_path / "statistics.json", statistics_of(profile))
    suggestion = suggested_constraints(profile, config.categorical_drift_method)
    write_json(config.output_path / "constraints.json", suggestion)
    drifts = drifts_of(constraints, distributions, profile)
    violations: list[Violation] = []
    if config.is_monitoring:
        violations = find_violations(constraints, drifts, profile) if config.baseline_constraints else []
        write_json(config.output_path / "constraint_violations.json", violations_file(violations))
    write_metrics(config, constraints, drifts, profile)
    if config.post_analytics_processor_script:
        run_postprocessor(config.post_analytics_processor_script)
    return Outcome(tuple(violations))


def profile_dataset(
    config: AnalysisConfig, reader: DatasetReader, domains: Mapping[str, frozenset[str]]
) -> DatasetProfile:
    # A preprocessor may answer differently when asked again, so its texts are all counted in the first pass.
    all_text = config.record_preprocessor_script is not None
    profile = DatasetProfile(domains, all_text, config.exponent_is_fractional)
    for frame in reader.frames(frozenset(domains)):
        profile.update(frame)
    if not profile.rows:
        return profile
    profile.order_columns(reader.order(list(profile.columns)))
    _recount_late_texts(profile, reader)
    return profile


def _recount_late_texts(profile: DatasetProfile, reader: DatasetReader) -> None:
    """A second pass over columns that were numeric at first, for the texts that were not counted then."""
    late = frozenset(name for name, column in profile.columns.items() if column.misses_texts)
    if not late:
        return
    categories = {name: profile.recount_texts(name) for name in late}
    for frame in reader.frames(late, late):
        for name in frame.columns:
            categories[name].update(frame.get_column(name).drop_nulls())


def _baseline(config: AnalysisConfig) -> tuple[Constraints, dict[str, BaselineDistribution]]:
    constraints = Constraints((), MonitoringConfig())
    if config.baseline_constraints:
        constraints = read_constraints(config.baseline_constraints)
    distributions = load_distributions(config.baseline_statistics) if config.baseline_statistics else {}
    return constraints, distributions
