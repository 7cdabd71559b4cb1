"""What a call needs beside its own action: passing a role, tagging what it makes, the use of keys, code and layers.

AWS's reference does not list these in a form that can be read; each rule has the page that it comes from.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import unquote, urlsplit

from sandbox.access import catalog
from sandbox.access.request import Values
from sandbox.authorisation import actions, keys
from sandbox.authorisation.arns import function_arn, in_partition
from sandbox.authorisation.look_up import LookUp
from sandbox.authorisation.names.keys import key_arn
from sandbox.authorisation.need import Need, Underivable
from sandbox.authorisation.parameters import at, members, text, texts
from sandbox.authorisation.request_tags import request_tags, tag_context
from sandbox.gateway.call import Call


def beside(call: Call, main: Sequence[Need], look_up: LookUp) -> Iterator[Need]:
    """What a call needs beside `main`, its needs for its own action."""
    name = f"{actions.prefix(call.service)}:{call.operation}"
    resource = main[0].resource if main else "*"
    yield from _passed_roles(call, name, resource, look_up)
    if name in TAGGING:
        yield from _tags_of_new(call, TAGGING[name], main)
    companion = _COMPANIONS.get(name)
    if companion is not None:
        yield from companion(call, main, look_up)
    if call.service == "ec2" and "TagSpecifications" in call.params:
        yield from _ec2_tags(call)
    if name in ENCRYPTED:
        yield from _of_encrypted(call, name, main, look_up)


# -- passing roles -------------------------------------------------------------------------------------

#: The parameters by which roles are passed, with the service that gets them.
#: https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_passrole.html; that a service checks it is on its page
#: of the reference (the dependent action iam:PassRole).
_PASSED: dict[str, tuple[tuple[str, str], ...]] = {
    "application-autoscaling:RegisterScalableTarget": (("RoleARN", "application-autoscaling"),),
    "apigateway:CreateAuthorizer": (
        ("authorizerCredentials", "apigateway"),
        ("AuthorizerCredentialsArn", "apigateway"),
    ),
    "apigateway:CreateIntegration": (("CredentialsArn", "apigateway"),),
    "apigateway:PutIntegration": (("credentials", "apigateway"),),
    "apigateway:UpdateAuthorizer": (("AuthorizerCredentialsArn", "apigateway"),),
    "apigateway:UpdateIntegration": (("CredentialsArn", "apigateway"),),
    "autoscaling:PutLifecycleHook": (("RoleARN", "autoscaling"),),
    "cloudformation:ContinueUpdateRollback": (("RoleARN", "cloudformation"),),
    "cloudformation:CreateChangeSet": (("RoleARN", "cloudformation"),),
    "cloudformation:CreateStack": (("RoleARN", "cloudformation"),),
    "cloudformation:CreateStackSet": (("AdministrationRoleARN", "cloudformation"),),
    "cloudformation:DeleteStack": (("RoleARN", "cloudformation"),),
    "cloudformation:RollbackStack": (("RoleARN", "cloudformation"),),
    "cloudformation:UpdateStack": (("RoleARN", "cloudformation"),),
    "cloudformation:UpdateStackSet": (("AdministrationRoleARN", "cloudformation"),),
    "cloudtrail:CreateTrail": (("CloudWatchLogsRoleArn", "cloudtrail"),),
    "cloudtrail:EnableFederation": (("FederationRoleArn", "lakeformation"),),
    "cloudtrail:UpdateTrail": (("CloudWatchLogsRoleArn", "cloudtrail"),),
    "cloudwatch:PutLogAlarm": (("ActionLogLineRoleArn", "cloudwatch"),),
    "cloudwatch:PutMetricStream": (("RoleArn", "streams.metrics.cloudwatch"),),
    "codebuild:CreateProject": (("serviceRole", "codebuild"),),
    "codebuild:UpdateProject": (("serviceRole", "codebuild"),),
    "codedeploy:CreateDeploymentGroup": (("serviceRoleArn", "codedeploy"),),
    "codedeploy:UpdateDeploymentGroup": (("serviceRoleArn", "codedeploy"),),
    "codepipeline:CreatePipeline": (("pipeline.roleArn", "codepipeline"),),
    "codepipeline:UpdatePipeline": (("pipeline.roleArn", "codepipeline"),),
    "cognito-identity:SetIdentityPoolRoles": (
        ("Roles.authenticated", "cognito-identity"),
        ("Roles.unauthenticated", "cognito-identity"),
    ),
    "cognito-idp:CreateGroup": (("RoleArn", "cognito-idp"),),
    "cognito-idp:CreateUserImportJob": (("CloudWatchLogsRoleArn", "cognito-idp"),),
    "cognito-idp:CreateUserPool": (("SmsConfiguration.SnsCallerArn", "cognito-idp"),),
    "cognito-idp:SetUserPoolMfaConfig": (("SmsMfaConfiguration.SmsConfiguration.SnsCallerArn", "cognito-idp"),),
    "cognito-idp:UpdateGroup": (("RoleArn", "cognito-idp"),),
    "cognito-idp:UpdateUserPool": (("SmsConfiguration.SnsCallerArn", "cognito-idp"),),
    "config:PutConfigurationRecorder": (("ConfigurationRecorder.roleARN", "config"),),
    "ec2:CreateFlowLogs": (("DeliverLogsPermissionArn", "vpc-flow-logs"),),
    "ecs:CreateService": (("role", "ecs"),),
    "ecs:RegisterTaskDefinition": (("taskRoleArn", "ecs-tasks"), ("executionRoleArn", "ecs-tasks")),
    "ecs:RunTask": (("overrides.taskRoleArn", "ecs-tasks"), ("overrides.executionRoleArn", "ecs-tasks")),
    "ecs:StartTask": (("overrides.taskRoleArn", "ecs-tasks"), ("overrides.executionRoleArn", "ecs-tasks")),
    "eks:CreateCluster": (("roleArn", "eks"),),
    "eks:CreateNodegroup": (("nodeRole", "eks"),),
    "events:CreateEndpoint": (("RoleArn", "events"),),
    "events:PutRule": (("RoleArn", "events"),),
    # https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-identity-based.html
    "events:PutTargets": (("Targets[].RoleArn", "events"),),
    "events:UpdateEndpoint": (("RoleArn", "events"),),
    "glue:CreateCrawler": (("Role", "glue"),),
    "glue:CreateJob": (("Role", "glue"),),
    "glue:UpdateCrawler": (("Role", "glue"),),
    "glue:UpdateJob": (("JobUpdate.Role", "glue"),),
    # https://docs.aws.amazon.com/IAM/latest/APIReference/API_AddRoleToInstanceProfile.html
    "iam:AddRoleToInstanceProfile": (("RoleName", "ec2"),),
    "kinesis:CreateChannel": (("ServiceExecutionRoleARN", "kinesis"),),
    "kinesisanalytics:CreateApplication": (("ServiceExecutionRole", "kinesisanalytics"),),
    "lambda:CreateCapacityProvider": (("PermissionsConfig.CapacityProviderOperatorRoleArn", "lambda"),),
    # https://docs.aws.amazon.com/lambda/latest/dg/lambda-intro-execution-role.html
    "lambda:CreateFunction": (("Role", "lambda"),),
    "lambda:UpdateFunctionConfiguration": (("Role", "lambda"),),
    "logs:CreateImportTask": (("importRoleArn", "logs"),),
    "logs:CreateScheduledQuery": (("executionRoleArn", "logs"),),
    "logs:PutDestination": (("roleArn", "logs"),),
    # https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutSubscriptionFilter.html
    "logs:PutSubscriptionFilter": (("roleArn", "logs"),),
    "logs:UpdateScheduledQuery": (("executionRoleArn", "logs"),),
    "pipes:CreatePipe": (("RoleArn", "pipes"),),
    "pipes:UpdatePipe": (("RoleArn", "pipes"),),
    "rds:AddRoleToDBCluster": (("RoleArn", "rds"),),
    "rds:AddRoleToDBInstance": (("RoleArn", "rds"),),
    "rds:CreateDBCluster": (("MonitoringRoleArn", "monitoring.rds"),),
    # https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_Monitoring.OS.Enabling.html
    "rds:CreateDBInstance": (("MonitoringRoleArn", "monitoring.rds"),),
    "rds:CreateDBInstanceReadReplica": (("MonitoringRoleArn", "monitoring.rds"),),
    "rds:CreateDBProxy": (("RoleArn", "rds"),),
    "rds:ModifyDBCluster": (("MonitoringRoleArn", "monitoring.rds"),),
    "rds:ModifyDBInstance": (("MonitoringRoleArn", "monitoring.rds"),),
    "rds:ModifyDBProxy": (("RoleArn", "rds"),),
    "rds:StartExportTask": (("IamRoleArn", "export.rds"),),
    "s3:PutBucketReplication": (("ReplicationConfiguration.Role", "s3"),),
    # https://docs.aws.amazon.com/scheduler/latest/UserGuide/setting-up.html
    "scheduler:CreateSchedule": (("Target.RoleArn", "scheduler"),),
    "scheduler:UpdateSchedule": (("Target.RoleArn", "scheduler"),),
    "secretsmanager:RotateSecret": (("ExternalSecretRotationRoleArn", "secretsmanager"),),
    "sns:Subscribe": (("Attributes.SubscriptionRoleArn", "sns"),),
    "ssm:CreateActivation": (("IamRole", "ssm"),),
    "ssm:RegisterTaskWithMaintenanceWindow": (("ServiceRoleArn", "ssm"),),
    "ssm:SendCommand": (("ServiceRoleArn", "ssm"),),
    "ssm:StartAutomationExecution": (("Parameters.AutomationAssumeRole[]", "ssm"),),
    "ssm:UpdateMaintenanceWindowTask": (("ServiceRoleArn", "ssm"),),
    # https://docs.aws.amazon.com/step-functions/latest/dg/procedure-create-iam-role.html
    "states:CreateStateMachine": (("roleArn", "states"),),
    "states:TestState": (("roleArn", "states"),),
    "states:UpdateStateMachine": (("roleArn", "states"),),
    "transfer:CreateServer": (("LoggingRole", "transfer"),),
    "transfer:CreateUser": (("Role", "transfer"),),
    "transfer:UpdateUser": (("Role", "transfer"),),
}

#: Operations to which a role's ARN is only a name, by their verbs and services.
_NAMING_VERBS = ("Get", "List", "Describe", "Search", "Delete", "Remove", "Detach", "Disassociate", "Query", "Validate")
_NAMING_SERVICES = frozenset({"sts", "iam", "access-analyzer", "sso"})


def _passed_roles(call: Call, name: str, resource: str, look_up: LookUp) -> Iterator[Need]:
    listed = _PASSED.get(name)
    if listed is None:
        service = name.partition(":")[0]
        if call.operation.startswith(_NAMING_VERBS) or service in _NAMING_SERVICES:
            return
        if service == "firehose":
            # Every destination has a role of its own.
            found = [(role, service) for role in members(call.params, "RoleARN")]
        else:
            # Nobody looked at the operation: a role in it is taken to be passed, as mostly is the case.
            found = [
                (value, service)
                for member, value in call.params.items()
                if member.lower().endswith("rolearn") and isinstance(value, str) and ":role/" in value
            ]
    else:
        found = [(role, service) for path, service in listed for role in texts(call.params, path)]
    for role, service in dict.fromkeys(found):
        yield pass_role(call, role, f"{service}.amazonaws.com", resource, look_up)


def pass_role(call: Call, role: str, service: str, resource: str, look_up: LookUp) -> Need:
    """iam:PassRole of a role (ARN or name) to a service, for a resource.
    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_iam-condition-keys.html"""
    arn = role
    if not role.startswith("arn:"):
        found = look_up.arn(call.account, call.region, "iam:role", role)
        arn = found or in_partition(call, "iam", f"role/{role}", region="")
    context: dict[str, Values] = {"iam:PassedToService": service}
    if resource.startswith("arn:"):
        context["iam:AssociatedResourceArn"] = resource
    return Need("iam:PassRole", arn, context)


# -- tagging what is made ------------------------------------------------------------------------------

#: Operations that need a tagging action too when they are given tags.
TAGGING: dict[str, str] = {
    # https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_CreateTrail.html
    "cloudtrail:CreateTrail": "AddTags",
    # https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html (Tags)
    "cloudwatch:PutCompositeAlarm": "TagResource",
    "cloudwatch:PutMetricAlarm": "TagResource",
    # https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Tagging.html
    "dynamodb:CreateTable": "TagResource",
    # https://docs.aws.amazon.com/AmazonECR/latest/userguide/supported-iam-actions-tagging.html
    "ecr:CreateRepository": "TagResource",
    # https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutRule.html
    "events:CreateEventBus": "TagResource",
    "events:PutRule": "TagResource",
    # https://docs.aws.amazon.com/IAM/latest/UserGuide/id_tags.html
    "iam:CreateInstanceProfile": "TagInstanceProfile",
    "iam:CreateOpenIDConnectProvider": "TagOpenIDConnectProvider",
    "iam:CreatePolicy": "TagPolicy",
    "iam:CreateRole": "TagRole",
    "iam:CreateSAMLProvider": "TagSAMLProvider",
    "iam:CreateUser": "TagUser",
    "iam:CreateVirtualMFADevice": "TagMFADevice",
    "iam:UploadServerCertificate": "TagServerCertificate",
    # https://docs.aws.amazon.com/kms/latest/APIReference/API_CreateKey.html
    "kms:CreateKey": "TagResource",
    "kms:ReplicateKey": "TagResource",
    # https://docs.aws.amazon.com/lambda/latest/dg/configuration-tags.html: "or perform a tag on create"
    "lambda:CreateCodeSigningConfig": "TagResource",
    "lambda:CreateEventSourceMapping": "TagResource",
    "lambda:CreateFunction": "TagResource",
    # https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_CreateLogGroup.html
    "logs:CreateLogGroup": "TagResource",
    # https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_Tagging.html
    "rds:CreateDBCluster": "AddTagsToResource",
    "rds:CreateDBInstance": "AddTagsToResource",
    "rds:CreateDBParameterGroup": "AddTagsToResource",
    "rds:CreateDBProxy": "AddTagsToResource",
    "rds:CreateDBSnapshot": "AddTagsToResource",
    "rds:CreateDBSubnetGroup": "AddTagsToResource",
    # https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-schedule-group.html
    "scheduler:CreateScheduleGroup": "TagResource",
    # https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_CreateSecret.html
    "secretsmanager:CreateSecret": "TagResource",
    # https://docs.aws.amazon.com/sns/latest/api/API_CreateTopic.html
    "sns:CreateTopic": "TagResource",
    # https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_CreateQueue.html
    "sqs:CreateQueue": "TagQueue",
    # https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_PutParameter.html
    "ssm:CreateDocument": "AddTagsToResource",
    "ssm:PutParameter": "AddTagsToResource",
    # https://docs.aws.amazon.com/step-functions/latest/dg/concept-tagging.html
    "states:CreateActivity": "TagResource",
    "states:CreateStateMachine": "TagResource",
}

#: What is tagged where that is not what the creation asks about.
_TAGGED_RESOURCE: dict[str, Callable[[Call, str], str]] = {
    "kms:CreateKey": lambda call, _: in_partition(call, "kms", "key/*"),
    "lambda:CreateCodeSigningConfig": lambda call, _: in_partition(call, "lambda", "code-signing-config:*"),
    "lambda:CreateEventSourceMapping": lambda call, _: in_partition(call, "lambda", "event-source-mapping:*"),
    "logs:CreateLogGroup": lambda call, resource: resource.removesuffix(":log-stream:"),
    "rds:CreateDBProxy": lambda call, _: in_partition(call, "rds", "db-proxy:*"),
}


def _tags_of_new(call: Call, action: str, main: Sequence[Need]) -> Iterator[Need]:
    tags, named = request_tags(call.params)
    if not tags or not main:
        return
    service = main[0].action.partition(":")[0]
    name = f"{service}:{call.operation}"
    resource = main[0].resource
    if name in _TAGGED_RESOURCE:
        resource = _TAGGED_RESOURCE[name](call, resource)
    yield Need(f"{service}:{action}", resource, tag_context(tags, named))


def _ec2_tags(call: Call) -> Iterator[Need]:
    """https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/supported-iam-actions-tagging.html"""
    action = catalog.actions("ec2")["createtags"]
    for kind in dict.fromkeys(texts(call.params, "TagSpecifications[].ResourceType")):
        account = "" if kind in ("image", "snapshot") else None
        resource = in_partition(call, "ec2", f"{kind}/*", account=account)
        context = keys.of_action(call, action, resource, kind=kind)
        context["ec2:CreateAction"] = call.operation
        yield Need("ec2:CreateTags", resource, context)


# -- keys ----------------------------------------------------------------------------------------------


def use_of_key(call: Call, action: str, key: str, via: str, context: Mapping[str, str]) -> Need:
    """A KMS action that a service takes in the caller's name.
    https://docs.aws.amazon.com/kms/latest/developerguide/conditions-kms.html#conditions-kms-via-service"""
    values: dict[str, Values] = {
        "kms:CallerAccount": call.principal.account,
        "kms:ViaService": f"{via}.{call.region}.amazonaws.com",
    }
    if context:
        values.update(keys.encryption_context(context))
    return Need(f"kms:{action}", key, values)


