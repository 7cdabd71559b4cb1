"""Where the services' condition keys stand in their calls' parameters: a path for most, a function for the others."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import unquote

from sandbox.access.request import Values
from sandbox.authorisation.arns import function_arn, in_partition
from sandbox.authorisation.parameters import at, text, texts
from sandbox.gateway.call import Call

#: A path in the parameters, or a function of the call and the resource asked about that gives the value (None: no key).
Source = str | Callable[[Call, str], Any]


def _default(path: str, value: Values) -> Callable[[Call, str], Values | None]:
    """What stands at a path, or the value that AWS takes where nothing does."""

    def source(call: Call, _: str) -> Values | None:
        found = at(call.params, path)
        return found[0] if found else value

    return source


def _first(*paths: str) -> Callable[[Call, str], list[Any]]:
    """What stands at the first path at which something does."""

    def source(call: Call, _: str) -> list[Any]:
        return next((found for path in paths if (found := at(call.params, path))), [])

    return source


def _all(*paths: str) -> Callable[[Call, str], list[Any]]:
    """What stands at all the paths together."""

    def source(call: Call, _: str) -> list[Any]:
        return [each for path in paths for each in at(call.params, path)]

    return source


def _only(operations: Sequence[str], path: str) -> Callable[[Call, str], list[Any]]:
    """What stands at a path, for some operations only."""

    def source(call: Call, _: str) -> list[Any]:
        return at(call.params, path) if call.operation in operations else []

    return source


def _flag(path: str) -> Callable[[Call, str], str | None]:
    """A bool as the text that policies compare it with."""

    def source(call: Call, _: str) -> str | None:
        found = at(call.params, path)
        return str(bool(found[0])).lower() if found else None

    return source


def _subnet_arn(call: Call, _: str) -> str | None:
    subnet = text(call.params, "SubnetId") or text(call.params, "NetworkInterfaces[].SubnetId")
    return in_partition(call, "ec2", f"subnet/{subnet}") if subnet else None


def _requested_key(path: str) -> Callable[[Call, str], str | None]:
    """The ARN of a KMS key in the request."""

    def source(call: Call, _: str) -> str | None:
        given = text(call.params, path)
        if given is None or given.startswith("arn:"):
            return given
        return in_partition(call, "kms", given if given.startswith("alias/") else f"key/{given}")

    return source


def function_in(call: Call, _: str) -> str | None:
    given = text(call.params, "FunctionName")
    return None if given is None else function_arn(call, given, text(call.params, "Qualifier"))


def _queried_logs(call: Call, _: str) -> list[Any]:
    """The log groups in an insight rule's definition.
    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/iam-cw-condition-keys-contributor.html"""
    definition = _json(text(call.params, "RuleDefinition"))
    return at(definition, "LogGroupNames[]")


def _event_pattern(path: str) -> Callable[[Call, str], list[Any]]:
    """What an event pattern wants at a path.
    https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-conditions.html"""

    def source(call: Call, _: str) -> list[Any]:
        return [each for each in at(_json(text(call.params, "EventPattern")), path + "[]") if isinstance(each, str)]

    return source


def _json(document: str | None) -> Mapping[str, Any]:
    try:
        found = json.loads(document or "{}")
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _qualifier(call: Call, _: str) -> list[str]:
    """The versions or aliases in state machines' ARNs.
    https://docs.aws.amazon.com/step-functions/latest/dg/auth-version-alias.html"""
    paths = (
        "stateMachineArn",
        "stateMachineAliasArn",
        "stateMachineVersionArn",
        "routingConfiguration[].stateMachineVersionArn",
    )
    parts = (given.split(":") for path in paths for given in texts(call.params, path))
    return [each[7] for each in parts if len(each) > 7]


def _copy_source(call: Call, _: str) -> str | None:
    """Bucket and key, decoded, without the slash before.
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/amazon-s3-policy-keys.html"""
    given = call.params.get("CopySource")
    if isinstance(given, Mapping):
        return f"{given.get('Bucket')}/{given.get('Key')}"
    return None if given is None else unquote(str(given).partition("?")[0]).removeprefix("/")


