"""A user's program: two runs of one experiment, then what the SDK (of either generation) reads back. Prints JSON."""

import json
import sys
import warnings
from pathlib import Path

warnings.simplefilter("ignore")

try:
    from sagemaker import Session
    from sagemaker.analytics import ExperimentAnalytics
    from sagemaker.experiments import Run, list_runs, load_run
    from sagemaker.experiments.experiment import Experiment
except ImportError:
    from sagemaker.core.analytics import ExperimentAnalytics
    from sagemaker.core.experiments.experiment import Experiment
    from sagemaker.core.experiments.run import Run, list_runs, load_run
    from sagemaker.core.helper.session_helper import Session

BUCKET, FOLDER = sys.argv[1], Path(sys.argv[2])
session = Session()

for number, name in enumerate(("First", "Second"), 1):
    with Run("Credit", run_name=name, sagemaker_session=session, artifact_bucket=BUCKET) as run:
        run.log_parameter("max_depth", number)
        run.log_parameters({"objective": "binary:logistic", "eta": 0.1})
        for step in range(12):
            run.log_metric("auc", number * 0.1 + step * 0.01, step=step)
        report = FOLDER / "report.txt"
        report.write_text(name)
        run.log_file(str(report), name="report", is_output=True)
        run.log_artifact("data", "s3://somewhere/data.csv", media_type="text/csv", is_output=False)
        run.log_roc_curve([0, 1, 1, 0], [0.1, 0.8, 0.7, 0.2], title="roc")

with load_run(experiment_name="Credit", run_name="First", sagemaker_session=session) as run:
    run.log_parameter("later", "yes")

table = ExperimentAnalytics(
    experiment_name="credit", sort_by="metrics.auc.max", sort_order="Descending", sagemaker_session=session
).dataframe()
runs = list_runs("credit", sagemaker_session=session)
associations = session.sagemaker_client.list_associations()["AssociationSummaries"]
found = {
    "table": json.loads(table.to_json(orient="records")),
    "runs": sorted(run.run_name for run in runs),
    "associations": sorted([item["AssociationType"], item.get("SourceName", "")] for item in associations),
}
Experiment.load("credit", sagemaker_session=session)._delete_all(action="--force")
found["left"] = [
    session.sagemaker_client.list_experiments()["ExperimentSummaries"],
    session.sagemaker_client.list_trial_components()["TrialComponentSummaries"],
]
print(json.dumps(found))
