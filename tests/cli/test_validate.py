"""``harness validate``: each thing that is wrong is found with its place and its remedy; nothing of it runs."""

from __future__ import annotations

from typing import Any

import pytest

from tests.projects import Project

HEAD = 'raise SystemExit("it ran")\nTITLE = "One"\nSDK = "v2"\nPARITY = "same-as-aws"\n'
RUN = "def run(session):\n    pass\n"
REGISTRY = "683313688378.dkr.ecr.us-east-1.amazonaws.com"


def found(project: Project, *names: str) -> list[dict[str, Any]]:
    import json

    done = project.run("validate", *names, "--json")
    told = json.loads(done.stdout)
    assert (done.returncode == 0) == told["valid"] == (not told["findings"])
    return told["findings"]  # type: ignore[no-any-return]


def write(project: Project, file: str, text: str | bytes) -> None:
    path = project.folder / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())


def test_what_is_right_is_said_to_be(project: Project) -> None:
    write(project, "scenarios/one.py", HEAD + 'NEEDS = ("docker",)\nTAGS = ("a")\n' + RUN)
    write(project, "scenarios/_shared.py", "nothing of a scenario")
    write(project, "scenarios/test_mine.py", "def test_it(): ...")
    write(project, "harness.toml", '[settings]\nport = 4600\n[profiles.fast]\nkind = "local"\n')
    write(project, "fixtures/one/README.md", "Licence: CC0 1.0")
    done = project.run("validate")
    assert (done.returncode, done.stdout) == (0, "checked 1 scenario, 1 fixture: nothing is wrong\n")


@pytest.mark.parametrize(
    ("text", "line", "problem", "remedy"),
    [
        ("def run(session:\n", 1, "is not valid Python", "correct the syntax"),
        (b"\xff\xfe", 0, "is not Python in UTF-8", "save it as UTF-8"),
        (HEAD.replace('SDK = "v2"\n', "") + RUN, 1, "does not state its SDK", 'SDK = "v2" or "v3"'),
        (HEAD.replace("v2", "v4") + RUN, 3, 'SDK is not "v2" or "v3"', 'SDK = "v2" or "v3"'),
        (HEAD.replace('TITLE = "One"\n', "") + RUN, 1, "has no TITLE", "TITLE ="),
        (HEAD, 1, "has no function run(session)", "def run(session)"),
        (HEAD + "def run():\n    pass\n", 5, "run does not take one argument", "def run(session)"),
        (HEAD + "async def run(session):\n    pass\n", 5, "run is asynchronous", "a plain function"),
        (HEAD + RUN + RUN, 7, "run is defined again", "keep one"),
        (HEAD + "TAGS = 3\n" + RUN, 5, "TAGS is not a tuple of texts", 'write it as TAGS = ("smoke",)'),
        (HEAD + 'NEEDS = ("dokcer",)\n' + RUN, 5, "needs dokcer, which is not known", "docker"),
        (HEAD.replace("PARITY", "CLAIM") + RUN, 1, "makes no parity claim", "exactly one"),
        (HEAD + 'PARITY = "local-only: faults"\n' + RUN, 5, "makes 2 parity claims", "exactly one"),
        (HEAD.replace("same-as-aws", "the same") + RUN, 4, "a parity claim is", "exactly one"),
        (HEAD + "from harness.engine import work\n" + RUN, 5, "imports harness.engine, a part of", "on AWS as well"),
        (HEAD + "import os, harness.gateway.server\n" + RUN, 5, "imports harness.gateway.server", "on AWS as well"),
        (HEAD + "from harness import stores\n" + RUN, 5, "imports harness.stores", "on AWS as well"),
        (HEAD + "import importlib\n\n\nimportlib.import_module('harness.kernel')\n"
         "importlib.import_module('harness.emulator')\n" + RUN, 9, "imports harness.emulator", "on AWS as well"),
        (HEAD + RUN + f'IMAGE = "{REGISTRY}/sagemaker-xgboost:9.0"\n', 7, "version '9.0' is not supported", "3.0-5"),
        (HEAD + RUN + f'IMAGE = "{REGISTRY}/pytorch:2.0"\n', 7, "pytorch:2.0' is not in the catalogue", "[images]"),
        (HEAD + RUN + 'image_uris.retrieve("xgboost", "us-east-1", version="0.91-1")\n', 7, "'0.91-1' is not", "1.7-1"),
        (HEAD + RUN + 'image_uris.retrieve("sklearn", region, "5")\n', 7, "version '5' is not supported", "1.4-2"),
        (HEAD + RUN + 'SKLearnProcessor(framework_version="9")\n', 7, "version '9' is not supported", "1.4-2"),
    ],
)  # fmt: skip
def test_a_scenario(project: Project, text: str | bytes, line: int, problem: str, remedy: str) -> None:
    write(project, "scenarios/one.py", text)
    (finding,) = found(project)
    assert (finding["file"], finding["line"]) == ("scenarios/one.py", line)
    assert problem in finding["problem"]
    assert remedy in finding["remedy"]


