"""The parts of a scenario's process on AWS: request defaults, the ledger of created resources, monitoring."""
