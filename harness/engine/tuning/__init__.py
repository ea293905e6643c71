"""Tuning jobs after the answer: training jobs with hyperparameters that a search chooses."""
