"""The orders service as a SAM application: what tests and the bench deploy."""

from __future__ import annotations

import sys
from pathlib import Path

RUNTIME = f"python{sys.version_info.major}.{sys.version_info.minor}"

TEMPLATE = f"""\
AWSTemplateFormatVersion: "2010-09-09"
Transform: AWS::Serverless-2016-10-31
Description: Takes orders over HTTP, keeps them in a table, ships them from a queue.
Parameters:
  Stage:
    Type: String
    AllowedValues: [dev, staging, prod]
    Default: dev
  Attempts:
    Type: Number
    MinValue: 1
    MaxValue: 10
    Default: 3
Conditions:
  Production: !Equals [!Ref Stage, prod]
Globals:
  Function:
    Runtime: {RUNTIME}
    Timeout: 10
    MemorySize: 256
    Tracing: Active
    Layers: [!Ref Shared]
    Environment:
      Variables:
        STAGE: !Ref Stage
        ORDERS: !Ref Orders
        SHIPPING: !Ref Shipping
Resources:
  Api:
    Type: AWS::Serverless::HttpApi
    Properties:
      CorsConfiguration:
        AllowOrigins: ["https://shop.example.com"]
        AllowMethods: [GET, POST]
  Taking:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: taking/
      Handler: app.handler
      AutoPublishAlias: live
      Policies:
        - DynamoDBCrudPolicy: {{TableName: !Ref Orders}}
        - SQSSendMessagePolicy: {{QueueName: !GetAtt Shipping.QueueName}}
      Events:
        Place:
          Type: HttpApi
          Properties: {{ApiId: !Ref Api, Method: post, Path: /orders}}
        Read:
          Type: HttpApi
          Properties: {{ApiId: !Ref Api, Method: get, Path: "/orders/{{id}}"}}
  Sending:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: sending/
      Handler: app.handler
      Policies:
        - DynamoDBCrudPolicy: {{TableName: !Ref Orders}}
      Events:
        Shipped:
          Type: SQS
          Properties:
            Queue: !GetAtt Shipping.Arn
            BatchSize: 10
            FunctionResponseTypes: [ReportBatchItemFailures]
  Shared:
    Type: AWS::Serverless::LayerVersion
    Properties:
      ContentUri: shared/
      CompatibleRuntimes: [{RUNTIME}]
      RetentionPolicy: Delete
  Orders:
    Type: AWS::DynamoDB::Table
    Properties:
      BillingMode: PAY_PER_REQUEST
      AttributeDefinitions: [{{AttributeName: id, AttributeType: S}}]
      KeySchema: [{{AttributeName: id, KeyType: HASH}}]
      SSESpecification: {{SSEEnabled: true}}
      PointInTimeRecoverySpecification:
        PointInTimeRecoveryEnabled: !If [Production, true, false]
  Shipping:
    Type: AWS::SQS::Queue
    Properties:
      VisibilityTimeout: 60
      RedrivePolicy:
        deadLetterTargetArn: !GetAtt Lost.Arn
        maxReceiveCount: !Ref Attempts
  Lost:
    Type: AWS::SQS::Queue
    Properties: {{MessageRetentionPeriod: 1209600}}
  TakingLog:
    Type: AWS::Logs::LogGroup
    Properties:
      LogGroupName: !Sub /aws/lambda/${{Taking}}
      RetentionInDays: !If [Production, 90, 7]
  SendingLog:
    Type: AWS::Logs::LogGroup
    Properties:
      LogGroupName: !Sub /aws/lambda/${{Sending}}
      RetentionInDays: 7
Outputs:
  Url:
    Description: Where orders are taken
    Value: !Sub "https://${{Api}}.execute-api.${{AWS::Region}}.${{AWS::URLSuffix}}"
  Table:
    Value: !Ref Orders
  TakingArn:
    Value: !GetAtt Taking.Arn
  TakingVersion:
    Value: !Ref Taking.Version
"""

TAKING = """\
import json
import os

import boto3
from shop import answer

WORD = "taken"
orders = boto3.resource("dynamodb").Table(os.environ["ORDERS"])
queue = boto3.client("sqs")


def handler(event, context):
    if event.get("httpMethod") or event.get("requestContext", {}).get("http", {}).get("method") == "POST":
        order = {"id": json.loads(event["body"])["id"], "state": WORD}
        orders.put_item(Item=order)
        queue.send_message(QueueUrl=os.environ["SHIPPING"], MessageBody=json.dumps(order))
        print("order", order["id"], WORD)
        return answer(201, order)
    found = orders.get_item(Key={"id": event["pathParameters"]["id"]}).get("Item")
    return answer(200, found) if found else answer(404, {"message": "no such order"})
"""

SENDING = """\
import json
import os

import boto3

orders = boto3.resource("dynamodb").Table(os.environ["ORDERS"])


def handler(event, context):
    for record in event["Records"]:
        orders.put_item(Item={"id": json.loads(record["body"])["id"], "state": "sent"})
    return {"batchItemFailures": []}
"""

SHARED = """\
import json


def answer(status, body):
    return {"statusCode": status, "headers": {"content-type": "application/json"}, "body": json.dumps(body)}
"""


def write(folder: Path, template: str = TEMPLATE) -> None:
    """The application's files."""
    files = {
        "template.yaml": template,
        "taking/app.py": TAKING,
        "sending/app.py": SENDING,
        "shared/python/shop.py": SHARED,
    }
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
