"""The SageMaker SDK's local mode: the session of scenarios in the profile localmode, and ``docker`` without Docker."""
