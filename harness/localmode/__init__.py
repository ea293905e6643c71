"""The SDK's own local mode as a place for scenarios: it runs the containers, the harness supplies what it lacks.

Runs in the scenario's process. The SDK's ``LocalSession`` stays as it is: one of its own serves each job and endpoint.
"""
