"""What must be undone before AWS lets go of a thing: trials of components, associations, executions of schedules."""

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
                        for found in page["AssociationSummaries"]:
                            client.delete_association(
                                SourceArn=found["SourceArn"], DestinationArn=found["DestinationArn"]
                            )


def executions(client: Any, schedule: str, running: bool = False) -> Iterator[str]:
    """The processing jobs that a monitoring schedule ran, by name."""
    asked = {"MonitoringScheduleName": schedule, **({"StatusEquals": "InProgress"} if running else {})}
    for page in client.get_paginator("list_monitoring_executions").paginate(**asked):
        for found in page["MonitoringExecutionSummaries"]:
            if arn := found.get("ProcessingJobArn"):
                yield arn.rpartition("/")[2]


def _names(client: Any, method: str, noun: str, **asked: str) -> Iterator[str]:
    pages = client.get_paginator(method).paginate(**asked)
    yield from [found[f"{noun}Name"] for page in pages for found in page[f"{noun}Summaries"]]
