"""The execution role that every account of the emulator has from the start, in every backend."""

from __future__ import annotations

ROLE = "HarnessExecutionRole"
SESSION = "harness"
DESCRIPTION = "What SageMaker jobs of this emulator run as"
SERVICES = ("sagemaker.amazonaws.com", "lambda.amazonaws.com", "events.amazonaws.com", "scheduler.amazonaws.com")
TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": list(SERVICES)}, "Action": "sts:AssumeRole"}],
}
ALLOWED = ("s3", "logs", "cloudwatch", "ecr", "iam", "sts", "lambda", "events", "scheduler", "kms", "sns")
PERMISSIONS = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": [f"{service}:*" for service in ALLOWED], "Resource": "*"}],
}
INLINE_POLICY = "HarnessExecution"
MANAGED = "AmazonSageMakerFullAccess"
MANAGED_POLICY = f"arn:aws:iam::aws:policy/{MANAGED}"
LONGEST_SESSION = 43200
