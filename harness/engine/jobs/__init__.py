"""Jobs after Create was answered: queue, staging, training, processing and transform."""
