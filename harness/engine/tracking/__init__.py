"""Trial components and metrics that jobs leave in experiments."""
