"""A user's program on sagemaker-experiments (smexperiments): a trial with two trackers, found again. Prints JSON."""

import json
import sys
import warnings
from pathlib import Path

warnings.simplefilter("ignore")

from smexperiments.experiment import Experiment  # noqa: E402
from smexperiments.search_expression import Filter, Operator, SearchExpression  # noqa: E402
from smexperiments.tracker import Tracker  # noqa: E402
from smexperiments.trial import Trial  # noqa: E402
from smexperiments.trial_component import TrialComponent  # noqa: E402

BUCKET, FOLDER = sys.argv[1], Path(sys.argv[2])

experiment = Experiment.create(experiment_name="Credit", description="by hand", tags=[{"Key": "team", "Value": "risk"}])
trial = Trial.create(trial_name="trial-1", experiment_name=experiment.experiment_name)
for number in (1, 2):
    with Tracker.create(display_name=f"tracker-{number}", artifact_bucket=BUCKET) as tracker:
        tracker.log_parameters({"depth": number, "kind": "tree"})
        tracker.log_input("data", "s3://somewhere/data.csv", media_type="text/csv")
        report = FOLDER / "report.txt"
        report.write_text(str(number))
        tracker.log_output_artifact(str(report), name="report")
    trial.add_trial_component(tracker.trial_component)

deeper = SearchExpression(filters=[Filter("Parameters.depth", Operator.GREATER_THAN, "1")])
found = {
    "experiments": [item.experiment_name for item in Experiment.list()],
    "loaded": Experiment.load("credit").description,
    "trials": [item.trial_name for item in experiment.list_trials()],
    "components": sorted(item.display_name for item in trial.list_trial_components()),
    "deeper": [item.display_name for item in TrialComponent.search(search_expression=deeper)],
    "parameters": TrialComponent.load(tracker.trial_component.trial_component_name).parameters,
    "outputs": sorted(TrialComponent.load(tracker.trial_component.trial_component_name).output_artifacts),
}
experiment.delete_all(action="--force")
found["left"] = [item.experiment_name for item in Experiment.list()]
print(json.dumps(found))
