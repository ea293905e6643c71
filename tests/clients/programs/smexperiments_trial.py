"""A user's program on sagemaker-experiments: a tracker with an artifact, found again, then cleaned up. Prints JSON."""

import json
import warnings
from pathlib import Path

warnings.simplefilter("ignore")

import boto3  # noqa: E402
from smexperiments.experiment import Experiment  # noqa: E402
from smexperiments.search_expression import Filter, Operator, SearchExpression  # noqa: E402
from smexperiments.tracker import Tracker  # noqa: E402
from smexperiments.trial import Trial  # noqa: E402
from smexperiments.trial_component import TrialComponent  # noqa: E402

experiment = Experiment.create(experiment_name="by-hand")
trial = experiment.create_trial(trial_name="first")
Path("note.txt").write_text("a note\n")
with Tracker.create(display_name="tracked") as tracker:
    tracker.log_parameters({"max_depth": 4, "objective": "binary:logistic"})
    tracker.log_artifact("note.txt", name="note")
trial.add_trial_component(tracker.trial_component)

again = TrialComponent.load(tracker.trial_component.trial_component_name)
artifacts = {**again.input_artifacts, **again.output_artifacts}
bucket, _, key = artifacts["note"].value.removeprefix("s3://").partition("/")
note = boto3.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read().decode()
expression = SearchExpression(filters=[Filter(name="TrialName", operator=Operator.EQUALS, value="first")])
found = [item.trial_name for item in Trial.search(search_expression=expression)]
components = [summary.display_name for summary in trial.list_trial_components()]

trial.remove_trial_component(tracker.trial_component)
tracker.trial_component.delete()
trial.delete()
experiment.delete()
print()
print(
    json.dumps(
        {
            "parameters": again.parameters,
            "outputs": list(artifacts),
            "note": note,
            "components": components,
            "found": found,
            "left": [item.experiment_name for item in Experiment.list()],
        }
    )
)
