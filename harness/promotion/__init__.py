"""Running scenarios on AWS: the account, the plan, preflight checks, cost, teardown and the proof of teardown.

The package talks to AWS through boto3 only and never imports the emulator.
"""
