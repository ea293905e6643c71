"""The project's file and the settings in force: what makes no sense is refused by name."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.kernel.errors import StateError
from harness.settings import load_settings, read_project


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
        ('[settings]\nport = "many"\n', "'port': 'many' is not a valid int"),
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
