"""Which IAM action an operation needs: the operation's own name, but for the exceptions that stand here.

The names come from the Service Authorization Reference (as `sandbox.access.catalog` holds it); each table says where
its exceptions come from.
https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html
"""

from __future__ import annotations

import functools

from sandbox.access import catalog
from sandbox.authorisation.need import NoAction
from sandbox.gateway.services import SIGNING_NAMES, UNSIGNED_OPERATIONS

#: Services whose actions have another prefix than the name that their calls are signed for.
_PREFIXES: dict[str, str] = {
    "cloudcontrol": "cloudformation",
    "cloudwatch": "cloudwatch",
    "iot-data": "iot",
    "iot-jobs-data": "iotjobsdata",
    "iotsecuretunneling": "iot",
    "mturk": "mechanicalturk",
    "partnercentral-account": "partnercentral",
    "partnercentral-benefits": "partnercentral",
    "partnercentral-channel": "partnercentral",
    "partnercentral-selling": "partnercentral",
    "resourcegroupstaggingapi": "tag",
    "sso": "sso",
    "sso-oidc": "sso-oauth",
}

_SIGNED_FOR: dict[str, str] = {}
for _signing_name, _several in SIGNING_NAMES.items():
    for _service in _several:
        # S3's directory buckets come second: their actions are named where they are needed.
        _SIGNED_FOR.setdefault(_service, _signing_name)

#: S3: https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-with-s3-policy-actions.html. Deleting a configuration
#: is putting one, and the word Bucket is left out of most. Operations on versions are in s3.py.
_S3: dict[str, str] = {
    "CompleteMultipartUpload": "PutObject",
    "CopyObject": "PutObject",
    "CreateBucketMetadataConfiguration": "CreateBucketMetadataTableConfiguration",
    "CreateMultipartUpload": "PutObject",
    "CreateSession": "s3express:CreateSession",
    "DeleteBucketAnalyticsConfiguration": "PutAnalyticsConfiguration",
    "DeleteBucketCors": "PutBucketCORS",
    "DeleteBucketEncryption": "PutEncryptionConfiguration",
    "DeleteBucketIntelligentTieringConfiguration": "PutIntelligentTieringConfiguration",
    "DeleteBucketInventoryConfiguration": "PutInventoryConfiguration",
    "DeleteBucketLifecycle": "PutLifecycleConfiguration",
    "DeleteBucketMetadataConfiguration": "DeleteBucketMetadataTableConfiguration",
    "DeleteBucketMetricsConfiguration": "PutMetricsConfiguration",
    "DeleteBucketOwnershipControls": "PutBucketOwnershipControls",
    "DeleteBucketReplication": "PutReplicationConfiguration",
    "DeleteBucketTagging": "PutBucketTagging",
    "DeleteObjects": "DeleteObject",
    "DeletePublicAccessBlock": "PutBucketPublicAccessBlock",
    "GetBucketAccelerateConfiguration": "GetAccelerateConfiguration",
    "GetBucketAnalyticsConfiguration": "GetAnalyticsConfiguration",
    "GetBucketCors": "GetBucketCORS",
    "GetBucketEncryption": "GetEncryptionConfiguration",
    "GetBucketIntelligentTieringConfiguration": "GetIntelligentTieringConfiguration",
    "GetBucketInventoryConfiguration": "GetInventoryConfiguration",
    "GetBucketLifecycle": "GetLifecycleConfiguration",
    "GetBucketLifecycleConfiguration": "GetLifecycleConfiguration",
    "GetBucketMetadataConfiguration": "GetBucketMetadataTableConfiguration",
    "GetBucketMetricsConfiguration": "GetMetricsConfiguration",
    "GetBucketNotificationConfiguration": "GetBucketNotification",
    "GetBucketReplication": "GetReplicationConfiguration",
    "GetObjectLockConfiguration": "GetBucketObjectLockConfiguration",
    "GetPublicAccessBlock": "GetBucketPublicAccessBlock",
    "HeadBucket": "ListBucket",
    "HeadObject": "GetObject",
    "ListBucketAnalyticsConfigurations": "GetAnalyticsConfiguration",
    "ListBucketIntelligentTieringConfigurations": "GetIntelligentTieringConfiguration",
    "ListBucketInventoryConfigurations": "GetInventoryConfiguration",
    "ListBucketMetricsConfigurations": "GetMetricsConfiguration",
    "ListBuckets": "ListAllMyBuckets",
    "ListDirectoryBuckets": "s3express:ListAllMyDirectoryBuckets",
    "ListMultipartUploads": "ListBucketMultipartUploads",
    "ListObjects": "ListBucket",
    "ListObjectsV2": "ListBucket",
    "ListObjectVersions": "ListBucketVersions",
    "ListParts": "ListMultipartUploadParts",
    "PutBucketAccelerateConfiguration": "PutAccelerateConfiguration",
    "PutBucketAnalyticsConfiguration": "PutAnalyticsConfiguration",
    "PutBucketCors": "PutBucketCORS",
    "PutBucketEncryption": "PutEncryptionConfiguration",
    "PutBucketIntelligentTieringConfiguration": "PutIntelligentTieringConfiguration",
    "PutBucketInventoryConfiguration": "PutInventoryConfiguration",
    "PutBucketLifecycle": "PutLifecycleConfiguration",
    "PutBucketLifecycleConfiguration": "PutLifecycleConfiguration",
    "PutBucketMetricsConfiguration": "PutMetricsConfiguration",
    "PutBucketNotificationConfiguration": "PutBucketNotification",
    "PutBucketReplication": "PutReplicationConfiguration",
    "PutObjectLockConfiguration": "PutBucketObjectLockConfiguration",
    "PutPublicAccessBlock": "PutBucketPublicAccessBlock",
    "RenameObject": "s3express:CreateSession",
    "SelectObjectContent": "GetObject",
    "UploadPart": "PutObject",
    "UploadPartCopy": "PutObject",
    "WriteGetObjectResponse": "s3-object-lambda:WriteGetObjectResponse",
}

