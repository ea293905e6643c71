"""Compose files as the SDKs write them; everything else is refused by name."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from harness.localmode.docker_cli.compose_file import Service, parse
from harness.localmode.docker_cli.errors import UnsupportedCommand

ENVIRONMENT = {"HOME": "/home/anyone"}


def document(**service: Any) -> dict[str, Any]:
    return {
        "version": "2.3",
        "services": {"algo-1-abcde": {"image": "sagemaker-xgboost:3.0-5", **service}},
        "networks": {"sagemaker-local": {"name": "sagemaker-local"}},
    }


def one(**service: Any) -> Service:
    (parsed,) = parse(document(**service), ENVIRONMENT)
    return parsed


def test_a_service_of_sdk_v2() -> None:
    service = one(
        container_name="xyz-algo-1-abcde",
        stdin_open=True,
        tty=True,
        command="serve",
        environment=["A=1=2", "HOME", "UNSET"],
        volumes=["/tmp/a:/opt/ml/model", "/tmp/b:/opt/ml/output/data:z"],
        networks={"sagemaker-local": {"aliases": ["algo-1-abcde"]}},
        ports=["8081:8080"],
    )
    assert service == Service(
        name="algo-1-abcde",
        image="sagemaker-xgboost:3.0-5",
        hostname="algo-1-abcde",
        label="xyz-algo-1-abcde",
        command=("serve",),
        environment={"A": "1=2", "HOME": "/home/anyone"},
        volumes={"/opt/ml/model": Path("/tmp/a"), "/opt/ml/output/data": Path("/tmp/b")},
        ports={8081: 8080},
    )


def test_an_entrypoint_as_a_list_and_as_a_line() -> None:
    assert one(entrypoint=["python3", "/a b.py", 7]).entrypoint == ("python3", "/a b.py", "7")
    assert one(entrypoint="python3 '/a b.py'").entrypoint == ("python3", "/a b.py")


def test_a_service_of_sdk_v3_has_composes_own_label() -> None:
    assert one().label == "algo-1-abcde-1"


def test_variables_are_replaced_as_compose_does() -> None:
    assert one(environment=["A=$HOME and ${HOME} for $$5 and $UNSET"]).environment == {
        "A": "/home/anyone and /home/anyone for $5 and "
    }


@pytest.mark.parametrize(("size", "wanted"), [("64m", 64 << 20), ("1.5gb", 3 << 29), (100, 100), ("2k", 2048)])
def test_sizes(size: Any, wanted: int) -> None:
    assert one(shm_size=size).shm_bytes == wanted


@pytest.mark.parametrize(
    ("service", "named"),
    [
        ({"deploy": {"resources": {"reservations": {"devices": [{"count": "all"}]}}}}, "local_gpu"),
        ({"network_mode": "sagemaker"}, "network_mode"),
        ({"cap_add": ["SYS_PTRACE"]}, "cap_add"),
        ({"volumes": ["named:/opt/ml/model"]}, "named:/opt/ml/model"),
        ({"volumes": ["/tmp/a:/data"]}, "/tmp/a:/data"),
        ({"volumes": ["/tmp/a:/opt/ml/../../etc"]}, "/opt/ml/../../etc"),
        ({"volumes": ["/tmp/a:/opt/ml/model:ro"]}, ":ro"),
        ({"ports": ["8080:9000"]}, "8080:9000"),
        ({"ports": [8080]}, "8080"),
        ({"shm_size": "much"}, "much"),
        ({"environment": ["A=${HOME:-x}"]}, "${HOME:-x}"),
        ({"image": ""}, "algo-1-abcde"),
    ],
)
def test_refused_by_name(service: dict[str, Any], named: str) -> None:
    with pytest.raises(UnsupportedCommand, match=re.escape(named)):
        one(**service)


def test_an_unknown_table_and_a_file_without_services_are_refused() -> None:
    with pytest.raises(UnsupportedCommand, match="volumes"):
        parse({**document(), "volumes": {}}, ENVIRONMENT)
    with pytest.raises(UnsupportedCommand, match="services"):
        parse(None, ENVIRONMENT)