#: Operations that make a service use the customer managed key of the resource that they are about: the actions, and
#: the encryption context's key that has the resource's ARN.
ENCRYPTED: dict[str, tuple[tuple[str, ...], str]] = {
    # https://docs.aws.amazon.com/streams/latest/dev/permissions-user-key-KMS.html
    "kinesis:GetRecords": (("Decrypt",), "aws:kinesis:arn"),
    "kinesis:PutRecord": (("GenerateDataKey",), "aws:kinesis:arn"),
    "kinesis:PutRecords": (("GenerateDataKey",), "aws:kinesis:arn"),
    "kinesis:SubscribeToShard": (("Decrypt",), "aws:kinesis:arn"),
    # https://docs.aws.amazon.com/secretsmanager/latest/userguide/security-encryption.html
    "secretsmanager:GetSecretValue": (("Decrypt",), "SecretARN"),
    "secretsmanager:PutSecretValue": (("GenerateDataKey", "Decrypt"), "SecretARN"),
    "secretsmanager:UpdateSecret": (("GenerateDataKey", "Decrypt"), "SecretARN"),
    # https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html
    "sns:Publish": (("GenerateDataKey", "Decrypt"), "aws:sns:topicArn"),
    "sns:PublishBatch": (("GenerateDataKey", "Decrypt"), "aws:sns:topicArn"),
    # https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-key-management.html
    "sqs:ReceiveMessage": (("Decrypt",), "aws:sqs:arn"),
    "sqs:SendMessage": (("GenerateDataKey", "Decrypt"), "aws:sqs:arn"),
    "sqs:SendMessageBatch": (("GenerateDataKey", "Decrypt"), "aws:sqs:arn"),
    # https://docs.aws.amazon.com/kms/latest/developerguide/services-parameter-store.html
    "ssm:GetParameter": (("Decrypt",), "PARAMETER_ARN"),
    "ssm:GetParameterHistory": (("Decrypt",), "PARAMETER_ARN"),
    "ssm:GetParameters": (("Decrypt",), "PARAMETER_ARN"),
}