def test_images_that_are_known_otherwise(project: Project) -> None:
    body = RUN + f'IMAGE = "{REGISTRY}/mine:2.0"\n' + f'OTHER = "{REGISTRY}/sagemaker-xgboost:3.0-5"\n'
    write(project, "scenarios/one.py", HEAD + body)
    write(project, "scenarios/two.py", HEAD + 'NEEDS = ("docker",)\n' + body)
    assert [finding["file"] for finding in found(project)] == ["scenarios/one.py"]
    write(project, "harness.toml", '[images]\n"mine:2.0" = "mine:latest"\n')
    assert found(project) == []
    write(project, "harness.toml", '[settings]\nrunner = "docker"\n')
    assert found(project) == []


@pytest.mark.parametrize(
    ("text", "line", "problem", "remedy"),
    [
        ("[settings\n", 1, "is not valid TOML", "correct the file"),
        ("\nport = 1\n", 2, "'port' stands outside every table", "write it below [settings]"),
        ("\n[setings]\nport = 1\n", 2, "unknown table [setings]", "known: settings"),
        ("[settings]\nregion = 'us-east-1'\nprt = 1\n", 3, "unknown setting 'prt'", "port"),
        ("[settings]\nport = 'x'\n", 2, "setting 'port': 'x' is not a whole number", "correct the file"),
        ("[settings]\nrunner = 'vm'\n", 2, "'vm' is none of process, docker", "correct the file"),
        ("[images]\n'a' = 1\n", 2, "[images] 'a' must name a local image", "correct the file"),
        ("[profiles.x]\nkind = 'gcp'\n", 2, "kind 'gcp' is none of local", "correct the file"),
        ("[profiles.x]\nkind = 'local'\ncolour = 1\n", 3, "unknown key 'colour'", "known"),
        ("[profiles.aws]\nregion = 'us-east-1'\nrole = 'r'\n", 1, "needs account_id", "[profiles.aws]"),
        ("[profiles.aws]\naccount_id = 1\nregion = 'us-east-1'\nrole = 'r'\n", 2, "must be 12 digits", "correct"),
    ],
)
def test_harness_toml(project: Project, text: str, line: int, problem: str, remedy: str) -> None:
    write(project, "harness.toml", text)
    write(project, "scenarios/one.py", HEAD + RUN)
    (finding,) = found(project)
    assert (finding["file"], finding["line"]) == ("harness.toml", line)
    assert problem in finding["problem"]
    assert remedy in finding["remedy"]


def test_every_profile_is_looked_at(project: Project) -> None:
    write(project, "harness.toml", "[profiles.a]\nkind = 'x'\n[profiles.b]\nkind = 'aws'\n")
    assert [finding["line"] for finding in found(project)] == [2, 3]


def test_fixtures_need_a_licence_and_are_small(project: Project) -> None:
    write(project, "fixtures/bare/table.csv", "a,b\n")
    write(project, "fixtures/silent/README.md", "# The table\n\nColumns a and b.\n")
    write(project, "fixtures/open/README.md", "# Data\n\nSource and licence of the data: not stated yet.\n")
    write(project, "fixtures/noticed/NOTICE", "CC BY 4.0")
    write(project, "fixtures/named/README.md", "From the UCI repository, licensed under CC BY 4.0.\n")
    write(project, "fixtures/named/data/large.csv", b"0" * 6_000_000)
    write(project, "fixtures/named/__pycache__/large.pyc", b"0" * 6_000_000)
    places = {(finding["file"], finding["line"]): finding for finding in found(project)}
    assert set(places) == {
        ("fixtures/bare", 0),
        ("fixtures/silent", 0),
        ("fixtures/open/README.md", 3),
        ("fixtures/named/data/large.csv", 0),
    }
    assert "make it by a script" in places["fixtures/named/data/large.csv", 0]["remedy"]
    assert "name the licence in its README.md" in places["fixtures/bare", 0]["remedy"]


def test_only_what_is_named_is_checked(project: Project) -> None:
    write(project, "scenarios/one.py", HEAD + RUN)
    write(project, "scenarios/two.py", "")
    write(project, "fixtures/two/a.csv", "")
    assert found(project, "one") == []
    assert len(found(project, "two")) == 5
    assert len(found(project, "scenarios/two.py")) == 5
    refused = project.run("validate", "three")
    assert (refused.returncode, "no scenario 'three'; known: one, two" in refused.stderr) == (2, True)


def test_findings_are_told_with_place_and_remedy(project: Project) -> None:
    write(project, "scenarios/one.py", HEAD + "import harness.engine\n" + RUN)
    done = project.run("validate")
    assert done.returncode == 1
    first, remedy, last = done.stdout.splitlines()
    assert first == "scenarios/one.py:5: imports harness.engine, a part of the emulator"
    assert remedy.startswith("    a scenario runs on AWS as well")
    assert last == "checked 1 scenario, 0 fixtures: 1 finding"


def test_nor_does_it_run(project: Project) -> None:
    write(project, "scenarios/one.py", HEAD + "import harness.engine\n" + RUN)
    done = project.run("run", "one")
    assert done.returncode == 3
    assert "one.py imports harness.engine, a part of the emulator" in done.stderr


def test_settings_of_the_environment_are_told_as_such(project: Project) -> None:
    project.environment["HARNESS_PORT"] = "none"
    (finding,) = found(project)
    assert (finding["file"], finding["remedy"]) == ("HARNESS_* variables", "correct the environment")