#: Operations with an action of another name, by service.
_RENAMED: dict[str, dict[str, str]] = {
    "s3": _S3,
    # https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-with-s3-policy-actions.html (account operations)
    "s3control": {
        "DeleteAccessPointScope": "s3express:DeleteAccessPointScope",
        "DeletePublicAccessBlock": "PutAccountPublicAccessBlock",
        "GetAccessPointScope": "s3express:GetAccessPointScope",
        "GetPublicAccessBlock": "GetAccountPublicAccessBlock",
        "ListAccessPointsForDirectoryBuckets": "s3express:ListAccessPointsForDirectoryBuckets",
        "PutAccessPointScope": "s3express:PutAccessPointScope",
        "PutPublicAccessBlock": "PutAccountPublicAccessBlock",
    },
    # https://docs.aws.amazon.com/service-authorization/latest/reference/list_awslambda.html: GetLayerVersion "also
    # supports GetLayerVersionByArn API"; https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html
    "lambda": {
        "GetLayerVersionByArn": "GetLayerVersion",
        "Invoke": "InvokeFunction",
        "InvokeWithResponseStream": "InvokeFunction",
    },
    # https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-api-permissions-reference.html:
    # permission for the single operation is permission for the batch.
    "sqs": {
        "ChangeMessageVisibilityBatch": "ChangeMessageVisibility",
        "DeleteMessageBatch": "DeleteMessage",
        "SendMessageBatch": "SendMessage",
    },
    # https://docs.aws.amazon.com/sns/latest/dg/sns-access-policy-language-api-permissions-reference.html
    "sns": {"PublishBatch": "Publish"},
    # https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsidentityandaccessmanagementaccessanalyzer.html
    "accessanalyzer": {"GetFindingV2": "GetFinding", "ListFindingsV2": "ListFindings"},
    # https://docs.aws.amazon.com/cost-management/latest/userguide/billing-permissions-ref.html: viewing and modifying
    # are the only two.
    "budgets": {
        "CreateBudget": "ModifyBudget",
        "CreateNotification": "ModifyBudget",
        "CreateSubscriber": "ModifyBudget",
        "DeleteBudget": "ModifyBudget",
        "DeleteNotification": "ModifyBudget",
        "DeleteSubscriber": "ModifyBudget",
        "DescribeBudget": "ViewBudget",
        "DescribeBudgetNotificationsForAccount": "ViewBudget",
        "DescribeBudgetPerformanceHistory": "ViewBudget",
        "DescribeBudgets": "ViewBudget",
        "DescribeNotificationsForBudget": "ViewBudget",
        "DescribeSubscribersForNotification": "ViewBudget",
        "UpdateBudget": "ModifyBudget",
        "UpdateNotification": "ModifyBudget",
        "UpdateSubscriber": "ModifyBudget",
    },
    # https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html
    "bedrock-runtime": {
        "Converse": "InvokeModel",
        "ConverseStream": "InvokeModelWithResponseStream",
        "InvokeModelWithBidirectionalStream": "InvokeModel",
        "StartAsyncInvoke": "InvokeModel",
    },
    # https://docs.aws.amazon.com/cloudfront/latest/APIReference/API_CreateDistributionWithTags.html
    "cloudfront": {"CreateDistributionWithTags": "CreateDistribution"},
    # https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsdatabasemigrationservice.html
    "dms": {
        "DescribeDataProviders": "ListDataProviders",
        "DescribeExtensionPackAssociations": "ListExtensionPacks",
        "DescribeInstanceProfiles": "ListInstanceProfiles",
        "DescribeMetadataModelAssessments": "ListMetadataModelAssessments",
        "DescribeMetadataModelConversions": "ListMetadataModelConversions",
        "DescribeMetadataModelExportsAsScript": "ListMetadataModelExports",
        "DescribeMetadataModelExportsToTarget": "ListMetadataModelExports",
        "DescribeMigrationProjects": "ListMigrationProjects",
        "ModifyConversionConfiguration": "UpdateConversionConfiguration",
        "ModifyDataProvider": "UpdateDataProvider",
        "ModifyInstanceProfile": "UpdateInstanceProfile",
        "ModifyMigrationProject": "UpdateMigrationProject",
        "StartExtensionPackAssociation": "AssociateExtensionPack",
        "StartMetadataModelExportAsScript": "StartMetadataModelExportAsScripts",
    },
    # https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-how-to-call-websocket-api-connections.html
    "apigatewaymanagementapi": {
        "DeleteConnection": "ManageConnections",
        "GetConnection": "ManageConnections",
        "PostToConnection": "ManageConnections",
    },
    # https://docs.aws.amazon.com/timestream/latest/developerguide/API_query_Query.html
    "timestream-query": {"Query": "Select"},
    # https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsxray.html and the like: a batch is a
    # repetition of the single operation.
    "batch": {
        "CancelJobs": "CancelJob",
        "TerminateJobs": "TerminateJob",
        "TerminateServiceJobs": "TerminateServiceJob",
    },
    "vpc-lattice": {"BatchUpdateRule": "UpdateRule"},
}

