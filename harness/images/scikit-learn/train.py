"""`train` of the scikit-learn image: runs the user's script. Nothing happens on import."""

from __future__ import annotations

import os
import sys

sys.path.insert(1, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "toolkit"))


def main() -> None:
    from framework_toolkit.training import Framework, train

    sys.exit(train(Framework("sagemaker_sklearn_container.training:main", "Invoking user training script.")))


if __name__ == "__main__":
    main()
