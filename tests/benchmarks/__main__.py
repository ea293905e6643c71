"""``python -m tests.benchmarks [NAME…]``: every benchmark, or those named; prints one table."""

from __future__ import annotations

import importlib
import sys

from tests.benchmarks.table import Figure, print_table

NAMES = (
    "starting",
    "jobs",
    "lists",
    "invocations",
    "two_instances",
    "transform",
    "statistics",
    "scenario",
    "local_mode",
)


def main(names: list[str]) -> int:
    unknown = set(names) - set(NAMES)
    if unknown:
        print(f"no benchmark {', '.join(sorted(unknown))}; there are: {', '.join(NAMES)}", file=sys.stderr)
        return 2
    figures: list[Figure] = []
    for name in names or NAMES:
        print(f"… {name}", file=sys.stderr, flush=True)
        figures += importlib.import_module(f"tests.benchmarks.{name}").measure()
    print_table(figures)
    return int(any(figure.verdict == "MISSED" for figure in figures))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
