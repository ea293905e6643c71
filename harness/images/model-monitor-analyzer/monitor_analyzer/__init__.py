"""Data-quality analysis as SageMaker Model Monitor does it. `run(config)` is the whole job without its exit message."""

from __future__ import annotations

from .analysis import Outcome, run
from .config import AnalysisConfig, from_environment
from .errors import AnalyzerError

__all__ = ["AnalysisConfig", "AnalyzerError", "Outcome", "from_environment", "run"]
