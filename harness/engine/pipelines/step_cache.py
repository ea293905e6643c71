"""Step caching: finds the last successful run of the same step with the same arguments."""

from __future__ import annotations

from harness.contract.pipelines.caching import read_expiry
from harness.contract.pipelines.definition import PipelineStep
from harness.engine.components import Components
from harness.engine.pipelines.records import EXECUTION, StepState, pipeline_of, steps_of
from harness.kernel.records import Record


def find_cached(
    components: Components, execution: Record, step: PipelineStep, key: str
) -> tuple[Record, StepState] | None:
    """Return the newest execution of this pipeline in which the step succeeded with this cache key, and its state.

    Expiry follows the emulator's clock. Results that came from the cache themselves are passed over.
    """
    config = step.body.get("CacheConfig") or {}
    if not (config.get("Enabled") and key):
        return None
    expiry = read_expiry(config.get("ExpireAfter"))
    oldest = 0.0 if expiry is None else components.clock.now() - expiry
    scope = execution.key.account, execution.key.region
    for other in components.records.scan(EXECUTION, *scope, newest_first=True):
        if pipeline_of(other) != pipeline_of(execution):
            continue
        state = steps_of(other).get(step.name, {})
        fresh = state.get("cache_key") == key and state.get("ended_on_clock", 0.0) >= oldest
        if fresh and state["status"] == "Succeeded" and not (state.get("cached_from") or state.get("reused_from")):
            return other, state
    return None
