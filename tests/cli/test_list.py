"""``harness list``: what a scenario needs and claims, and how it went last."""

from __future__ import annotations

from tests.projects import Project

HEAD = 'SDK = "v2"\nTITLE = "The title"\nPARITY = "local-only: it tests the list"\nTAGS = ("a",)\n'


def test_scenarios_with_needs_claim_and_last_result(project: Project) -> None:
    project.scenario("fine", "pass", head=HEAD)
    project.scenario("needy", "raise SystemExit(1)", head=HEAD + 'NEEDS = ("no-such-part",)\n')
    before = {each["name"]: each for each in project.json("list")}
    assert before["fine"]["last_result"] is None
    assert before["fine"]["parity"] == {"claim": "local-only", "reason": "it tests the list"}
    assert (before["needy"]["needs"], before["needy"]["missing"]) == (["no-such-part"], ["no-such-part"])
    assert project.run("run", "fine").returncode == 0
    after = {each["name"]: each for each in project.json("list")}
    assert after["fine"]["last_result"]["passed"] is True
    assert after["needy"]["last_result"] is None
    heads, fine, needy = project.run("list").stdout.splitlines()
    assert heads.split() == ["name", "SDK", "last", "run", "needs", "AWS", "tags", "title"]
    assert fine.split()[:3] == ["fine", "v2", "passed"]
    assert " never " in needy
    assert " no-such-part (missing) " in needy
