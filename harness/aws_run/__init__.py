"""What a scenario's process does on AWS: request defaults, the ledger of created resources, monitoring."""
