"""The process runner: programs run as host processes in a container-like environment."""
