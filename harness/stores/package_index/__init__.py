"""The package index of jobs: what pip and uv of this machine are configured for, cached on disk."""