def _of_encrypted(call: Call, name: str, main: Sequence[Need], look_up: LookUp) -> Iterator[Need]:
    service = name.partition(":")[0]
    if service == "ssm" and not call.params.get("WithDecryption"):
        return
    if name == "secretsmanager:UpdateSecret" and not (
        call.params.get("SecretString") or call.params.get("SecretBinary")
    ):
        return
    uses, member = ENCRYPTED[name]
    for need in main:
        key = look_up.encryption_key(need.resource) if need.resource != "*" else None
        if key is not None:
            for use in uses:
                yield use_of_key(call, use, key, service, {member: need.resource})


# -- companions of single operations -------------------------------------------------------------------


def _assumed(call: Call, main: Sequence[Need], look_up: LookUp) -> Iterator[Need]:
    """Tags and a source identity that go into a session need an action each, those of the session that goes on to the
    next role too. https://docs.aws.amazon.com/IAM/latest/UserGuide/id_session-tags.html,
    .../id_credentials_temp_control-access_monitor.html"""
    session = call.principal.session
    inherited: dict[str, str] = {}
    source_identity = text(call.params, "SourceIdentity")
    if session is not None and call.operation == "AssumeRole" and call.principal.kind == "AssumedRole":
        inherited = {key: session.tags[key] for key in session.transitive if key in session.tags}
        source_identity = source_identity or session.source_identity
    tags, _ = request_tags(call.params)
    for need in main:
        wanted = []
        if tags or inherited:
            wanted.append("TagSession")
        if source_identity:
            wanted.append("SetSourceIdentity")
        if call.params.get("ProvidedContexts"):
            wanted.append("SetContext")
        for name in wanted:
            action = catalog.actions("sts")[name.lower()]
            # Each has its own keys only: SetSourceIdentity knows neither tags nor the external id.
            context = keys.of_action(call, action, need.resource, look_up)
            if inherited and name == "TagSession":
                both = {**inherited, **tags}
                context.update(tag_context(both, list(both)))
                transitive = [*session.transitive, *texts(call.params, "TransitiveTagKeys[]")] if session else []
                context["sts:TransitiveTagKeys"] = sorted(set(transitive))
            if source_identity and "sts:SourceIdentity" in action.condition_keys:
                context["sts:SourceIdentity"] = source_identity
            yield Need(action.full_name, need.resource, context)


