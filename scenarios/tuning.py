"""Tuning the built-in XGBoost: random search over three hyperparameters, then the best model."""

import sagemaker
from sagemaker.estimator import Estimator
from sagemaker.inputs import TrainingInput
from sagemaker.tuner import ContinuousParameter, HyperparameterTuner, IntegerParameter

from harness.asserts import Expectations

TITLE = "Tuning: the built-in XGBoost, six training jobs, the best model"
SDK = "v2"
TAGS = ("xgboost", "tuning")
PARITY = "same-as-aws"

INSTANCE = "ml.m5.large"
JOBS = 6
RANGES = {
    "eta": ContinuousParameter(0.01, 0.5, "Logarithmic"),
    "max_depth": IntegerParameter(1, 6),
    "min_child_weight": ContinuousParameter(1, 10),
}


def run(session):
    expect = Expectations(session)
    sm = session.sagemaker_session()
    name = f"tuning-{session.run_id}"
    home = f"s3://{sm.default_bucket()}/{name}"

    with session.step("Stage the data"):
        data = session.made("breast_cancer/make.py", "channels")
        for channel in ("train", "validation"):
            sm.upload_data(str(data / channel), key_prefix=f"{name}/{channel}")

    with session.step("Tune"):
        estimator = Estimator(
            sagemaker.image_uris.retrieve("xgboost", session.region, version="3.0-5"),
            session.role,
            instance_count=1,
            instance_type=session.instance_type(INSTANCE),
            output_path=f"{home}/models",
            hyperparameters={"num_round": 20, "objective": "binary:logistic"},
            sagemaker_session=sm,
        )
        tuner = HyperparameterTuner(
            estimator,
            "validation:auc",
            RANGES,
            max_jobs=JOBS,
            max_parallel_jobs=2,
            strategy="Random",
            random_seed=7,
            base_tuning_job_name="tune",
        )
        channels = {
            channel: TrainingInput(f"{home}/{channel}/", content_type="text/csv") for channel in ("train", "validation")
        }
        tuner.fit(channels, wait=True)
        job = tuner.describe()
        expect.equal(job["TrainingJobStatusCounters"]["Completed"], JOBS, "all training jobs completed")

    with session.step("Compare the training jobs"):
        tried = tuner.analytics().dataframe().sort_values("FinalObjectiveValue", ascending=False)
        session.show("table", "Training jobs", columns=list(tried.columns), rows=tried.astype(str).values.tolist())
        best = job["BestTrainingJob"]
        expect.equal(best["TrainingJobName"], tried.iloc[0]["TrainingJobName"], "the best job has the best objective")
        expect.metric(best["TrainingJobName"], "validation:auc", 0.97, 1.0)

    with session.step("Load the best model"):
        expect.model(tuner.best_estimator().model_data)
