"""The table of resource kinds against botocore's models: operations, members and paths that it derives must exist."""

from __future__ import annotations

from typing import Any

import botocore.session
import pytest

from harness.kernel.kinds import BY_TYPE, KINDS, RUN_JOBS, STAGES, ResourceKind, kind_of


@pytest.fixture(scope="module")
def model() -> Any:
    return botocore.session.get_session().get_service_model("sagemaker")


def leads_somewhere(shape: Any, path: str) -> bool:
    """Whether the members of a path exist, from a request's shape downwards."""
    for member in path.split("."):
        if member == "*":
            shape = shape.member
        elif member in shape.members:
            shape = shape.members[member]
        else:
            return False
    return True


@pytest.mark.parametrize("kind", [kind for kind in KINDS.values() if kind.lifecycle], ids=lambda kind: kind.noun)
def test_the_members_of_what_the_emulator_runs_are_in_the_model(model: Any, kind: ResourceKind) -> None:
    describe = model.operation_model(kind.operation("Describe"))
    assert kind.name_member in describe.input_shape.members
    assert kind.status_member in describe.output_shape.members
    if kind.run:
        assert set(kind.times) <= set(describe.output_shape.members)
    assert kind.lifecycle is not None
    known = set(describe.output_shape.members[kind.status_member].enum)
    statuses = {kind.lifecycle.first, *kind.lifecycle.moves, *kind.lifecycle.unfinished, *kind.lifecycle.final}
    assert statuses | set().union(*kind.lifecycle.moves.values()) <= known
    assert kind.operation("List") in model.operation_names
    assert kind.operation(kind.end_verb) in model.operation_names


@pytest.mark.parametrize("kind", [kind for kind in KINDS.values() if kind.stage], ids=lambda kind: kind.noun)
def test_the_paths_into_requests_lead_somewhere(model: Any, kind: ResourceKind) -> None:
    shape = model.operation_model(kind.operation("Create")).input_shape
    paths = kind.request
    for path in (*paths.network, *paths.volume_key, *paths.output_key, *paths.spot, *paths.stopping):
        assert leads_somewhere(shape, path), path


def test_every_noun_is_one_of_the_api(model: Any) -> None:
    for kind in KINDS.values():
        operations = [
            *(f"{verb}{kind.noun}" for verb in ("Create", "Start", "Describe", "Delete")),
            f"List{kind.noun}s",
        ]
        assert set(operations) & set(model.operation_names), kind.noun


def test_methods_are_those_of_boto3() -> None:
    assert kind_of("TrainingJob").method("Describe") == "describe_training_job"
    assert kind_of("EndpointConfig").method("List") == "list_endpoint_configs"
    assert kind_of("AutoMLJobV2").type == "automl-job"
    assert BY_TYPE["automl-job"].noun == "AutoMLJob"


def test_a_noun_without_a_row_gets_defaults() -> None:
    assert kind_of("OptimizationJob").is_job
    assert kind_of("OptimizationJob").removal == KINDS["TrainingJob"].removal
    assert not kind_of("Domain").billed


def test_the_jobs_that_run_and_the_stages_follow_from_the_rows() -> None:
    assert [kind.noun for kind in RUN_JOBS] == ["TrainingJob", "ProcessingJob", "TransformJob"]
    assert {"TrainingJob", "ProcessingJob", "TransformJob", "Endpoint", "MonitoringSchedule"} == STAGES


def test_logs_of_jobs_share_a_group_and_endpoints_have_their_own() -> None:
    job, endpoint = kind_of("TrainingJob"), kind_of("Endpoint")
    assert (job.group_of("a"), job.stream_prefix("a")) == ("/aws/sagemaker/TrainingJobs", "a/")
    assert (endpoint.group_of("a"), endpoint.stream_prefix("a")) == ("/aws/sagemaker/Endpoints/a", "")
