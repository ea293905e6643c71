"""A user's program on plain boto3: accounts, regions, presigned addresses and big objects. Prints JSON."""

import hashlib
import json
import os
import urllib.request

import boto3
from boto3.s3.transfer import TransferConfig
from botocore.exceptions import ClientError

other = boto3.Session(aws_access_key_id="111122223333", aws_secret_access_key="anything", region_name="eu-west-1")
ROLE = "arn:aws:iam::111122223333:role/Anyone"
s3 = other.client("s3")
s3.create_bucket(Bucket="other", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})

# A big file in several parts, and a part of it back.
size = 20 * 1024 * 1024 + 7
data = os.urandom(1024) * (size // 1024 + 1)
data = data[:size]
with open("big.bin", "wb") as file:
    file.write(data)
s3.upload_file("big.bin", "other", "big.bin", Config=TransferConfig(multipart_chunksize=6 * 1024 * 1024))
head = s3.head_object(Bucket="other", Key="big.bin")
s3.download_file("other", "big.bin", "back.bin")
with open("back.bin", "rb") as file:
    back = hashlib.sha256(file.read()).hexdigest() == hashlib.sha256(data).hexdigest()
part = s3.get_object(Bucket="other", Key="big.bin", Range="bytes=10-19")["Body"].read() == data[10:20]
s3.copy({"Bucket": "other", "Key": "big.bin"}, "other", "copies/big.bin")

# Presigned addresses, used by a program that knows nothing of AWS.
put = s3.generate_presigned_url("put_object", Params={"Bucket": "other", "Key": "by/hand é.txt"}, ExpiresIn=60)
with urllib.request.urlopen(urllib.request.Request(put, data=b"hello", method="PUT")) as response:
    status = response.status
get = s3.generate_presigned_url("get_object", Params={"Bucket": "other", "Key": "by/hand é.txt"}, ExpiresIn=60)
with urllib.request.urlopen(get) as response:
    said = response.read().decode()

sagemaker = other.client("sagemaker")
image = "141502667606.dkr.ecr.eu-west-1.amazonaws.com/sagemaker-xgboost:3.0-5"
created = sagemaker.create_model(ModelName="there", ExecutionRoleArn=ROLE, PrimaryContainer={"Image": image})
try:
    boto3.client("sagemaker").describe_model(ModelName="there")
    seen = True
except ClientError as error:
    seen = error.response["Error"]["Message"]

print()
print(
    json.dumps(
        {
            "account": other.client("sts").get_caller_identity()["Account"],
            "own account": boto3.client("sts").get_caller_identity()["Account"],
            "location": s3.get_bucket_location(Bucket="other")["LocationConstraint"],
            "parts": head["ETag"].strip('"').rpartition("-")[2],
            "size": head["ContentLength"] == size,
            "back": back,
            "part": part,
            "keys": [item["Key"] for item in s3.list_objects_v2(Bucket="other")["Contents"]],
            "presigned": [status, said],
            "arn": created["ModelArn"],
            "seen by others": seen,
        }
    )
)