def _code(call: Call, main: Sequence[Need], look_up: LookUp) -> Iterator[Need]:
    """Code in S3 is read in the caller's name.
    https://docs.aws.amazon.com/lambda/latest/api/API_CreateFunction.html (Code), .../API_PublishLayerVersion.html"""
    for place in (call.params.get("Code"), call.params.get("Content"), call.params):
        if isinstance(place, Mapping) and place.get("S3Bucket") and place.get("S3Key"):
            version = place.get("S3ObjectVersion")
            yield _object_read(call, place["S3Bucket"], place["S3Key"], version, look_up)


def _object_read(call: Call, bucket: str, key: str, version: Any, look_up: LookUp) -> Need:
    arn = f"{in_partition(call, 's3', bucket, region='', account='')}/{key}"
    context: dict[str, Values] = {"s3:versionid": str(version)} if version else {}
    return Need("s3:GetObjectVersion" if version else "s3:GetObject", arn, context, look_up.bucket_owner(bucket))


def _function(call: Call, main: Sequence[Need], look_up: LookUp) -> Iterator[Need]:
    yield from _code(call, main, look_up)
    for layer in texts(call.params, "Layers[]"):
        # https://docs.aws.amazon.com/lambda/latest/dg/adding-layers.html: "you must have permission to call
        # GetLayerVersion on the layer version".
        yield Need("lambda:GetLayerVersion", layer)
    key = text(call.params, "KMSKeyArn")
    if key is not None:
        # https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars-encryption.html
        context = {"aws:lambda:FunctionArn": main[0].resource}
        yield use_of_key(call, "CreateGrant", key_arn(call, look_up, key), "lambda", context)
        if at(call.params, "Environment.Variables"):
            yield use_of_key(call, "Encrypt", key_arn(call, look_up, key), "lambda", context)


