"""`train` of the built-in XGBoost image. Nothing happens on import."""

from __future__ import annotations

import os
import sys

sys.path.insert(1, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "toolkit"))


def main() -> None:
    # Threads that wait for work by spinning take the processors of other jobs. Read when XGBoost is first imported.
    os.environ.setdefault("GOMP_SPINCOUNT", "10000")

    from framework_toolkit.training import Framework, train, wants_script

    if wants_script():
        sys.exit(train(Framework("sagemaker_xgboost_container.training:main", as_module=True)))

    from xgboost_container.layout import current_layout
    from xgboost_container.logs import configure_logging
    from xgboost_container.outcome import run_to_outcome
    from xgboost_container.termination import die_on_sigterm
    from xgboost_container.versions import current_version

    version = current_version()
    layout = current_layout()
    configure_logging(version)
    die_on_sigterm()

    def run() -> None:
        from xgboost_container.training import run_training

        run_training(layout, version)

    sys.exit(run_to_outcome(layout, run))


if __name__ == "__main__":
    main()
