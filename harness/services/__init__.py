"""What each operation means, before the answer. Never waits for a job, never speaks HTTP.

The folder is the boto3 client, the file the plural noun, the function the boto3 method.
"""
