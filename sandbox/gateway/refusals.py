"""What moto would only pretend to do, and the sandbox therefore refuses by name.

moto stores these things and reports success, but nothing happens: no stack comes up, nothing is scaled, no
machine starts. Each line goes when a part of the sandbox really does it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from sandbox.gateway.call import AwsError

#: Says why these parameters can't be honoured; None if they can.
Objection = Callable[[Mapping[str, Any]], str | None]

_NO_FUNCTION = "nothing would invoke the function"
_NO_SCALING = "nothing would be scaled"
_NO_DATABASE = "there is no database behind it"
_NO_MACHINE = "there are no machines or containers behind it"
_NO_TRAFFIC = "nothing listens at the address it would get"
_NO_MODEL = "there is no model behind it"
_NO_TIMER = "nothing would start it at its time"
_NO_MAIL = "nothing leaves this machine: no message would be sent"
_NO_ENGINE = "there is no engine behind it that would run it"
_NO_POLICY = "policies of these resources are not evaluated"
_NO_CONSOLE = "there is no console to sign in to"

#: Services of which nothing is answered.
SERVICES: Mapping[str, str] = {
    "apigatewaymanagementapi": _NO_TRAFFIC,
    "athena": _NO_ENGINE,
    "batch": _NO_MACHINE,
    "bedrock-runtime": _NO_MODEL,
    "cloudfront": _NO_TRAFFIC,
    "codebuild": _NO_MACHINE,
    "codepipeline": _NO_ENGINE,
    "comprehend": _NO_MODEL,
    "docdb": _NO_DATABASE,
    "elasticache": _NO_DATABASE,
    "elb": _NO_TRAFFIC,
    "elbv2": _NO_TRAFFIC,
    "emr": _NO_MACHINE,
    "emr-serverless": _NO_MACHINE,
    "neptune": _NO_DATABASE,
    "opensearch": _NO_DATABASE,
    "pinpoint": _NO_MAIL,
    "pipes": _NO_ENGINE,
    "polly": _NO_MODEL,
    "rds": _NO_DATABASE,
    "rds-data": _NO_DATABASE,
    "redshift": _NO_DATABASE,
    "redshift-data": _NO_DATABASE,
    "rekognition": _NO_MODEL,
    "sagemaker": _NO_MODEL,
    "sagemaker-runtime": _NO_MODEL,
    "scheduler": _NO_TIMER,
    "ses": _NO_MAIL,
    "sesv2": _NO_MAIL,
    "synthetics": _NO_TIMER,
    "textract": _NO_MODEL,
    "timestream-query": _NO_DATABASE,
    "transcribe": _NO_MODEL,
    "xray": "traces are not collected",
}

#: Single operations: service to operation to reason.
OPERATIONS: Mapping[str, Mapping[str, str]] = {
    "acm-pca": {"PutPolicy": _NO_POLICY},
    "application-autoscaling": {
        "PutScalingPolicy": _NO_SCALING,
        "PutScheduledAction": _NO_TIMER,
        "RegisterScalableTarget": _NO_SCALING,
    },
    "autoscaling": {
        "CreateAutoScalingGroup": _NO_MACHINE,
        "PutScalingPolicy": _NO_SCALING,
        "SetDesiredCapacity": _NO_MACHINE,
    },
    "cloudhsmv2": {"PutResourcePolicy": _NO_POLICY},
    "dsql": {"PutClusterPolicy": _NO_POLICY},
    "ec2": {
        "RequestSpotFleet": _NO_MACHINE,
        "RequestSpotInstances": _NO_MACHINE,
        "RunInstances": _NO_MACHINE,
        "StartInstances": _NO_MACHINE,
        "CreateFleet": _NO_MACHINE,
    },
    "ecr": {"PutRegistryPolicy": _NO_POLICY},
    "ecs": {
        "CreateService": _NO_MACHINE,
        "RunTask": _NO_MACHINE,
        "StartTask": _NO_MACHINE,
    },
    "efs": {"PutFileSystemPolicy": _NO_POLICY},
    "eks": {"CreateCluster": _NO_MACHINE, "CreateNodegroup": _NO_MACHINE},
    "glue": {"PutResourcePolicy": _NO_POLICY, "StartCrawler": _NO_ENGINE, "StartJobRun": _NO_ENGINE},
    "iam": {
        "CreateLoginProfile": _NO_CONSOLE,
        "CreateVirtualMFADevice": _NO_CONSOLE,
        "EnableMFADevice": "codes of a second factor are not checked",
        "GenerateCredentialReport": "its times would be made up; GetAccessKeyLastUsed tells them for a key",
        "GetCredentialReport": "its times would be made up; GetAccessKeyLastUsed tells them for a key",
        "UpdateAccountPasswordPolicy": _NO_CONSOLE,
        "UpdateLoginProfile": _NO_CONSOLE,
        "UploadSSHPublicKey": "there is nothing to sign in to with it",
    },
    "kafka": {"PutClusterPolicy": _NO_POLICY},
    "lexv2-models": {"CreateResourcePolicy": _NO_POLICY},
    "logs": {
        "CreateDelivery": "log events are not delivered elsewhere",
        "CreateExportTask": "log events are not exported",
        "PutDestination": "log events are not delivered elsewhere",
        "PutMetricFilter": "log events are not matched against filters",
        "PutSubscriptionFilter": "log events are not delivered to subscribers",
        "StartQuery": "there is no query engine behind it",
    },
    "mediastore": {"PutContainerPolicy": _NO_POLICY},
    "opensearchserverless": {"CreateSecurityPolicy": _NO_POLICY},
    "osis": {"PutResourcePolicy": _NO_POLICY},
    # moto's S3 looks at the parts of a URL that it knows: it takes these for others, for DeleteBucket even.
    "s3": dict.fromkeys(
        (
            "CreateBucketMetadataConfiguration",
            "CreateBucketMetadataTableConfiguration",
            "CreateSession",
            "DeleteBucketAnalyticsConfiguration",
            "DeleteBucketIntelligentTieringConfiguration",
            "DeleteBucketInventoryConfiguration",
            "DeleteBucketMetadataConfiguration",
            "DeleteBucketMetadataTableConfiguration",
            "DeleteBucketMetricsConfiguration",
            "DeleteObjectAnnotation",
            "GetBucketAbac",
            "GetBucketAnalyticsConfiguration",
            "GetBucketIntelligentTieringConfiguration",
            "GetBucketMetadataConfiguration",
            "GetBucketMetadataTableConfiguration",
            "GetBucketMetricsConfiguration",
            "GetBucketRequestPayment",
            "GetObjectAnnotation",
            "GetObjectRetention",
            "GetObjectTorrent",
            "ListBucketAnalyticsConfigurations",
            "ListBucketIntelligentTieringConfigurations",
            "ListBucketMetricsConfigurations",
            "ListDirectoryBuckets",
            "ListObjectAnnotations",
            "PostObject",
            "PutBucketAbac",
            "PutBucketAnalyticsConfiguration",
            "PutBucketIntelligentTieringConfiguration",
            "PutBucketMetricsConfiguration",
            "PutBucketRequestPayment",
            "PutObjectAnnotation",
            "RenameObject",
            "UpdateBucketMetadataAnnotationTableConfiguration",
            "UpdateBucketMetadataInventoryTableConfiguration",
            "UpdateBucketMetadataJournalTableConfiguration",
            "UpdateObjectEncryption",
            "WriteGetObjectResponse",
        ),
        "it is not built",
    ),
    "s3control": {"PutAccessPointPolicy": _NO_POLICY, "PutMultiRegionAccessPointPolicy": _NO_POLICY},
    "s3vectors": {"PutVectorBucketPolicy": _NO_POLICY},
    "secretsmanager": {
        "ReplicateSecretToRegions": "secrets are kept in one region",
        "RotateSecret": _NO_FUNCTION,
    },
    "ssm": {
        "SendCommand": _NO_MACHINE,
        "StartAutomationExecution": _NO_ENGINE,
        "StartSession": _NO_MACHINE,
    },
    "stepfunctions": {
        "CreateActivity": "nothing would hand out its tasks",
        "StartSyncExecution": "executions that are waited for are not built; StartExecution works",
        "TestState": "single states are not run",
    },
    "vpc-lattice": {"PutAuthPolicy": _NO_POLICY, "PutResourcePolicy": _NO_POLICY},
}


def _subscription(params: Mapping[str, Any]) -> str | None:
    protocol = params.get("Protocol")
    if protocol not in ("sqs", "lambda"):
        return f"{_NO_MAIL} (Protocol {protocol!r}; 'sqs' and 'lambda' work)"
    return None


def _publish(params: Mapping[str, Any]) -> str | None:
    return f"{_NO_MAIL} (PhoneNumber)" if params.get("PhoneNumber") else None


def _usage_as_boundary(params: Mapping[str, Any]) -> str | None:
    if params.get("PolicyUsageFilter") == "PermissionsBoundary":
        return "PolicyUsageFilter 'PermissionsBoundary' would be ignored"
    return None


def _put_secret_rotation(params: Mapping[str, Any]) -> str | None:
    return "secrets are kept in one region" if params.get("AddReplicaRegions") else None


#: Operations that are refused for some parameters only.
OBJECTIONS: Mapping[tuple[str, str], Objection] = {
    ("iam", "ListEntitiesForPolicy"): _usage_as_boundary,
    ("iam", "ListPolicies"): _usage_as_boundary,
    ("secretsmanager", "CreateSecret"): _put_secret_rotation,
    ("sns", "Publish"): _publish,
    ("sns", "Subscribe"): _subscription,
}

#: Not retried by SDKs, and not the code of any modelled error.
UNSUPPORTED = "NotImplementedException"


def unsupported(service: str, operation: str, reason: str) -> AwsError:
    """The error for what AWS has and the sandbox has not."""
    return AwsError(UNSUPPORTED, f"coldstart does not support {service}:{operation}: {reason}", 400)


def unknown(service: str, named: str, protocol: str) -> AwsError:
    """The error for an operation that the service does not have at AWS either."""
    if protocol in ("query", "ec2"):
        return AwsError("InvalidAction", f"The action {named} is not valid for {service}.", 400)
    if service == "s3":
        return AwsError("MethodNotAllowed", f"{service} has no operation for {named}.", 405)
    return AwsError(
        "UnknownOperationException", f"{service} has no operation {named}.", 404 if protocol == "rest-json" else 400
    )


def refused(service: str, operation: str, params: Mapping[str, Any]) -> str | None:
    """Why moto must not be asked to do this; None if it may."""
    reason = SERVICES.get(service) or OPERATIONS.get(service, {}).get(operation)
    if reason is None and (objection := OBJECTIONS.get((service, operation))) is not None:
        reason = objection(params)
    return reason