def _creates_object(call: Call, _: str) -> bool:
    return call.operation in ("PutObject", "CopyObject", "CompleteMultipartUpload")


def _remaining_days(call: Call, _: str) -> int | None:
    until = _first("ObjectLockRetainUntilDate", "Retention.RetainUntilDate")(call, "")
    if not until or not isinstance(until[0], datetime):
        return None
    return max(0, (until[0] - call.time).days)


def _makes_key(call: Call) -> bool:
    return call.operation in ("CreateKey", "ReplicateKey")


#: Where a service's keys stand in its calls' parameters. The key applies where AWS's reference says so; the pages of
#: the reference are https://docs.aws.amazon.com/service-authorization/latest/reference/list_SERVICE.html.
KEYS: dict[str, dict[str, Source]] = {
    "apigateway": {
        "apigateway:Request/AccessAssociationSource": "accessAssociationSource",
        "apigateway:Request/AccessLoggingDestination": _first("AccessLogSettings.DestinationArn"),
        "apigateway:Request/AccessLoggingFormat": _first("AccessLogSettings.Format"),
        "apigateway:Request/ApiKeyRequired": _first("apiKeyRequired", "ApiKeyRequired"),
        "apigateway:Request/ApiName": lambda call, _: (
            text(call.params, "name") or text(call.params, "Name") if "Api" in call.operation else None
        ),
        "apigateway:Request/AuthorizerType": _only(("CreateAuthorizer", "UpdateAuthorizer"), "type"),
        "apigateway:Request/AuthorizerUri": _first("authorizerUri", "AuthorizerUri"),
        "apigateway:Request/DisableExecuteApiEndpoint": _first(
            "disableExecuteApiEndpoint", "DisableExecuteApiEndpoint"
        ),
        "apigateway:Request/DomainNameArn": "domainNameArn",
        "apigateway:Request/EndpointType": _first(
            "endpointConfiguration.types[]", "DomainNameConfigurations[].EndpointType"
        ),
        "apigateway:Request/MtlsTrustStoreUri": _first(
            "mutualTlsAuthentication.truststoreUri", "MutualTlsAuthentication.TruststoreUri"
        ),
        "apigateway:Request/MtlsTrustStoreVersion": _first(
            "mutualTlsAuthentication.truststoreVersion", "MutualTlsAuthentication.TruststoreVersion"
        ),
        "apigateway:Request/Priority": "Priority",
        "apigateway:Request/RouteAuthorizationType": _first("authorizationType", "AuthorizationType"),
        "apigateway:Request/RoutingMode": _first("routingMode", "RoutingMode"),
        "apigateway:Request/SecurityPolicy": _first("securityPolicy", "DomainNameConfigurations[].SecurityPolicy"),
        "apigateway:Request/StageName": lambda call, _: (
            text(call.params, "stageName") or text(call.params, "StageName")
            if call.operation == "CreateDeployment"
            else None
        ),
    },
    "cloudformation": {
        "cloudformation:ChangeSetName": "ChangeSetName",
        "cloudformation:ImportResourceTypes": "ResourcesToImport[].ResourceType",
        "cloudformation:ResourceTypes": "ResourceTypes[]",
        "cloudformation:RoleArn": "RoleARN",
        "cloudformation:StackPolicyUrl": "StackPolicyURL",
        "cloudformation:TargetRegion": "Regions[]",
        "cloudformation:TemplateUrl": "TemplateURL",
    },
    # https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/iam-cw-condition-keys.html
    "cloudwatch": {
        "cloudwatch:AlarmActions": _all("AlarmActions[]", "OKActions[]", "InsufficientDataActions[]"),
        "cloudwatch:ResourceArn": "ResourceArn",
        "cloudwatch:namespace": "Namespace",
        "cloudwatch:requestInsightRuleLogGroups": _queried_logs,
        "cloudwatch:requestManagedResourceARNs": _first("ManagedRules[].ResourceARN", "ResourceARN"),
    },
    "ec2": {
        "ec2:AllocationId": "AllocationId",
        "ec2:AvailabilityZone": _first("AvailabilityZone", "Placement.AvailabilityZone"),
        "ec2:Domain": "Domain",
        "ec2:EbsOptimized": "EbsOptimized",
        "ec2:Encrypted": "Encrypted",
        "ec2:ImageID": "ImageId",
        "ec2:InstanceProfile": "IamInstanceProfile.Arn",
        "ec2:InstanceType": "InstanceType",
        "ec2:InternetGatewayID": "InternetGatewayId",
        "ec2:KeyPairName": "KeyName",
        "ec2:MetadataHttpEndpoint": "MetadataOptions.HttpEndpoint",
        "ec2:MetadataHttpPutResponseHopLimit": "MetadataOptions.HttpPutResponseHopLimit",
        "ec2:MetadataHttpTokens": "MetadataOptions.HttpTokens",
        "ec2:NetworkInterfaceID": "NetworkInterfaceId",
        "ec2:PlacementGroupName": "Placement.GroupName",
        "ec2:RouteTableID": "RouteTableId",
        "ec2:SecurityGroupID": "GroupId",
        "ec2:SnapshotID": "SnapshotId",
        "ec2:Subnet": _subnet_arn,
        "ec2:SubnetID": "SubnetId",
        "ec2:Tenancy": _first("Placement.Tenancy", "InstanceTenancy"),
        "ec2:VolumeID": "VolumeId",
        "ec2:VolumeIops": "Iops",
        "ec2:VolumeSize": "Size",
        "ec2:VolumeThroughput": "Throughput",
        "ec2:VolumeType": "VolumeType",
        "ec2:VpcID": "VpcId",
    },
    "ecr": {"ecr:AccountSetting": "name"},
    # https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-conditions.html
    "events": {
        "events:EventBusArn": "EventBuses[].EventBusArn",
        "events:TargetArn": "Targets[].Arn",
        "events:creatorAccount": lambda call, _: call.account,
        "events:detail-type": _event_pattern("detail-type"),
        "events:detail.eventTypeCode": _event_pattern("detail.eventTypeCode"),
        "events:detail.service": _event_pattern("detail.service"),
        "events:detail.userIdentity.principalId": _event_pattern("detail.userIdentity.principalId"),
        "events:source": _event_pattern("source"),
    },
    # https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_iam-condition-keys.html
    "iam": {
        "iam:AWSServiceName": "AWSServiceName",
        "iam:OrganizationsPolicyId": "OrganizationsPolicyId",
        "iam:PolicyARN": "PolicyArn",
        "iam:ServiceSpecificCredentialAgeDays": "CredentialAgeDays",
        "iam:ServiceSpecificCredentialServiceName": "ServiceName",
        "iam:TemplateArn": "Permissions.PolicyTemplateArn",
    },
    # https://docs.aws.amazon.com/kms/latest/developerguide/conditions-kms.html
    "kms": {
        "kms:BypassPolicyLockoutSafetyCheck": _default("BypassPolicyLockoutSafetyCheck", False),
        "kms:DataKeyPairSpec": "KeyPairSpec",
        "kms:EncapsulationAlgorithm": "EncapsulationAlgorithm",
        "kms:EncryptionAlgorithm": lambda call, _: (
            text(call.params, "EncryptionAlgorithm")
            or text(call.params, "DestinationEncryptionAlgorithm")
            or "SYMMETRIC_DEFAULT"
        ),
        "kms:ExpirationModel": _default("ExpirationModel", "KEY_MATERIAL_EXPIRES"),
        "kms:GrantConstraintSourceArn": "Constraints.SourceArn",
        "kms:GrantOperations": "Operations[]",
        "kms:GranteePrincipal": "GranteePrincipal",
        "kms:GranteeServicePrincipal": "GranteeServicePrincipal",
        "kms:KeyAgreementAlgorithm": "KeyAgreementAlgorithm",
        # Of a key that is being made; an existing key's come from the state.
        "kms:KeyOrigin": lambda call, _: text(call.params, "Origin") or "AWS_KMS" if _makes_key(call) else None,
        "kms:KeySpec": lambda call, _: (
            text(call.params, "KeySpec") or text(call.params, "CustomerMasterKeySpec") or "SYMMETRIC_DEFAULT"
            if _makes_key(call)
            else None
        ),
        "kms:KeyUsage": lambda call, _: (
            text(call.params, "KeyUsage") or "ENCRYPT_DECRYPT" if _makes_key(call) else None
        ),
        "kms:MacAlgorithm": "MacAlgorithm",
        "kms:MessageType": _default("MessageType", "RAW"),
        "kms:MultiRegion": lambda call, _: bool(at(call.params, "MultiRegion") == [True]) if _makes_key(call) else None,
        "kms:PrimaryRegion": "PrimaryRegion",
        "kms:ReplicaRegion": "ReplicaRegion",
        "kms:RetiringPrincipal": "RetiringPrincipal",
        "kms:RetiringServicePrincipal": "RetiringServicePrincipal",
        "kms:RotationPeriodInDays": _default("RotationPeriodInDays", 365),
        "kms:ScheduleKeyDeletionPendingWindowInDays": _default("PendingWindowInDays", 30),
        "kms:SigningAlgorithm": "SigningAlgorithm",
        "kms:ValidTo": "ValidTo",
        "kms:WrappingAlgorithm": "WrappingAlgorithm",
        "kms:WrappingKeySpec": "WrappingKeySpec",
    },
    # https://docs.aws.amazon.com/lambda/latest/dg/lambda-api-permissions-ref.html
    "lambda": {
        "lambda:CodeSigningConfigArn": "CodeSigningConfigArn",
        "lambda:FunctionArn": function_in,
        "lambda:FunctionUrlAuthType": _first("AuthType", "FunctionUrlAuthType"),
        "lambda:Layer": "Layers[]",
        "lambda:Principal": "Principal",
        "lambda:SecurityGroupIds": "VpcConfig.SecurityGroupIds[]",
        "lambda:SubnetIds": "VpcConfig.SubnetIds[]",
    },
    "logs": {
        "logs:DeliveryDestinationResourceArn": "deliveryDestinationConfiguration.destinationResourceArn",
        "logs:LogGeneratingResourceArns": "resourceArn",
    },
    "organizations": {
        "organizations:PolicyType": _first("PolicyType", "Filter", "Type"),
        "organizations:ServicePrincipal": "ServicePrincipal",
    },
    # https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/security_iam_service-with-iam.html
    "rds": {
        "rds:BackupTarget": "BackupTarget",
        "rds:CopyOptionGroup": "CopyOptionGroup",
        "rds:DatabaseClass": _first("DBInstanceClass", "DBClusterInstanceClass"),
        "rds:DatabaseEngine": "Engine",
        "rds:DatabaseName": _first("DBName", "DatabaseName"),
        "rds:EndpointType": "EndpointType",
        "rds:ManageMasterUserPassword": "ManageMasterUserPassword",
        "rds:MultiAz": "MultiAZ",
        "rds:Piops": "Iops",
        "rds:PubliclyAccessible": "PubliclyAccessible",
        "rds:StorageEncrypted": "StorageEncrypted",
        "rds:StorageSize": "AllocatedStorage",
        "rds:TenantDatabaseName": _first("NewTenantDBName", "TenantDBName"),
        "rds:Vpc": lambda call, _: True if text(call.params, "DBSubnetGroupName") else None,
    },
    # https://docs.aws.amazon.com/AmazonS3/latest/userguide/amazon-s3-policy-keys.html
    "s3": {
        "s3:ObjectCreationOperation": _creates_object,
        "s3:annotation-prefix": "AnnotationPrefix",
        "s3:delimiter": "Delimiter",
        "s3:if-match": "IfMatch",
        "s3:if-none-match": "IfNoneMatch",
        "s3:locationconstraint": "CreateBucketConfiguration.LocationConstraint",
        "s3:max-annotation-results": "MaxAnnotationResults",
        "s3:max-keys": "MaxKeys",
        "s3:object-lock-legal-hold": _first("ObjectLockLegalHoldStatus", "LegalHold.Status"),
        "s3:object-lock-mode": _first("ObjectLockMode", "Retention.Mode"),
        "s3:object-lock-remaining-retention-days": _remaining_days,
        "s3:object-lock-retain-until-date": _first("ObjectLockRetainUntilDate", "Retention.RetainUntilDate"),
        "s3:prefix": "Prefix",
        "s3:versionid": "VersionId",
        "s3:x-amz-acl": "ACL",
        "s3:x-amz-bucket-namespace": "BucketNamespace",
        "s3:x-amz-copy-source": _copy_source,
        "s3:x-amz-grant-full-control": "GrantFullControl",
        "s3:x-amz-grant-read": "GrantRead",
        "s3:x-amz-grant-read-acp": "GrantReadACP",
        "s3:x-amz-grant-write": "GrantWrite",
        "s3:x-amz-grant-write-acp": "GrantWriteACP",
        "s3:x-amz-metadata-directive": "MetadataDirective",
        "s3:x-amz-object-annotation-directive": "AnnotationDirective",
        "s3:x-amz-object-if-match": "ObjectIfMatch",
        "s3:x-amz-object-ownership": "ObjectOwnership",
        "s3:x-amz-server-side-encryption": "ServerSideEncryption",
        "s3:x-amz-server-side-encryption-aws-kms-key-id": _requested_key("SSEKMSKeyId"),
        "s3:x-amz-server-side-encryption-customer-algorithm": "SSECustomerAlgorithm",
        "s3:x-amz-storage-class": "StorageClass",
        "s3:x-amz-website-redirect-location": "WebsiteRedirectLocation",
    },
    "secretsmanager": {
        "secretsmanager:AddReplicaRegions": "AddReplicaRegions[].Region",
        "secretsmanager:BlockPublicPolicy": "BlockPublicPolicy",
        "secretsmanager:Description": "Description",
        "secretsmanager:ExternalSecretRotationRoleArn": "ExternalSecretRotationRoleArn",
        "secretsmanager:ForceDeleteWithoutRecovery": "ForceDeleteWithoutRecovery",
        "secretsmanager:ForceOverwriteReplicaSecret": "ForceOverwriteReplicaSecret",
        "secretsmanager:KmsKeyArn": _requested_key("KmsKeyId"),
        "secretsmanager:KmsKeyId": "KmsKeyId",
        "secretsmanager:ModifyRotationRules": lambda call, _: True if call.params.get("RotationRules") else None,
        "secretsmanager:Name": "Name",
        "secretsmanager:RecoveryWindowInDays": "RecoveryWindowInDays",
        "secretsmanager:RotateImmediately": "RotateImmediately",
        "secretsmanager:RotationLambdaARN": "RotationLambdaARN",
        "secretsmanager:Type": "Type",
        "secretsmanager:VersionId": "VersionId",
        "secretsmanager:VersionStage": "VersionStage",
    },
    # https://docs.aws.amazon.com/sns/latest/dg/sns-using-identity-based-policies.html#sns-policy-keys
    "sns": {"sns:Endpoint": "Endpoint", "sns:Protocol": "Protocol"},
    # https://docs.aws.amazon.com/systems-manager/latest/userguide/sysman-paramstore-access.html
    "ssm": {
        "ssm:AutoApprove": "AutoApprove",
        "ssm:DocumentVersion": "DocumentVersion",
        "ssm:InventoryTypeName": "Items[].TypeName",
        "ssm:Overwrite": _flag("Overwrite"),
        "ssm:Policies": "Policies",
        "ssm:Recursive": _flag("Recursive"),
        "ssm:SyncType": "SyncType",
    },
    "states": {"states:StateMachineQualifier": _qualifier},
    # https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_iam-condition-keys.html#condition-keys-sts
    "sts": {
        "sts:DurationSeconds": "DurationSeconds",
        "sts:ExternalId": "ExternalId",
        "sts:IdentityTokenAudience": "Audience[]",
        "sts:RequestContextProviders": "ProvidedContexts[].ProviderArn",
        "sts:RoleSessionName": "RoleSessionName",
        "sts:SigningAlgorithm": "SigningAlgorithm",
        "sts:SourceIdentity": "SourceIdentity",
        "sts:TaskPolicyArn": "TaskPolicyArn.arn",
        "sts:TransitiveTagKeys": "TransitiveTagKeys[]",
    },
    "xray": {"xray:ResourcePolicyName": "PolicyName", "xray:TraceSegmentDestination": "Destination"},
}
