"""Entry point of the Model Monitor analyzer image: one data-quality run, described by its environment."""

from __future__ import annotations

import sys

from monitor_analyzer.entry import main

if __name__ == "__main__":
    sys.exit(main())
