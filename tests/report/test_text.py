from __future__ import annotations

import pytest

from harness.report import text


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b]0;title\x07after", "after"),
        ("nul \x00 bell \x07", "nul ␀ bell ␇"),
        ("tab\tline\n", "tab\tline\n"),
        ("\u202egpj.exe", "\ufffdgpj.exe"),
        ("half \ud800 pair", "half \ufffd pair"),
        ("plain ü 漢", "plain ü 漢"),
    ],
)
def test_what_cannot_be_seen_is_shown(given: str, shown: str) -> None:
    assert text.visible(given) == shown


def test_a_progress_bar_is_seen_as_it_ended() -> None:
    assert text.log(["10%\r50%\r100%", "done\r"]) == "100%\ndone"


def test_nothing_is_endless_and_what_is_left_out_is_said() -> None:
    assert len(text.log(["y"] * 10_000).splitlines()) == text.MOST_LINES
    assert len(text.log(["y" * 1000] * 10_000)) < text.LONGEST + 100
    assert "998,000 more characters" in text.log(["x" * 1_000_000])
    assert text.tail("a" * 50_000 + "KeyError").endswith("KeyError")
    assert "10,008 characters before this" in text.tail("a" * 50_000 + "KeyError")
    assert text.head("short") == text.tail("short") == "short"
