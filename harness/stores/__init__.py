"""Storage of records, objects, job logs and cached results. Holds no rules of SageMaker."""