#: Operations that need several actions or one that hangs on the parameters; the module that tells them.
#: DynamoDB: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis-iam.html and
#: .../ql-iam.html. KMS: https://docs.aws.amazon.com/kms/latest/APIReference/API_ReEncrypt.html.
TOLD_BY_PARAMETERS: dict[str, frozenset[str]] = {
    "dynamodb": frozenset(
        {
            "BatchExecuteStatement",
            "ExecuteStatement",
            "ExecuteTransaction",
            "TransactGetItems",
            "TransactWriteItems",
        }
    ),
    "kms": frozenset({"ReEncrypt"}),
}

#: API Gateway's actions are HTTP verbs on the path of the request: apigateway.py.
#: https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-iam-policy-examples.html
HTTP_VERBS = frozenset({"apigateway", "apigatewayv2"})

#: Operations that need no permission: nobody can be kept from them by a policy.
#: STS: https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html and API_GetSessionToken.html
#: ("No permissions are required"); who comes with a token of another is judged by STS itself, once it knows him
#: (sandbox/gateway/sts.py). Cognito: operations that an access token or the app's own sign-in authorises
#: ("Amazon Cognito doesn't evaluate IAM policies in requests for this API operation", e.g.
#: https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_InitiateAuth.html).
WITHOUT_PERMISSION: dict[str, frozenset[str]] = {
    "sts": UNSIGNED_OPERATIONS["sts"] | {"GetCallerIdentity", "GetSessionToken"},
    "cognito-identity": UNSIGNED_OPERATIONS["cognito-identity"],
    "cognito-idp": UNSIGNED_OPERATIONS["cognito-idp"]
    | {
        "CompleteWebAuthnRegistration",
        "DeleteWebAuthnCredential",
        "GetClientToken",
        "GetDerivedToken",
        "GetTokensFromRefreshToken",
        "GetUserAuthFactors",
        "ListUserSessions",
        "ListWebAuthnCredentials",
        "RevokeUserSession",
        "StartWebAuthnRegistration",
        "UpdateAuthEventFeedback",
    },
    # https://docs.aws.amazon.com/singlesignon/latest/OIDCAPIReference/API_CreateToken.html: not signed.
    "sso-oidc": frozenset({"CreateToken", "RegisterClient", "StartDeviceAuthorization"}),
    # https://docs.aws.amazon.com/singlesignon/latest/PortalAPIReference/API_GetRoleCredentials.html: an access token.
    "sso": frozenset({"GetRoleCredentials", "ListAccountRoles", "ListAccounts", "Logout"}),
}

