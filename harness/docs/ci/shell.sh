#!/bin/sh
# Any CI, or a person: installs harness, then plays the project's scenarios and tests.
#   sh shell.sh install    needs the package index
#   sh shell.sh test       needs no network
# HARNESS is what is installed: a package name, a wheel, or git+https://… of this project.
set -eu

install() {
    python3 -m venv .venv
    .venv/bin/pip install -q uv
    .venv/bin/uv pip install -q --python .venv/bin/python "${HARNESS:-sagemaker-harness}"
    .venv/bin/harness images pull xgboost:3.0-5 scikit-learn:1.4-2
}

run() {
    .venv/bin/harness doctor
    .venv/bin/harness validate
    .venv/bin/harness run --report-dir report/scenarios
    .venv/bin/python -m pytest tests --junitxml=report/pytest.xml
}

case "${1:-}" in
    install) install ;;
    test) run ;;
    *) echo "usage: sh shell.sh install|test" >&2; exit 2 ;;
esac
