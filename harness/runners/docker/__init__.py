"""The Docker runner: jobs run as containers of Docker Engine."""
