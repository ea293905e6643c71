# A user's script on the AWS CLI: objects, a job from creation to its log, an endpoint.
set -eu
role=arn:aws:iam::123456789012:role/Anyone
registry=683313688378.dkr.ecr.us-east-1.amazonaws.com
programs=$1

aws s3 mb s3://shop
mkdir -p local/train
i=0
while [ $i -lt 200 ]; do echo "$((i % 2)),$((i % 2 + i % 7)),$((i % 5))"; i=$((i + 1)); done > local/train/train.csv
aws s3 sync local s3://shop/data --no-progress
aws s3 cp "$programs/ticks.py" s3://shop/code/ticks.py --no-progress
head -c 20000000 /dev/urandom > big.bin
aws s3 cp big.bin s3://shop/big.bin --no-progress
aws s3 cp s3://shop/big.bin - | cmp - big.bin && echo "big file: same"

aws sagemaker create-processing-job --processing-job-name talk --role-arn $role \
  --app-specification "ImageUri=$registry/sagemaker-scikit-learn:1.4-2-cpu-py3,ContainerEntrypoint=python3,/opt/ml/processing/code/ticks.py,1" \
  --processing-inputs '[{"InputName":"code","S3Input":{"S3Uri":"s3://shop/code","LocalPath":"/opt/ml/processing/code","S3DataType":"S3Prefix","S3InputMode":"File"}}]' \
  --processing-resources 'ClusterConfig={InstanceCount=1,InstanceType=ml.m5.large,VolumeSizeInGB=1}'
aws sagemaker wait processing-job-completed-or-stopped --processing-job-name talk
python3 -c 'import time; print("returned at", time.time())'
aws sagemaker describe-processing-job --processing-job-name talk --query '[ProcessingJobStatus, ProcessingEndTime]' --output text
stream=$(aws logs describe-log-streams --log-group-name /aws/sagemaker/ProcessingJobs --log-stream-name-prefix talk/ --query 'logStreams[0].logStreamName' --output text)
aws logs get-log-events --log-group-name /aws/sagemaker/ProcessingJobs --log-stream-name "$stream" --start-from-head --query 'events[].[message]' --output text | grep -c '^tick'

aws sagemaker create-training-job --training-job-name model --role-arn $role \
  --algorithm-specification TrainingImage=$registry/sagemaker-xgboost:3.0-5,TrainingInputMode=File \
  --hyper-parameters num_round=5,objective=binary:logistic \
  --input-data-config '[{"ChannelName":"train","ContentType":"text/csv","DataSource":{"S3DataSource":{"S3DataType":"S3Prefix","S3Uri":"s3://shop/data/train/"}}}]' \
  --output-data-config S3OutputPath=s3://shop/models --resource-config InstanceType=ml.m5.large,InstanceCount=1,VolumeSizeInGB=1 \
  --stopping-condition MaxRuntimeInSeconds=60
aws sagemaker wait training-job-completed-or-stopped --training-job-name model
aws sagemaker list-training-jobs --query 'TrainingJobSummaries[].[TrainingJobName,TrainingJobStatus]' --output text
model=$(aws sagemaker describe-training-job --training-job-name model --query ModelArtifacts.S3ModelArtifacts --output text)

aws sagemaker create-model --model-name model --execution-role-arn $role --primary-container Image=$registry/sagemaker-xgboost:3.0-5,ModelDataUrl="$model"
aws sagemaker create-endpoint-config --endpoint-config-name config --production-variants VariantName=AllTraffic,ModelName=model,InitialInstanceCount=1,InstanceType=ml.m5.large
aws sagemaker create-endpoint --endpoint-name endpoint --endpoint-config-name config
aws sagemaker wait endpoint-in-service --endpoint-name endpoint
printf '0,1\n7,2\n' > body.csv
aws sagemaker-runtime invoke-endpoint --endpoint-name endpoint --content-type text/csv --body fileb://body.csv answer.csv
wc -l < answer.csv
aws sagemaker delete-endpoint --endpoint-name endpoint
aws sagemaker wait endpoint-deleted --endpoint-name endpoint
aws sagemaker list-models --query 'Models[].ModelName' --output text
aws sagemaker describe-endpoint --endpoint-name endpoint || echo "refused with $?"
aws sts get-caller-identity --query Account --output text
