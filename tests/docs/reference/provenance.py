"""How many tests expect what AWS was seen to do, what AWS documents, and what is assumed."""

from __future__ import annotations

from collections import Counter

from tests.docs.reference.markdown import document, table
from tests.provenance import OWN, PACKAGES, WORDS, Provenance, of_package


def page() -> str:
    packages = {package: of_package(package) for package in PACKAGES}
    everything = [each for found in packages.values() for each in found]
    rows = [[f"`tests/{package}`", *_counts(found)] for package, found in packages.items()]
    return document(
        "Where the tests' expectations come from",
        "Each test of these packages says whether the behaviour of AWS that it expects was recorded, documented or "
        "assumed. A test function counts once, whatever its number of parameters. Where one module holds tests of "
        "several origins, the tests that differ from the module are marked by themselves.",
        table(["word", "meaning"], [[f"`{word}`", meaning] for word, meaning in WORDS.items()]),
        "Counted apart are the tests of harness's own behaviour, for which AWS has nothing to compare "
        "with: recovery after a kill, full disks, caches, and the refusal of what is not supported.",
        table(
            ["package", *WORDS, OWN, "tests"],
            [*rows, ["all", *_counts(everything)]],
        ),
        *(part for word in WORDS for part in _sources(word, everything)),
    )


def _counts(found: list[Provenance]) -> list[str]:
    words = [sum(1 for each in found if each.word == word and each.source != OWN) for word in WORDS]
    return [*map(str, words), str(sum(1 for each in found if each.source == OWN)), str(len(found))]


def _sources(word: str, found: list[Provenance]) -> list[str]:
    counted = Counter(each.source for each in found if each.word == word and each.source != OWN)
    return [
        f"## {word.capitalize()}",
        table(["source", "tests"], [[name, str(counted[name])] for name in sorted(counted)]),
    ]
