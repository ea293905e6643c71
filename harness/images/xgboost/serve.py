"""`serve` of the built-in XGBoost image. Nothing happens on import."""

from __future__ import annotations

import os
import sys

sys.path.insert(1, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "toolkit"))


def main() -> None:
    # Threads that wait for work by spinning take the processors of other jobs. Read when XGBoost is first imported.
    os.environ.setdefault("GOMP_SPINCOUNT", "10000")

    from xgboost_container.layout import current_layout
    from xgboost_container.logs import configure_logging
    from xgboost_container.termination import die_on_sigterm
    from xgboost_container.versions import current_version

    version = current_version()
    configure_logging(version)
    die_on_sigterm()
    if os.environ.get("SAGEMAKER_MULTI_MODEL"):
        sys.exit("Multi-model serving (SAGEMAKER_MULTI_MODEL) is not supported by this image.")

    if os.environ.get("SAGEMAKER_PROGRAM"):
        from framework_toolkit.serving import serve
        from xgboost_container import script_defaults

        serve(script_defaults)
        return

    import asyncio

    from xgboost_container.server import run_server

    asyncio.run(run_server(current_layout(), version))
    # Threads may still be predicting; nobody waits for their answers any more.
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
