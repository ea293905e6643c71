"""The project's file and the settings in force: what makes no sense is refused by name."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from harness.kernel.errors import StateError
from harness.settings import OTHER_VARIABLES, Settings, load_settings, misspelt, read_project


def _project(folder: Path, text: str) -> Path:
    (folder / "harness.toml").write_text(text)
    return folder


def test_the_command_line_wins_over_the_environment_and_that_over_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = _project(tmp_path, '[settings]\nregion = "eu-west-1"\naccount = "111111111111"\nport = 1\n')
    monkeypatch.setenv("HARNESS_ACCOUNT", "222222222222")
    monkeypatch.setenv("HARNESS_PORT", "2")
    settings = load_settings(project, port=3)
    assert (settings.region, settings.account, settings.port) == ("eu-west-1", "222222222222", 3)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("port = 1\n", r"'port' stands outside every table; write it below \[settings\]"),
        ("account_id = 1\n", r"'account_id' stands outside every table; .* \[profiles.NAME\]"),
        ("[port]\n", r"unknown table \[port\]; known: settings, images, profiles; 'port' is a key of \[settings\]"),
        ("[setings]\n", r"unknown table \[setings\]; known: settings, images, profiles"),
        ("[settings]\nregoin = 1\n", "unknown setting 'regoin'"),
        ('[settings]\nport = "many"\n', "'port': 'many' is not a whole number"),
        ("[settings]\nroles = 3\n", "'roles': 3 is not a list of role names"),
        ('[settings]\nroles = ["a b"]\n', "'roles': 'a b' in its list of role names is not a valid name"),
        ('[settings]\nrunner = "podman"\n', "'runner': 'podman' is none of process, docker"),
        ('[images]\n"a/b:1" = 3\n', r"\[images\] 'a/b:1' must name a local image, not 3"),
        ("[profiles]\nmine = 1\n", r"profile 'mine' must be a table"),
        ("settings = 1\n", r"'settings' must be a table"),
        ("[settings\n", "not valid TOML"),
    ],
)
def test_what_makes_no_sense_is_refused_by_name(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(StateError, match=told):
        load_settings(_project(tmp_path, text))


def test_the_tables_are_there_for_those_who_know_them(tmp_path: Path) -> None:
    text = '[images]\n"mine:1" = "local:1"\n[profiles.staging]\nkind = "docker"\n'
    project = read_project(_project(tmp_path, text))
    assert project.images == {"mine:1": "local:1"}
    assert project.profiles == {"staging": {"kind": "docker"}}


def test_the_users_images_are_part_of_the_settings_in_force_and_no_setting(tmp_path: Path) -> None:
    assert load_settings(_project(tmp_path, '[images]\n"mine:1" = "local:1"\n')).images == {"mine:1": "local:1"}
    with pytest.raises(StateError, match="unknown setting 'images'"):
        load_settings(_project(tmp_path, '[settings]\nimages = "mine"\n'))


def test_roles_are_a_list_in_the_file_and_separated_by_commas_in_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = _project(tmp_path, '[settings]\nroles = ["Mine", "service-role/Other"]\n')
    assert load_settings(project).roles == ("Mine", "service-role/Other")
    monkeypatch.setenv("HARNESS_ROLES", "A, B")
    assert load_settings(project).roles == ("A", "B")


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("HARNESS_INSTALL", "maybe", r"'install' \(HARNESS_INSTALL\): 'maybe' is not true, false, 1 or 0"),
        ("HARNESS_RUNNER", "podman", r"'runner' \(HARNESS_RUNNER\): 'podman' is none of process, docker"),
        ("HARNESS_GRACE", "long", r"'grace' \(HARNESS_GRACE\): 'long' is not a number"),
    ],
)
def test_a_variable_with_a_wrong_value_is_named_with_what_is_allowed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str, told: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(StateError, match=told):
        load_settings(tmp_path)


def test_misspelt_variables_are_told_with_the_one_that_is_meant() -> None:
    given = ["HARNESS_RUNER", "HARNESS_WARMPOOL", "HARNESS_RUNNER", "HARNESS_BUILD_ID", "RUNER", "HARNESS_OFLINE"]
    assert misspelt(dict.fromkeys(given, "x")) == {
        "HARNESS_OFLINE": "HARNESS_OFFLINE",
        "HARNESS_RUNER": "HARNESS_RUNNER",
        "HARNESS_WARMPOOL": "HARNESS_WARM_POOL",
    }


def test_every_variable_that_the_code_names_is_known() -> None:
    package = Path(__file__).parents[1] / "harness"
    named = {
        name
        for file in package.rglob("*.py")
        for name in re.findall(r"\"HARNESS_([A-Z0-9_]*[A-Z0-9])\"", file.read_text())
    }
    assert len(named) > 10
    assert named <= {*OTHER_VARIABLES, *(name.upper() for name in Settings.__dataclass_fields__)}
