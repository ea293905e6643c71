"""Runners start the programs of jobs and endpoints: as host processes or as Docker containers.

They know nothing of SageMaker's API: they get a ``RunSpec`` and return an ``Outcome``.
"""