def _template(call: Call, main: Sequence[Need], look_up: LookUp) -> Iterator[Need]:
    """A template in S3 is read in the caller's name.
    https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/control-access-with-iam.html"""
    for member in ("TemplateURL", "StackPolicyURL", "StackPolicyDuringUpdateURL"):
        url = text(call.params, member)
        if url is not None:
            bucket, key = _bucket_and_key(url)
            yield _object_read(call, bucket, key, None, look_up)


def _bucket_and_key(url: str) -> tuple[str, str]:
    """Of a path-style or virtual-hosted-style URL, or one of the sandbox's own endpoint."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    path = unquote(parts.path).lstrip("/")
    if ".s3." in host or ".s3-" in host:
        return host.partition(".s3")[0], path
    bucket, _, key = path.partition("/")
    if not bucket or not key:
        raise Underivable(f"{url!r} names no object in S3")
    return bucket, key


def _secret_made(call: Call, main: Sequence[Need], look_up: LookUp) -> Iterator[Need]:
    """https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_CreateSecret.html and API_UpdateSecret.html"""
    key = text(call.params, "KmsKeyId")
    if key is not None and "alias/aws/" not in key:
        for use in ("GenerateDataKey", "Decrypt"):
            yield use_of_key(call, use, key_arn(call, look_up, key), "secretsmanager", {"SecretARN": main[0].resource})
    if call.operation == "CreateSecret" and call.params.get("AddReplicaRegions"):
        action = catalog.actions("secretsmanager")["replicatesecrettoregions"]
        yield Need(action.full_name, main[0].resource, keys.of_action(call, action, main[0].resource, look_up))


def _secrets(call: Call, main: Sequence[Need], look_up: LookUp) -> Iterator[Need]:
    """https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_BatchGetSecretValue.html"""
    if call.params.get("Filters"):
        yield Need("secretsmanager:ListSecrets", "*")
    for given in texts(call.params, "SecretIdList[]"):
        found = look_up.arn(call.account, call.region, "secretsmanager:Secret", given)
        arn = found or (
            given if given.startswith("arn:") else in_partition(call, "secretsmanager", f"secret:{given}-??????")
        )
        yield Need("secretsmanager:GetSecretValue", arn, {"secretsmanager:SecretId": arn})
        key = look_up.encryption_key(arn)
        if key is not None:
            yield use_of_key(call, "Decrypt", key, "secretsmanager", {"SecretARN": arn})


def _rotation(call: Call, main: Sequence[Need], look_up: LookUp) -> Iterator[Need]:
    """https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_RotateSecret.html: "You also need
    lambda:InvokeFunction permissions on the rotation function." """
    function = text(call.params, "RotationLambdaARN")
    if function is not None:
        yield Need("lambda:InvokeFunction", function_arn(call, function))


