"""Which AWS service a request is for: its signing name, made precise by what else stands in the request.

Most services sign with botocore's own name for them. `SIGNING_NAMES` holds those that don't, and those that share
one. A test compares the table with botocore's models.
"""

from __future__ import annotations

from collections.abc import Sequence

#: Signing name to the services that use it, likeliest first.
SIGNING_NAMES: dict[str, tuple[str, ...]] = {
    "access-analyzer": ("accessanalyzer",),
    "aidevops": ("devops-agent",),
    "airflow": ("mwaa",),
    "aoss": ("opensearchserverless",),
    "apigateway": ("apigateway", "apigatewayv2"),
    "appconfig": ("appconfig", "appconfigdata"),
    "aps": ("amp",),
    "aws-marketplace": ("meteringmarketplace",),
    "awsssoportal": ("sso",),
    "bedrock": ("bedrock", "bedrock-runtime", "bedrock-agent", "bedrock-agent-runtime"),
    "bedrock-agentcore": ("bedrock-agentcore", "bedrock-agentcore-control"),
    "cassandra": ("keyspaces",),
    "cloudcontrolapi": ("cloudcontrol",),
    "cloudhsm": ("cloudhsmv2", "cloudhsm"),
    "connect-campaigns": ("connectcampaigns", "connectcampaignsv2"),
    "dynamodb": ("dynamodb", "dynamodbstreams"),
    "elasticfilesystem": ("efs",),
    "elasticloadbalancing": ("elbv2", "elb"),
    "elasticmapreduce": ("emr",),
    "es": ("opensearch", "es"),
    "execute-api": ("apigatewaymanagementapi",),
    "geo": ("location",),
    "iotdata": ("iot-data",),
    "kinesisanalytics": ("kinesisanalyticsv2", "kinesisanalytics"),
    "kinesisvideo": ("kinesisvideo", "kinesis-video-archived-media"),
    "lex": ("lexv2-models", "lex-models", "lexv2-runtime", "lex-runtime"),
    "mediastore": ("mediastore", "mediastore-data"),
    "mobiletargeting": ("pinpoint",),
    "monitoring": ("cloudwatch",),
    "personalize": ("personalize", "personalize-events", "personalize-runtime"),
    "profile": ("customer-profiles",),
    "rds": ("rds", "neptune", "docdb"),
    "s3": ("s3", "s3control"),
    "sagemaker": ("sagemaker", "sagemaker-runtime", "sagemaker-metrics"),
    "servicecatalog": ("servicecatalog", "servicecatalog-appregistry"),
    "servicequotas": ("service-quotas",),
    "ses": ("sesv2", "ses"),
    "sso": ("sso-admin",),
    "sso-oauth": ("sso-oidc",),
    "states": ("stepfunctions",),
    "tagging": ("resourcegroupstaggingapi",),
    "timestream": ("timestream-query", "timestream-write"),
}

#: What the labs use, as botocore's name to signing name: loaded before the first request.
LABS_SERVICES: dict[str, str] = {
    "lambda": "lambda",
    "sqs": "sqs",
    "dynamodb": "dynamodb",
    "s3": "s3",
    "iam": "iam",
    "sts": "sts",
    "logs": "logs",
    "cloudwatch": "monitoring",
    "secretsmanager": "secretsmanager",
    "ssm": "ssm",
    "sns": "sns",
    "events": "events",
    "kms": "kms",
    "cloudtrail": "cloudtrail",
}

#: X-Amz-Target prefixes of services that answer unsigned calls, with their signing names.
UNSIGNED_TARGETS = {
    "AWSCognitoIdentityService": "cognito-identity",
    "AWSCognitoIdentityProviderService": "cognito-idp",
}

#: API versions of the query services: an unsigned call names no service, but its Version tells.
QUERY_VERSIONS = {
    "2011-06-15": "sts",
    "2010-05-08": "iam",
    "2012-11-05": "sqs",
    "2010-03-31": "sns",
    "2010-08-01": "monitoring",
    "2010-05-15": "cloudformation",
    "2016-11-15": "ec2",
    "2014-10-31": "rds",
    "2011-01-01": "autoscaling",
}

#: Operations that AWS lets anyone call, without a signature (others of the same services need one).
#: https://docs.aws.amazon.com/cognito/latest/developerguide/authentication-flows-public-server-side.html
UNSIGNED_OPERATIONS: dict[str, frozenset[str]] = {
    "sts": frozenset({"AssumeRoleWithWebIdentity", "AssumeRoleWithSAML"}),
    "cognito-identity": frozenset({"GetId", "GetOpenIdToken", "GetCredentialsForIdentity", "UnlinkIdentity"}),
    "cognito-idp": frozenset(
        {
            "AssociateSoftwareToken",
            "ChangePassword",
            "ConfirmDevice",
            "ConfirmForgotPassword",
            "ConfirmSignUp",
            "DeleteUser",
            "DeleteUserAttributes",
            "ForgetDevice",
            "ForgotPassword",
            "GetDevice",
            "GetUser",
            "GetUserAttributeVerificationCode",
            "GlobalSignOut",
            "InitiateAuth",
            "ListDevices",
            "ResendConfirmationCode",
            "RespondToAuthChallenge",
            "RevokeToken",
            "SetUserMFAPreference",
            "SetUserSettings",
            "SignUp",
            "UpdateDeviceStatus",
            "UpdateUserAttributes",
            "VerifySoftwareToken",
            "VerifyUserAttribute",
        }
    ),
}


def candidates(signing_name: str) -> Sequence[str]:
    """Botocore's names of the services that sign with this name, likeliest first."""
    return SIGNING_NAMES.get(signing_name, (signing_name,))
