"""Detaching what keeps AWS from deleting a resource: trial components, associations, executions of schedules."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from harness.aws_run.ledger import LedgerEntry


def detach_dependents(client: Any, entry: LedgerEntry) -> None:
    match entry.kind:
        case "MonitoringSchedule":
            for job in executions(client, entry.name, running=True):
                client.stop_processing_job(ProcessingJobName=job)
        case "Trial":
            for component in _names(client, "list_trial_components", "TrialComponent", TrialName=entry.name):
                client.disassociate_trial_component(TrialName=entry.name, TrialComponentName=component)
        case "TrialComponent":
            for trial in _names(client, "list_trials", "Trial", TrialComponentName=entry.name):
                client.disassociate_trial_component(TrialName=trial, TrialComponentName=entry.name)
        case "Artifact" | "Action" | "Context":
            if arn := entry.identity.get(f"{entry.kind}Arn"):
                for side in ("SourceArn", "DestinationArn"):
                    for page in client.get_paginator("list_associations").paginate(**{side: arn}):
                        for link in page["AssociationSummaries"]:
                            client.delete_association(
                                SourceArn=link["SourceArn"], DestinationArn=link["DestinationArn"]
                            )


def executions(client: Any, schedule: str, running: bool = False) -> Iterator[str]:
    """Yield the names of the processing jobs that a monitoring schedule started."""
    request = {"MonitoringScheduleName": schedule, **({"StatusEquals": "InProgress"} if running else {})}
    for page in client.get_paginator("list_monitoring_executions").paginate(**request):
        for execution in page["MonitoringExecutionSummaries"]:
            if arn := execution.get("ProcessingJobArn"):
                yield arn.rpartition("/")[2]


def _names(client: Any, method: str, noun: str, **request: str) -> Iterator[str]:
    pages = client.get_paginator(method).paginate(**request)
    yield from [summary[f"{noun}Name"] for page in pages for summary in page[f"{noun}Summaries"]]
