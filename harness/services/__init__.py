"""Implements the API operations, up to the response. Never waits for a job and knows nothing of HTTP.

A folder is named like the boto3 client, a file like the plural of the resource, a function like the boto3 method.
"""