#: Operations of the services that the labs use or will use, for which AWS's reference knows no action (botocore is
#: newer than it, or names what it leaves out). A call of one is refused. A test compares the list with both.
WITHOUT_ACTION: dict[str, frozenset[str]] = {
    "cloudformation": frozenset({"RemoveAlias", "SetAlias"}),
    "cloudtrail": frozenset({"ListInsightsMetricData"}),
    "cloudwatch": frozenset(
        {
            "AssociateDatasetKmsKey",
            "DeleteMetricDataQueryDefinition",
            "DescribeAlarmContributors",
            "DisassociateDatasetKmsKey",
            "GetMetricDataQueryDefinition",
            "ListMetricDataQueryDefinitions",
            "PutMetricDataQueryDefinition",
        }
    ),
    "cognito-idp": frozenset(
        {
            "AdminListUserSessions",
            "AdminRevokeUserSession",
            "DescribeTermsByClient",
            "GetUserPoolClientSessionConfiguration",
            "GetUserPoolSessionConfiguration",
            "SetUserPoolClientSessionConfiguration",
            "SetUserPoolSessionConfiguration",
        }
    ),
    "dynamodb": frozenset(
        {"CancelBulkOperation", "DescribeBulkOperation", "ListBulkOperations", "StartBulkPutItems"},
    ),
    "ec2": frozenset(
        {
            "AssociateKmsKeyId",
            "AssociateNetworkingFlexCostAllocationPolicy",
            "CreateCapacityReservationDateChangeQuote",
            "CreateMetricCategory",
            "CreateNetworkingFlexCostAllocationPolicy",
            "CreateTransitGatewayNetworkFunctionAttachment",
            "DeleteClientVpnEndpointAuthorizationPolicy",
            "DeleteMetricCategory",
            "DeleteNetworkingFlexCostAllocationPolicies",
            "DeleteTransitGatewayNetworkFunctionAttachment",
            "DescribeCapacityReservationDateChangeQuotes",
            "DescribeMetricCategories",
            "DescribeNetworkingFlexCostAllocationPolicies",
            "DescribeNetworkingFlexCostAllocationPolicyAssociations",
            "DescribeTransitGatewayNetworkFunctionAttachments",
            "DisassociateKmsKeyId",
            "DisassociateNetworkingFlexCostAllocationPolicy",
            "GetCapacityManagerSupportabilityScores",
            "GetClientVpnEndpointAuthorizationPolicy",
            "GetImageFindings",
            "GetNetworkingFlexCostAllocationPolicyVersions",
            "GetTransitGatewayAttachmentNatConfiguration",
            "ModifyClientVpnEndpointAuthorizationPolicy",
            "ModifyMetricCategory",
            "ModifyNetworkingFlexCostAllocationPolicy",
            "ModifyTransitGatewayAttachmentNatConfiguration",
            "ModifyTransitGatewayNetworkFunctionAttachment",
            "ModifyTransitGatewayPeeringAttachment",
        }
    ),
    "ecr": frozenset({"ListImageReferrers"}),
    "iam": frozenset({"AcquireRole", "UpdateDelegationRequest"}),
    "kinesis": frozenset(
        {
            "AcknowledgeDeadLetterQueueRecords",
            "AcknowledgeQueueRecords",
            "CreateQueue",
            "DeleteQueue",
            "DescribeQueue",
            "ListQueues",
            "ReceiveDeadLetterQueueRecords",
            "ReceiveQueueRecords",
            "RestoreDeadLetterQueueRecords",
            "UpdateDeadLetterQueueRecordsVisibility",
            "UpdateQueue",
            "UpdateQueueRecordsVisibility",
        }
    ),
    "lambda": frozenset({"DeleteDurableExecution", "PauseDurableExecution", "ResumeDurableExecution"}),
    "logs": frozenset({"GetLogObject"}),
    "rds": frozenset({"DescribeServerlessV2PlatformVersions"}),
    "secretsmanager": frozenset(
        {"AssociateCrossAccountReplica", "DisassociateCrossAccountReplica", "ListResourcePolicies"}
    ),
    "ssm": frozenset({"DeregisterDefaultHostManagementConfiguration", "RegisterDefaultHostManagementConfiguration"}),
}


@functools.cache
def prefix(service: str) -> str:
    """The prefix of a service's actions (`states` for botocore's `stepfunctions`)."""
    return _PREFIXES.get(service) or _SIGNED_FOR.get(service, service).lower()


@functools.lru_cache(maxsize=4096)
def action(service: str, operation: str) -> catalog.Action:
    """The action that an operation of a service (botocore's names) needs.

    Underivable if AWS's reference knows none, or if the operation's actions hang on its parameters.
    """
    if operation in TOLD_BY_PARAMETERS.get(service, ()) or service in HTTP_VERBS:
        # apigatewayv2 has operations of both kinds.
        found = None if service not in HTTP_VERBS else catalog.action(f"apigateway:{operation}")
    else:
        named = _RENAMED.get(service, {}).get(operation, operation)
        found = catalog.action(named if ":" in named else f"{prefix(service)}:{named}")
    if found is None:
        raise NoAction(
            f"no IAM action is known for {service}:{operation} (looked for {prefix(service)}:{operation} in the "
            "Service Authorization Reference)"
        )
    return found


def needs_permission(service: str, operation: str) -> bool:
    """Whether an operation needs any permission at all."""
    return operation not in WITHOUT_PERMISSION.get(service, ())
