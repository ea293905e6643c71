"""The container contract as pure functions: which files and ``RunSpec`` a record needs, and what an image URI runs."""