def _parameter_put(call: Call, main: Sequence[Need], look_up: LookUp) -> Iterator[Need]:
    """https://docs.aws.amazon.com/kms/latest/developerguide/services-parameter-store.html"""
    key = text(call.params, "KeyId")
    if call.params.get("Type") != "SecureString" or key is None or "alias/aws/" in key:
        return
    use = "GenerateDataKey" if call.params.get("Tier") == "Advanced" else "Encrypt"
    yield use_of_key(call, use, key_arn(call, look_up, key), "ssm", {"PARAMETER_ARN": main[0].resource})


def _unmasked(call: Call, main: Sequence[Need], look_up: LookUp) -> Iterator[Need]:
    """https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/mask-sensitive-log-data.html"""
    if call.params.get("unmask"):
        for need in main:
            yield Need("logs:Unmask", need.resource)


def _redrive(call: Call, main: Sequence[Need], look_up: LookUp) -> Iterator[Need]:
    """https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-configure-dead-letter-queue-redrive.html"""
    for need in main:
        for action in ("ReceiveMessage", "DeleteMessage", "GetQueueAttributes"):
            yield Need(f"sqs:{action}", need.resource)
    destination = text(call.params, "DestinationArn")
    if destination is not None:
        yield Need("sqs:SendMessage", destination)


