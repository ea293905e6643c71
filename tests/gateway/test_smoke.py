import json, urllib.request
def test_it(served):
    print(urllib.request.urlopen(served.address + "/_harness/health").read())
    served.operations["sagemaker","DescribeModel"]=lambda scope, r: {"ModelName": r["ModelName"], "CreationTime": 1.5, "ModelArn": scope.arn("model", r["ModelName"]), "ExecutionRoleArn": "x"}
    c=served.client("sagemaker"); print(c.describe_model(ModelName="x"))
    async def inv(scope, r): return {"Body": r["Body"][::-1], "ContentType": r["ContentType"]}
    served.operations["sagemaker-runtime","InvokeEndpoint"]=inv
    r=served.client("sagemaker-runtime").invoke_endpoint(EndpointName="x",Body=b"abc",ContentType="text/csv"); print(r, r["Body"].read())
    print(served.client("sts").meta, served.client("s3").put_object(Bucket="b",Key="k/ü x",Body=b"x"*100))
    print((served.state/"emulator.log").read_text())
