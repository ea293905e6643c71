"""Programs: a ``RunSpec`` becomes a running program and then an ``Outcome``. Knows no SageMaker words."""
