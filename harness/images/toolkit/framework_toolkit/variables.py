"""The ``SM_*`` variables of a training script, and the description of its environment that the log shows."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from typing import Any

from .hyperparameters import arguments
from .layout import Layout

GROUP = "homogeneousCluster"


class TrainingEnvironment:
    """Everything that a script is told about its job."""

    def __init__(self, layout: Layout, values: dict[str, Any], user: dict[str, Any], framework: dict[str, Any]) -> None:
        resource = layout.read_config("resourceconfig")
        inputs = layout.read_config("inputdataconfig")
        hosts = resource.get("hosts", ["algo-1"])
        host = resource.get("current_host", hosts[0])
        group = resource.get("current_group_name", GROUP)
        groups = resource.get("instance_groups") or [
            {"instance_group_name": group, "instance_type": "local", "hosts": hosts}
        ]
        by_name = {each["instance_group_name"]: each for each in groups}
        program = str(values.get("sagemaker_program") or os.environ.get("SAGEMAKER_PROGRAM") or "")
        self.program = program
        self.submit_directory = str(
            values.get("sagemaker_submit_directory") or os.environ.get("SAGEMAKER_SUBMIT_DIRECTORY") or ""
        )
        self.hosts = hosts
        self.user_arguments = arguments(user)
        self.description = {
            "additional_framework_parameters": framework,
            "channel_input_dirs": {name: str(layout.channel(name)) for name in inputs},
            "current_host": host,
            "current_instance_group": group,
            "current_instance_group_hosts": by_name.get(group, {}).get("hosts", hosts),
            "current_instance_type": resource.get("current_instance_type", "local"),
            "distribution_hosts": [],
            "distribution_instance_groups": [],
            "framework_module": os.environ.get("SAGEMAKER_TRAINING_MODULE"),
            "hosts": hosts,
            "hyperparameters": user,
            "input_config_dir": str(layout.input_config),
            "input_data_config": inputs,
            "input_dir": str(layout.input),
            "instance_groups": list(by_name),
            "instance_groups_dict": by_name,
            "is_hetero": len(by_name) > 1,
            "is_master": host == hosts[0],
            "is_modelparallel_enabled": None,
            "is_smddpmprun_installed": False,
            "is_smddprun_installed": False,
            "job_name": os.environ.get("TRAINING_JOB_NAME") or values.get("sagemaker_job_name"),
            "log_level": int(values.get("sagemaker_container_log_level", 20)),
            "master_hostname": hosts[0],
            "model_dir": str(layout.model),
            "module_dir": self.submit_directory or str(layout.code),
            "module_name": program[: -len(".py")] if program.endswith(".py") else program,
            "network_interface_name": resource.get("network_interface_name", "eth0"),
            "num_cpus": os.cpu_count(),
            "num_gpus": count_gpus(),
            "num_neurons": 0,
            "output_data_dir": str(layout.output_data),
            "output_dir": str(layout.output),
            "output_intermediate_dir": str(layout.intermediate),
            "resource_config": resource,
            "topology": None,
            "user_entry_point": program,
        }

    def variables(self) -> dict[str, str]:
        """Return the variables in the order in which the log shows them."""
        known = self.description
        shown = {
            "HOSTS": known["hosts"],
            "NETWORK_INTERFACE_NAME": known["network_interface_name"],
            "HPS": known["hyperparameters"],
            "USER_ENTRY_POINT": known["user_entry_point"],
            "FRAMEWORK_PARAMS": known["additional_framework_parameters"],
            "RESOURCE_CONFIG": known["resource_config"],
            "INPUT_DATA_CONFIG": known["input_data_config"],
            "OUTPUT_DATA_DIR": known["output_data_dir"],
            "CHANNELS": sorted(known["channel_input_dirs"]),
            "CURRENT_HOST": known["current_host"],
            "CURRENT_INSTANCE_TYPE": known["current_instance_type"],
            "CURRENT_INSTANCE_GROUP": known["current_instance_group"],
            "CURRENT_INSTANCE_GROUP_HOSTS": known["current_instance_group_hosts"],
            "INSTANCE_GROUPS": known["instance_groups"],
            "INSTANCE_GROUPS_DICT": known["instance_groups_dict"],
            "DISTRIBUTION_INSTANCE_GROUPS": known["distribution_instance_groups"],
            "IS_HETERO": known["is_hetero"],
            "MODULE_NAME": known["module_name"],
            "LOG_LEVEL": known["log_level"],
            "FRAMEWORK_MODULE": known["framework_module"],
            "INPUT_DIR": known["input_dir"],
            "INPUT_CONFIG_DIR": known["input_config_dir"],
            "OUTPUT_DIR": known["output_dir"],
            "NUM_CPUS": known["num_cpus"],
            "NUM_GPUS": known["num_gpus"],
            "NUM_NEURONS": known["num_neurons"],
            "MODEL_DIR": known["model_dir"],
            "MODULE_DIR": known["module_dir"],
            "TRAINING_ENV": known,
            "USER_ARGS": self.user_arguments,
            "OUTPUT_INTERMEDIATE_DIR": known["output_intermediate_dir"],
            **{"CHANNEL_" + name.upper(): path for name, path in known["channel_input_dirs"].items()},
            **{"HP_" + name.upper(): value for name, value in known["hyperparameters"].items()},
        }
        return {"SM_" + name: _text(value) for name, value in shown.items()}


def count_gpus() -> int:
    """Return how many GPUs ``nvidia-smi`` lists; 0 without that program."""
    program = shutil.which("nvidia-smi")
    if not program:
        return 0
    listed = subprocess.run([program, "--list-gpus"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False)
    return listed.stdout.decode(errors="replace").count("GPU ")


def python_path(code: str) -> str:
    """Return PYTHONPATH for the script: the code folder, then what this interpreter searches without its programs."""
    toolkit = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    own = (code, toolkit, os.path.dirname(os.path.abspath(sys.argv[0])))
    return os.pathsep.join([code, *(path for path in sys.path if path and path not in own)])


def _text(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True, separators=(",", ":"))