def _feedback(call: Call, main: Sequence[Need], look_up: LookUp) -> Iterator[Need]:
    """https://docs.aws.amazon.com/sns/latest/dg/sns-topic-attributes.html"""
    if str(call.params.get("AttributeName", "")).endswith("FeedbackRoleArn") and call.params.get("AttributeValue"):
        yield pass_role(call, call.params["AttributeValue"], "sns.amazonaws.com", main[0].resource, look_up)
    for name, value in (call.params.get("Attributes") or {}).items():
        if name.endswith("FeedbackRoleArn") and value:
            yield pass_role(call, value, "sns.amazonaws.com", main[0].resource, look_up)


def _account_settings(call: Call, main: Sequence[Need], look_up: LookUp) -> Iterator[Need]:
    """API Gateway's role for logs comes as a patch.
    https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-logging.html"""
    for patch in at(call.params, "patchOperations[]"):
        if isinstance(patch, Mapping) and str(patch.get("path", "")).lower().endswith(
            ("/cloudwatchrolearn", "/credentials", "/authorizercredentials")
        ):
            role = patch.get("value")
            if isinstance(role, str) and ":role/" in role:
                yield pass_role(call, role, "apigateway.amazonaws.com", main[0].resource, look_up)


def _instances(call: Call, main: Sequence[Need], look_up: LookUp) -> Iterator[Need]:
    """The role in the instance profile is passed.
    https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/permission-to-pass-iam-roles.html"""
    name = text(call.params, "IamInstanceProfile.Name")
    arn = text(call.params, "IamInstanceProfile.Arn")
    profile = name or (arn.rpartition("/")[2] if arn is not None else None)
    if profile is not None:
        role = look_up.arn(call.account, call.region, "iam:instance-profile-role", profile)
        if role is None:
            raise Underivable(f"ec2:{call.operation}: the role of the instance profile {profile} can't be told")
        yield pass_role(call, role, "ec2.amazonaws.com", "", look_up)


