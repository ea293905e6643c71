"""The SageMaker SDK's local mode: the session of the profile localmode, and a ``docker`` command without Docker."""
