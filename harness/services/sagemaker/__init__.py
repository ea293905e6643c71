"""The operations of the ``sagemaker`` service. The registry reads them from ``MODULES``."""

from __future__ import annotations

from types import ModuleType

from harness.services.sagemaker import (
    actions,
    artifacts,
    associations,
    contexts,
    data_quality_job_definitions,
    endpoint_configs,
    endpoints,
    experiments,
    hyper_parameter_tuning_jobs,
    model_package_groups,
    model_packages,
    models,
    monitoring_executions,
    monitoring_schedules,
    pipeline_callbacks,
    pipeline_executions,
    pipelines,
    processing_jobs,
    search,
    tags,
    training_jobs,
    transform_jobs,
    trial_components,
    trials,
)

MODULES: tuple[ModuleType, ...] = (
    actions,
    artifacts,
    associations,
    contexts,
    data_quality_job_definitions,
    endpoint_configs,
    endpoints,
    experiments,
    model_package_groups,
    model_packages,
    hyper_parameter_tuning_jobs,
    models,
    monitoring_executions,
    monitoring_schedules,
    pipeline_callbacks,
    pipeline_executions,
    pipelines,
    processing_jobs,
    search,
    tags,
    training_jobs,
    transform_jobs,
    trial_components,
    trials,
)