_COMPANIONS: dict[str, Callable[[Call, Sequence[Need], LookUp], Iterator[Need]]] = {
    "apigateway:UpdateAccount": _account_settings,
    "apigateway:UpdateAuthorizer": _account_settings,
    "apigateway:UpdateIntegration": _account_settings,
    "cloudformation:CreateChangeSet": _template,
    "cloudformation:CreateStack": _template,
    "cloudformation:CreateStackSet": _template,
    "cloudformation:EstimateTemplateCost": _template,
    "cloudformation:GetTemplateSummary": _template,
    "cloudformation:UpdateStack": _template,
    "cloudformation:UpdateStackSet": _template,
    "cloudformation:ValidateTemplate": _template,
    "ec2:AssociateIamInstanceProfile": _instances,
    "ec2:ReplaceIamInstanceProfileAssociation": _instances,
    "ec2:RunInstances": _instances,
    "lambda:CreateFunction": _function,
    "lambda:PublishLayerVersion": _code,
    "lambda:UpdateFunctionCode": _code,
    "lambda:UpdateFunctionConfiguration": _function,
    "logs:FilterLogEvents": _unmasked,
    "logs:GetLogEvents": _unmasked,
    "logs:GetLogRecord": _unmasked,
    "secretsmanager:BatchGetSecretValue": _secrets,
    "secretsmanager:CreateSecret": _secret_made,
    "secretsmanager:RotateSecret": _rotation,
    "secretsmanager:UpdateSecret": _secret_made,
    "sns:CreateTopic": _feedback,
    "sns:SetTopicAttributes": _feedback,
    "sqs:StartMessageMoveTask": _redrive,
    "ssm:PutParameter": _parameter_put,
    "sts:AssumeRole": _assumed,
    "sts:GetFederationToken": _assumed,
}
