"""What a run on AWS needs beside a local one: the account, the plan, the ledger's teardown, the bill, the proof.

Speaks boto3 only, and never imports the emulator.
"""
