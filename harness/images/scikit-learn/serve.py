"""`serve` of the scikit-learn image: serves a model with the user's functions. Nothing happens on import."""

from __future__ import annotations

import os
import sys

sys.path.insert(1, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "toolkit"))


def main() -> None:
    import sklearn_defaults
    from framework_toolkit.serving import serve

    serve(sklearn_defaults)


if __name__ == "__main__":
    main()
