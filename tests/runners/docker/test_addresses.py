"""The emulator's address in the variables of a job whose hosts have a network of their own. No engine is needed."""

from __future__ import annotations

from harness.contract.package_access import package_environment
from harness.runners.docker.runner import _with_address


def test_every_variable_leads_to_the_emulator_in_the_jobs_own_network() -> None:
    old, new = "http://172.18.0.1:4599", "http://172.19.0.1:4601"
    env = {"AWS_ENDPOINT_URL": old, **package_environment(old, "job", ("algo-1", "algo-2")), "MINE": "172.18.0.1"}
    changed = _with_address(env, old, new)
    assert changed == {
        "AWS_ENDPOINT_URL": new,
        **package_environment(new, "job", ("algo-1", "algo-2")),
        "MINE": "172.18.0.1",
    }
