"""Access Analyzer's checks: for each, a document that has the finding and one like it that has not.

Codes and sentences are those of
https://docs.aws.amazon.com/IAM/latest/UserGuide/access-analyzer-reference-policy-checks.html
"""

from __future__ import annotations

import json
import time
from typing import Any

import botocore.session
import pytest
from botocore.validate import ParamValidator
from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox.access.finding_texts import CHECKS, learn_more
from sandbox.access.findings import PolicyType, ResourceType, TooLong, validate

IDENTITY: PolicyType = "IDENTITY_POLICY"
RESOURCE: PolicyType = "RESOURCE_POLICY"
SCP: PolicyType = "SERVICE_CONTROL_POLICY"
RCP: PolicyType = "RESOURCE_CONTROL_POLICY"
TRUST: ResourceType = "AWS::IAM::AssumeRolePolicyDocument"
BUCKET: ResourceType = "AWS::S3::Bucket"

ACCOUNT = "123456789012"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/orders"
TABLE = f"arn:aws:dynamodb:us-east-1:{ACCOUNT}:table/orders"
GITHUB = "token.actions.githubusercontent.com"
OIDC = f"arn:aws:iam::{ACCOUNT}:oidc-provider/{GITHUB}"
SAML = f"arn:aws:iam::{ACCOUNT}:saml-provider/work"
FEDERATED = {"StringEquals": {f"{GITHUB}:sub": "repo:o/r:ref:refs/heads/main", f"{GITHUB}:aud": "sts.amazonaws.com"}}


def statement(**elements: Any) -> dict[str, Any]:
    """A statement without findings, with these elements instead; None leaves one out."""
    made = {"Effect": "Allow", "Action": "dynamodb:GetItem", "Resource": TABLE, **elements}
    return {name: value for name, value in made.items() if value is not None}


def document(*statements: Any, **elements: Any) -> str:
    made = {"Version": "2012-10-17", "Statement": list(statements), **elements}
    return json.dumps({name: value for name, value in made.items() if value is not None})


def one(**elements: Any) -> str:
    return document(statement(**elements))


def condition(operator: str, key: str, *values: Any, **elements: Any) -> str:
    listed = values[0] if len(values) == 1 else list(values)
    return one(Condition={operator: {key: listed}}, **elements)


def bucket(**elements: Any) -> str:
    made = {"Principal": {"AWS": ACCOUNT}, "Action": "s3:GetObject", "Resource": "arn:aws:s3:::photos/*", **elements}
    return one(**made)


def trust(**elements: Any) -> str:
    made = {"Principal": {"AWS": ROLE}, "Action": "sts:AssumeRole", "Resource": None, **elements}
    return one(**made)


def web(**elements: Any) -> str:
    made = {"Principal": {"Federated": OIDC}, "Action": "sts:AssumeRoleWithWebIdentity", "Condition": FEDERATED}
    return trust(**{**made, **elements})


def rcp(**elements: Any) -> str:
    return one(**{"Effect": "Deny", "Principal": "*", "Action": "s3:GetObject", "Resource": "*", **elements})


def passing(**elements: Any) -> str:
    return one(**{"Action": "iam:PassRole", "Resource": ROLE, **elements})


def linked(**elements: Any) -> str:
    role = f"arn:aws:iam::{ACCOUNT}:role/aws-service-role/es.amazonaws.com/AWSServiceRoleForES"
    return one(**{"Action": "iam:CreateServiceLinkedRole", "Resource": role, **elements})


def found(text: str, policy_type: PolicyType = IDENTITY, resource_type: ResourceType | None = None) -> list[str]:
    return [each.code for each in validate(text, policy_type, resource_type)]


TAG = {"StringEquals": {"aws:ResourceTag/team": "a"}}
LONG = [f"arn:aws:dynamodb:us-east-1:{ACCOUNT}:table/{number:04}" for number in range(160)]
RESOURCE_TAGGED = {"Action": ["secretsmanager:GetSecretValue"], "Resource": "*", "Condition": TAG}
NOT_TAGGED = {"Action": ["sts:GetCallerIdentity"], "Resource": "*", "Condition": TAG}
SERVICE = {"Principal": {"Service": "cloudtrail.amazonaws.com"}}
SOURCE = {"StringEquals": {"aws:SourceAccount": ACCOUNT}}
RCP_SAFE = {
    "StringNotEqualsIfExists": {"aws:PrincipalOrgID": "o-1"},
    "BoolIfExists": {"aws:PrincipalIsAWSService": "false"},
}
RCP_SOURCE = {
    "StringNotEqualsIfExists": {"aws:SourceOrgID": "o-1"},
    "BoolIfExists": {"aws:PrincipalIsAWSService": "true"},
    "Null": {"aws:SourceAccount": "false"},
}


def without(block: dict[str, Any], *operators: str) -> dict[str, Any]:
    return {name: value for name, value in block.items() if name not in operators}


#: Code: a document that has the finding, one that has not, and of what type they are.
CASES: dict[str, tuple[str, str, PolicyType, ResourceType | None]] = {
    # -- the document
    "JSON_SYNTAX_ERROR": ("{", one(), IDENTITY, None),
    "INVALID_POLICY_ELEMENT": (one(Actions="s3:*"), one(), IDENTITY, None),
    "INVALID_VERSION": (document(statement(), Version="2012-10-18"), one(), IDENTITY, None),
    "MISSING_VERSION": (document(statement(), Version=None), one(), IDENTITY, None),
    "MISSING_STATEMENT": (document(), one(), IDENTITY, None),
    "UNIQUE_SIDS_REQUIRED": (
        document(statement(Sid="a"), statement(Sid="a", Action="dynamodb:Query")),
        document(statement(Sid="a"), statement(Sid="b", Action="dynamodb:Query")),
        IDENTITY,
        None,
    ),
    "UNIQUE_SIDS_RECOMMENDED": (
        document(
            *[json.loads(bucket(Sid="a", Action=each))["Statement"][0] for each in ("s3:GetObject", "s3:PutObject")]
        ),
        document(
            *[json.loads(bucket(Sid=each, Action=each))["Statement"][0] for each in ("s3:GetObject", "s3:PutObject")]
        ),
        RESOURCE,
        BUCKET,
    ),
    "REDUNDANT_STATEMENT": (
        document(statement(Sid="a"), statement(Sid="b")),
        document(statement(), statement(Action="dynamodb:Query")),
        IDENTITY,
        None,
    ),
    "POLICY_SIZE_EXCEEDS_IDENTITY_POLICY_QUOTA": (one(Resource=LONG), one(Resource=LONG[:50]), IDENTITY, None),
    "POLICY_SIZE_EXCEEDS_SCP_QUOTA": (one(Resource=LONG), one(Resource=LONG[:50]), SCP, None),
    "POLICY_SIZE_EXCEEDS_RCP_QUOTA": (
        rcp(Resource=[f"arn:aws:s3:::photos/{number:020}" for number in range(160)]),
        rcp(),
        RCP,
        None,
    ),
    "POLICY_SIZE_EXCEEDS_RESOURCE_POLICY_QUOTA": (
        bucket(Resource=[f"arn:aws:s3:::photos/{number:0200}" for number in range(100)]),
        bucket(),
        RESOURCE,
        BUCKET,
    ),
    "POLICY_SIZE_EXCEEDS_ROLE_TRUST_POLICY_QUOTA": (
        trust(Principal={"AWS": [f"{ROLE}-{number:04}" for number in range(60)]}),
        trust(),
        RESOURCE,
        TRUST,
    ),
    # -- a statement
    "DATA_TYPE_MISMATCH": (one(Action=[1]), one(), IDENTITY, None),
    "UNSUPPORTED_ELEMENT_COMBINATION": (one(NotAction="s3:*"), one(), IDENTITY, None),
    "EMPTY_SID_VALUE": (one(Sid=""), one(Sid="a"), IDENTITY, None),
    "UNSUPPORTED_SID": (one(Sid="a b"), one(Sid="aB9"), IDENTITY, None),
    "MISSING_EFFECT": (one(Effect=None), one(), IDENTITY, None),
    "INVALID_EFFECT": (one(Effect="allow"), one(Effect="Deny"), IDENTITY, None),
    "MISSING_ACTION": (one(Action=None), one(), IDENTITY, None),
    "EMPTY_ARRAY_ACTION": (one(Action=[]), one(), IDENTITY, None),
    "INVALID_ACTION": (one(Action="dynamodb:GetItems"), one(Action="dynamodb:Get*"), IDENTITY, None),
    "INVALID_SERVICE_IN_ACTION": (one(Action="dynamo:GetItem"), one(), IDENTITY, None),
    "REDUNDANT_ACTION": (
        one(Action=["iam:Get*", "iam:List*", "iam:GetCredentialReport"], Resource="*"),
        one(Action=["iam:Get*", "iam:List*", "iam:*CredentialReport"], Resource="*"),
        IDENTITY,
        None,
    ),
    "UNSUPPORTED_ACTION_IN_POLICY": (bucket(Action="kms:Decrypt"), bucket(), RESOURCE, BUCKET),
    "VARIABLE_UNSUPPORTED_IN_ELEMENT": (one(Action="s3:${aws:username}"), one(), IDENTITY, None),
    # -- passing roles
    "PASS_ROLE_WITH_STAR_IN_RESOURCE": (passing(Resource="*"), passing(), IDENTITY, None),
    "PASS_ROLE_WITH_STAR_IN_ACTION_AND_RESOURCE": (
        passing(Action="iam:*", Resource="*"),
        passing(Action="iam:*"),
        IDENTITY,
        None,
    ),
    "PASS_ROLE_WITH_STAR_IN_RESOURCE_AND_NOT_ACTION": (
        passing(Action=None, NotAction="s3:*", Resource=f"arn:aws:iam::{ACCOUNT}:role/*"),
        passing(Action=None, NotAction=["iam:Pass*"], Resource="*"),
        IDENTITY,
        None,
    ),
    "PASS_ROLE_WITH_NOT_RESOURCE": (passing(Resource=None, NotResource=ROLE), passing(), IDENTITY, None),
    "PASS_ROLE_WITH_STAR_IN_ACTION_AND_NOT_RESOURCE": (
        passing(Action="*", Resource=None, NotResource=ROLE),
        passing(Action="*", Resource=None, NotResource=ROLE, Effect="Deny"),
        IDENTITY,
        None,
    ),
    "PASS_ROLE_WITH_NOT_ACTION_AND_NOT_RESOURCE": (
        passing(Action=None, NotAction="s3:*", Resource=None, NotResource=ROLE),
        passing(Action=None, NotAction="*", Resource=None, NotResource=ROLE),
        IDENTITY,
        None,
    ),
    "CREATE_SLR_WITH_STAR_IN_RESOURCE": (linked(Resource="*"), linked(), IDENTITY, None),
    "CREATE_SLR_WITH_STAR_IN_ACTION_AND_RESOURCE": (
        linked(Action="iam:Create*", Resource="*"),
        linked(Action="iam:Create*"),
        IDENTITY,
        None,
    ),
    "CREATE_SLR_WITH_STAR_IN_RESOURCE_AND_NOT_ACTION": (
        linked(Action=None, NotAction="s3:*", Resource="*"),
        linked(Action=None, NotAction="iam:*", Resource="*"),
        IDENTITY,
        None,
    ),
    "CREATE_SLR_WITH_NOT_RESOURCE": (linked(Resource=None, NotResource=ROLE), linked(), IDENTITY, None),
    "CREATE_SLR_WITH_STAR_IN_ACTION_AND_NOT_RESOURCE": (
        linked(Action="iam:*", Resource=None, NotResource=ROLE),
        linked(Action="iam:*"),
        IDENTITY,
        None,
    ),
    "CREATE_SLR_WITH_NOT_ACTION_AND_NOT_RESOURCE": (
        linked(Action=None, NotAction="s3:*", Resource=None, NotResource=ROLE),
        linked(Action=None, NotAction="iam:*", Resource=None, NotResource=ROLE),
        IDENTITY,
        None,
    ),
    # -- resources
    "MISSING_RESOURCE": (one(Resource=None), one(), IDENTITY, None),
    "EMPTY_ARRAY_RESOURCE": (one(Resource=[]), one(), IDENTITY, None),
    "REDUNDANT_RESOURCE": (
        one(Resource=[TABLE, f"arn:aws:dynamodb:us-east-1:{ACCOUNT}:table/o*"]),
        one(Resource=[TABLE, f"{TABLE}2"]),
        IDENTITY,
        None,
    ),
    "INVALID_ARN_PREFIX": (one(Resource="table/orders"), one(), IDENTITY, None),
    "MISSING_ARN_FIELD": (one(Resource="arn:aws:dynamodb:us-east-1"), one(), IDENTITY, None),
    "INVALID_PARTITION": (one(Resource=TABLE.replace("arn:aws:", "arn:azure:")), one(), IDENTITY, None),
    "INVALID_ARN_ACCOUNT": (one(Resource=TABLE.replace(ACCOUNT, "12345")), one(), IDENTITY, None),
    "INVALID_ARN_REGION": (one(Resource=TABLE.replace("us-east-1", "us-east-11")), one(), IDENTITY, None),
    "INVALID_ARN_SERVICE_CASE": (one(Resource=TABLE.replace("dynamodb", "DynamoDB")), one(), IDENTITY, None),
    "WILDCARD_IN_SERVICE_NAME": (one(Resource=f"arn:aws:*code*::{ACCOUNT}:*"), one(), IDENTITY, None),
    "INVALID_SERVICE": (one(Resource=TABLE.replace("dynamodb", "dynamo")), one(), IDENTITY, None),
    "INVALID_ARN_RESOURCE": (one(Resource=TABLE.replace("table/", "tables/")), one(), IDENTITY, None),
    "ARN_REGION_NOT_ALLOWED": (
        passing(Resource=f"arn:aws:iam:us-east-1:{ACCOUNT}:role/orders"),
        passing(),
        IDENTITY,
        None,
    ),
    "ARN_ACCOUNT_NOT_ALLOWED": (
        one(Action="s3:GetObject", Resource=f"arn:aws:s3::{ACCOUNT}:photos/*"),
        one(Action="s3:GetObject", Resource="arn:aws:s3:::photos/*"),
        IDENTITY,
        None,
    ),
    "MISSING_ARN_REGION": (one(Resource=TABLE.replace("us-east-1", "")), one(), IDENTITY, None),
    "MISSING_ARN_ACCOUNT": (one(Resource=TABLE.replace(ACCOUNT, "")), one(), IDENTITY, None),
    "UNSUPPORTED_RESOURCE_ARN_IN_POLICY": (
        bucket(Resource=f"arn:aws:kms:us-east-1:{ACCOUNT}:key/k"),
        bucket(),
        RESOURCE,
        BUCKET,
    ),
    # -- policy variables
    "VARIABLE_UNSUPPORTED_IN_VERSION": (
        document(statement(Resource=f"{TABLE}-${{aws:username}}"), Version="2008-10-17"),
        one(Resource=f"{TABLE}-${{aws:username}}"),
        IDENTITY,
        None,
    ),
    "MISSING_BRACE_IN_VARIABLE": (
        one(Resource=f"{TABLE}${{aws:username"),
        one(Resource=f"{TABLE}${{*}}"),
        IDENTITY,
        None,
    ),
    "EMPTY_VARIABLE": (one(Resource=f"{TABLE}-${{}}"), one(Resource=f"{TABLE}-${{$}}"), IDENTITY, None),
    "UNSUPPORTED_SPACE_IN_VARIABLE": (
        one(Resource=f"{TABLE}-${{aws: username}}"),
        one(Resource=f"{TABLE}-${{aws:username}}"),
        IDENTITY,
        None,
    ),
    "MISSING_QUOTE_IN_VARIABLE": (
        one(Resource=f"{TABLE}-${{aws:username, nobody}}"),
        one(Resource=f"{TABLE}-${{aws:username, 'nobody'}}"),
        IDENTITY,
        None,
    ),
    # -- principals
    "UNSUPPORTED_PRINCIPAL": (one(Principal="*"), one(), IDENTITY, None),
    "SCP_SYNTAX_ERROR_PRINCIPAL": (one(Principal="*"), one(), SCP, None),
    "MISSING_PRINCIPAL": (bucket(Principal=None), bucket(), RESOURCE, BUCKET),
    "INVALID_PRINCIPAL_FORMAT": (bucket(Principal=ROLE), bucket(Principal="*"), RESOURCE, BUCKET),
    "INVALID_PRINCIPAL_KEY": (bucket(Principal={"Role": ROLE}), bucket(), RESOURCE, BUCKET),
    "EMPTY_OBJECT_PRINCIPAL": (bucket(Principal={}), bucket(), RESOURCE, BUCKET),
    "EMPTY_ARRAY_PRINCIPAL": (bucket(Principal={"AWS": []}), bucket(), RESOURCE, BUCKET),
    "UNSUPPORTED_WILDCARD_IN_PRINCIPAL": (
        bucket(Principal={"AWS": f"arn:aws:iam::{ACCOUNT}:role/*"}),
        bucket(Principal={"AWS": "*"}),
        RESOURCE,
        BUCKET,
    ),
    "INVALID_ROLE_REFERENCE": (bucket(Principal={"AWS": "AROAEXAMPLEEXAMPLE"}), bucket(), RESOURCE, BUCKET),
    "INVALID_USER_REFERENCE": (bucket(Principal={"AWS": "AIDAEXAMPLEEXAMPLE"}), bucket(), RESOURCE, BUCKET),
    "INVALID_SERVICE_PRINCIPAL_FORMAT": (
        bucket(Principal={"Service": "cloudtrail"}, Condition=SOURCE),
        bucket(**SERVICE, Condition=SOURCE),
        RESOURCE,
        BUCKET,
    ),
    "ALLOW_WITH_NOT_PRINCIPAL": (
        bucket(Principal=None, NotPrincipal={"AWS": ROLE}),
        bucket(Principal=None, NotPrincipal={"AWS": ROLE}, Effect="Deny"),
        RESOURCE,
        BUCKET,
    ),
    "FEDERATED_PRINCIPAL_NOT_SUPPORTED": (bucket(Principal={"Federated": SAML}), bucket(), RESOURCE, BUCKET),
    "RESTRICT_ACCESS_TO_SERVICE_PRINCIPAL": (
        bucket(**SERVICE),
        bucket(**SERVICE, Condition=SOURCE),
        RESOURCE,
        BUCKET,
    ),
    "RECOMMENDED_CONDITION_KEY_FOR_SERVICE_PRINCIPAL": (
        bucket(**SERVICE, Condition={"StringEquals": {"aws:Referer": ACCOUNT}}),
        bucket(**SERVICE, Condition=SOURCE),
        RESOURCE,
        BUCKET,
    ),
    "UNSUPPORTED_CONDITION_KEY_FOR_SERVICE_PRINCIPAL": (
        bucket(**SERVICE, Condition={"StringEquals": {"aws:PrincipalOrgID": "o-1"}}),
        bucket(Condition={"StringEquals": {"aws:PrincipalOrgID": "o-1"}}),
        RESOURCE,
        BUCKET,
    ),
    # -- trust policies
    "ROLE_TRUST_POLICY_SYNTAX_ERROR_NOTPRINCIPAL": (
        trust(Principal=None, NotPrincipal={"AWS": ROLE}),
        trust(),
        RESOURCE,
        TRUST,
    ),
    "ROLE_TRUST_POLICY_SYNTAX_ERROR_RESOURCE": (trust(Resource="*"), trust(), RESOURCE, TRUST),
    "ROLE_TRUST_POLICY_UNSUPPORTED_WILDCARD_IN_PRINCIPAL": (trust(Principal="*"), trust(), RESOURCE, TRUST),
    "MISMATCHED_ACTION_FOR_PRINCIPAL": (web(Action="sts:AssumeRole"), web(), RESOURCE, TRUST),
    "INVALID_FEDERATED_PRINCIPAL_SYNTAX_IN_ROLE_TRUST_POLICY": (
        web(Principal={"Federated": "my provider"}),
        web(),
        RESOURCE,
        TRUST,
    ),
    "REDUNDANT_PRINCIPAL_IN_ROLE_TRUST_POLICY": (
        trust(Principal={"AWS": [ROLE, f"arn:aws:sts::{ACCOUNT}:assumed-role/orders/s"]}),
        trust(Principal={"AWS": [ROLE, f"arn:aws:sts::{ACCOUNT}:assumed-role/other/s"]}),
        RESOURCE,
        TRUST,
    ),
    "MISSING_ACTION_FOR_ROLES_ANYWHERE_TRUST_POLICY": (
        trust(Principal={"Service": "rolesanywhere.amazonaws.com"}),
        trust(
            Principal={"Service": "rolesanywhere.amazonaws.com"},
            Action=["sts:AssumeRole", "sts:SetSourceIdentity", "sts:TagSession"],
        ),
        RESOURCE,
        TRUST,
    ),
    "MISSING_ACTION_FOR_CONDITION_KEY": (
        trust(Condition={"StringEquals": {"sts:SourceIdentity": "anna"}}),
        trust(
            Action=["sts:AssumeRole", "sts:SetSourceIdentity"],
            Condition={"StringEquals": {"sts:SourceIdentity": "anna"}},
        ),
        RESOURCE,
        TRUST,
    ),
    "MISSING_GITHUB_REPO_CONDITION_KEY": (web(Condition=None), web(), RESOURCE, TRUST),
    "MISSING_CONDITION_KEY_FOR_OIDC_PRINCIPAL": (
        web(Principal={"Federated": "accounts.google.com"}, Condition=None),
        web(
            Principal={"Federated": "accounts.google.com"},
            Condition={"StringEquals": {"accounts.google.com:aud": "app"}},
        ),
        RESOURCE,
        TRUST,
    ),
    "SPECIFIC_GITHUB_REPO_AND_BRANCH_RECOMMENDED": (
        web(Condition={"StringLike": {f"{GITHUB}:sub": "repo:o/*"}}),
        web(),
        RESOURCE,
        TRUST,
    ),
    "FORANYVALUE_WITH_AUDIENCE_CLAIM_TYPE": (
        web(Condition={**FEDERATED, "ForAnyValue:StringEquals": {f"{GITHUB}:aud": ["a"]}}),
        web(),
        RESOURCE,
        TRUST,
    ),
    # -- resource control policies
    "RCP_SYNTAX_ERROR_PRINCIPAL": (rcp(Principal={"AWS": "*"}), rcp(), RCP, None),
    "RCP_SYNTAX_ERROR_NOTACTION": (rcp(Action=None, NotAction="s3:GetObject"), rcp(), RCP, None),
    "RCP_SYNTAX_ERROR_ACTION": (rcp(Action="ec2:RunInstances"), rcp(), RCP, None),
    "RCP_SYNTAX_ERROR_ALLOW": (
        rcp(Effect="Allow", Action="*", Resource="arn:aws:s3:::photos/*"),
        rcp(Effect="Allow", Action="*"),
        RCP,
        None,
    ),
    "RCP_MISSING_RELATED_PRINCIPAL_CONDITION_KEY": (
        rcp(Condition=without(RCP_SAFE, "BoolIfExists")),
        rcp(Condition=RCP_SAFE),
        RCP,
        None,
    ),
    "RCP_MISSING_RELATED_SERVICE_PRINCIPAL_CONDITION_KEY": (
        rcp(Condition=without(RCP_SOURCE, "BoolIfExists")),
        rcp(Condition=RCP_SOURCE),
        RCP,
        None,
    ),
    "RCP_MISSING_SERVICE_CONDITION_KEY_NULL_CHECK": (
        rcp(Condition=without(RCP_SOURCE, "Null")),
        rcp(Condition=RCP_SOURCE),
        RCP,
        None,
    ),
    # -- operators and keys
    "EMPTY_OBJECT_CONDITION": (one(Condition={}), one(), IDENTITY, None),
    "INVALID_CONDITION_OPERATOR": (
        condition("StringEqual", "aws:username", "a"),
        condition("StringEquals", "aws:username", "a"),
        IDENTITY,
        None,
    ),
    "NULL_WITH_IF_EXISTS": (
        condition("NullIfExists", "aws:username", "true"),
        condition("Null", "aws:username", "true"),
        IDENTITY,
        None,
    ),
    "NULL_WITH_QUALIFIER": (
        condition("ForAllValues:Null", "aws:TagKeys", "true"),
        condition("Null", "aws:TagKeys", "true"),
        IDENTITY,
        None,
    ),
    "DUPLICATE_KEYS_WITH_DIFFERENT_CASE": (
        one(Condition={"StringEquals": {"aws:username": "a", "aws:UserName": "b"}}),
        one(Condition={"StringEquals": {"aws:username": "a", "aws:userid": "b"}}),
        IDENTITY,
        None,
    ),
    "INVALID_CONDITION_KEY_FORMAT": (
        condition("StringEquals", "username", "a"),
        condition("StringEquals", "aws:username", "a"),
        IDENTITY,
        None,
    ),
    "UNSUPPORTED_GLOBAL_CONDITION_KEY": (
        condition("ArnEquals", "aws:ARN", ROLE),
        condition("ArnEquals", "aws:PrincipalArn", ROLE),
        IDENTITY,
        None,
    ),
    "MISSING_TAG_KEY_IN_CONDITION": (
        condition("StringEquals", "aws:PrincipalTag", "a"),
        condition("StringEquals", "aws:PrincipalTag/team", "a"),
        IDENTITY,
        None,
    ),
    "INVALID_GLOBAL_CONDITION_KEY": (
        condition("StringEquals", "aws:user", "a"),
        condition("StringEquals", "aws:username", "a"),
        IDENTITY,
        None,
    ),
    "INVALID_SERVICE_CONDITION_KEY": (
        condition("StringEquals", "dynamodb:Keys", "a"),
        condition("StringEquals", "dynamodb:Select", "COUNT"),
        IDENTITY,
        None,
    ),
    "TYPE_MISMATCH": (
        condition("StringEquals", "aws:MultiFactorAuthPresent", "true"),
        condition("Bool", "aws:MultiFactorAuthPresent", "true"),
        IDENTITY,
        None,
    ),
    "STRING_LIKE_OPERATOR_WITH_ARN_CONDITION_KEYS": (
        condition("StringLike", "aws:PrincipalArn", f"{ROLE}*"),
        condition("ArnLike", "aws:PrincipalArn", f"{ROLE}*"),
        IDENTITY,
        None,
    ),
    "MISSING_QUALIFIER": (
        condition("StringEquals", "dynamodb:LeadingKeys", "a"),
        condition("ForAllValues:StringEquals", "dynamodb:LeadingKeys", "a"),
        IDENTITY,
        None,
    ),
    "FORALLVALUES_WITH_SINGLE_VALUED_KEY": (
        condition("ForAllValues:StringEquals", "aws:username", "a"),
        condition("ForAllValues:StringEquals", "aws:username", "a", Effect="Deny"),
        IDENTITY,
        None,
    ),
    "UNSUPPORTED_ACTION_FOR_CONDITION_KEY": (
        condition("StringLike", "s3:prefix", "a/*", Action="s3:GetObject", Resource="arn:aws:s3:::photos/*"),
        condition("StringLike", "s3:prefix", "a/*", Action="s3:ListBucket", Resource="arn:aws:s3:::photos"),
        IDENTITY,
        None,
    ),
    "ALLOW_WITH_UNSUPPORTED_TAG_CONDITION_KEY_FOR_SERVICE": (
        one(**NOT_TAGGED),
        one(**RESOURCE_TAGGED),
        IDENTITY,
        None,
    ),
    "DENY_WITH_UNSUPPORTED_TAG_CONDITION_KEY_FOR_SERVICE": (
        one(**NOT_TAGGED, Effect="Deny"),
        one(**RESOURCE_TAGGED, Effect="Deny"),
        IDENTITY,
        None,
    ),
    "ALLOW_NOTACTION_WITH_UNSUPPORTED_TAG_CONDITION_KEY_FOR_SERVICE": (
        one(Action=None, NotAction=["iam:*"], Resource=TABLE, Condition=TAG),
        one(**RESOURCE_TAGGED),
        IDENTITY,
        None,
    ),
    "DENY_NOTACTION_WITH_UNSUPPORTED_TAG_CONDITION_KEY_FOR_SERVICE": (
        one(Action=None, NotAction=["iam:*"], Resource=TABLE, Condition=TAG, Effect="Deny"),
        one(**RESOURCE_TAGGED, Effect="Deny"),
        IDENTITY,
        None,
    ),
    "UNTRUSTWORTHY_CONDITION_KEY": (
        condition("StringEquals", "aws:UserAgent", "me"),
        condition("StringEquals", "aws:username", "me"),
        IDENTITY,
        None,
    ),
    "MISSING_PAIRED_CONDITION_KEYS": (
        condition("IpAddress", "aws:VpcSourceIp", "10.0.0.0/8"),
        one(
            Condition={
                "IpAddress": {"aws:VpcSourceIp": "10.0.0.0/8"},
                "StringEquals": {"aws:SourceVpc": "vpc-12345678"},
            }
        ),
        IDENTITY,
        None,
    ),
    "IRRELEVANT_CONDITION_KEY_IN_POLICY": (
        bucket(Condition={"StringEquals": {"s3:ResourceAccount": ACCOUNT}}),
        bucket(Condition={"StringEquals": {"aws:PrincipalAccount": ACCOUNT}}),
        RESOURCE,
        BUCKET,
    ),
    "S3_PREFIX_IN_NEGATIVE_CONTEXT": (
        condition("StringLike", "s3:prefix", "a/*", Action="s3:ListBucket", Resource="arn:aws:s3:::b", Effect="Deny"),
        condition(
            "StringNotLike", "s3:prefix", "a/*", Action="s3:ListBucket", Resource="arn:aws:s3:::b", Effect="Deny"
        ),
        IDENTITY,
        None,
    ),
    "DYNAMODB_ATTRIBUTES_WITHOUT_SELECT": (
        condition("ForAllValues:StringEquals", "dynamodb:Attributes", "a"),
        one(
            Condition={
                "ForAllValues:StringEquals": {"dynamodb:Attributes": "a"},
                "StringEquals": {"dynamodb:Select": "SPECIFIC_ATTRIBUTES"},
            }
        ),
        IDENTITY,
        None,
    ),
    # -- values
    "EMPTY_ARRAY_CONDITION": (
        condition("StringEquals", "aws:username", []),
        condition("StringEquals", "aws:username", ["a"]),
        IDENTITY,
        None,
    ),
    "EMPTY_ARRAY_CONDITION_FORALLVALUES": (
        condition("ForAllValues:StringEquals", "aws:TagKeys", []),
        condition("ForAllValues:StringEquals", "aws:TagKeys", ["a"]),
        IDENTITY,
        None,
    ),
    "EMPTY_ARRAY_CONDITION_FORANYVALUE": (
        condition("ForAnyValue:StringEquals", "aws:TagKeys", []),
        condition("ForAnyValue:StringEquals", "aws:TagKeys", ["a"]),
        IDENTITY,
        None,
    ),
    "EMPTY_ARRAY_CONDITION_IFEXISTS": (
        condition("StringEqualsIfExists", "aws:username", []),
        condition("StringEqualsIfExists", "aws:username", ["a"]),
        IDENTITY,
        None,
    ),
    "INVALID_CONDITION_DATA_TYPE": (
        condition("NumericEquals", "aws:MultiFactorAuthAge", 1, "2"),
        condition("NumericEquals", "aws:MultiFactorAuthAge", "1", "2"),
        IDENTITY,
        None,
    ),
    "INVALID_CONDITION_MULTIPLE_BOOLEAN": (
        condition("Bool", "aws:SecureTransport", "true", "false"),
        condition("Bool", "aws:SecureTransport", "true"),
        IDENTITY,
        None,
    ),
    "TYPE_MISMATCH_BOOLEAN": (
        condition("Bool", "aws:SecureTransport", "yes"),
        condition("Bool", "aws:SecureTransport", False),
        IDENTITY,
        None,
    ),
    "TYPE_MISMATCH_NUMBER": (
        condition("NumericLessThan", "aws:MultiFactorAuthAge", "an hour"),
        condition("NumericLessThan", "aws:MultiFactorAuthAge", 3600),
        IDENTITY,
        None,
    ),
    "TYPE_MISMATCH_DATE": (
        condition("DateLessThan", "aws:CurrentTime", "tomorrow"),
        condition("DateLessThan", "aws:CurrentTime", "2026-11-21T12:00:00Z"),
        IDENTITY,
        None,
    ),
    "INVALID_DATE_VALUE": (
        condition("DateLessThan", "aws:CurrentTime", "1795219200"),
        condition("DateLessThan", "aws:CurrentTime", "2026-11-21"),
        IDENTITY,
        None,
    ),
    "TYPE_MISMATCH_STRING": (
        condition("BinaryEquals", "aws:username", "?"),
        condition("BinaryEquals", "aws:username", "QmluYXJ5"),
        IDENTITY,
        None,
    ),
    "TYPE_MISMATCH_IP_RANGE": (
        condition("IpAddress", "aws:SourceIp", "203.0.113.300"),
        condition("IpAddress", "aws:SourceIp", "203.0.113.0/24"),
        IDENTITY,
        None,
    ),
    "IMPROVE_IP_RANGE": (
        condition("IpAddress", "aws:SourceIp", "203.0.113.7/24"),
        condition("IpAddress", "aws:SourceIp", "203.0.113.7/32"),
        IDENTITY,
        None,
    ),
    "PRIVATE_IP_ADDRESS": (
        condition("IpAddress", "aws:SourceIp", "10.0.0.0/8"),
        condition("IpAddress", "aws:SourceIp", "203.0.113.0/24"),
        IDENTITY,
        None,
    ),
    "PRIVATE_IP_ADDRESS_SUBSET": (
        condition("IpAddress", "aws:SourceIp", "10.0.0.0/8", "203.0.113.0/24"),
        condition("IpAddress", "aws:SourceIp", "198.51.100.0/24", "203.0.113.0/24"),
        IDENTITY,
        None,
    ),
    "PRIVATE_NOT_IP_ADDRESS": (
        condition("NotIpAddress", "aws:SourceIp", "fc00::/7"),
        condition("NotIpAddress", "aws:SourceIp", "203.0.113.0/24"),
        IDENTITY,
        None,
    ),
    "PRIVATE_NOT_IP_ADDRESS_SUBSET": (
        condition("NotIpAddress", "aws:SourceIp", "192.168.1.1", "203.0.113.0/24"),
        condition("NotIpAddress", "aws:SourceIp", "203.0.113.0/24"),
        IDENTITY,
        None,
    ),
    "INVALID_VPC_FORMAT": (
        condition("StringEquals", "aws:SourceVpc", "my-vpc"),
        condition("StringEquals", "aws:SourceVpc", "vpc-11223344556677889"),
        IDENTITY,
        None,
    ),
    "INVALID_VPCE_FORMAT": (
        condition("StringEquals", "aws:SourceVpce", "vpc-12345678"),
        condition("StringEquals", "aws:SourceVpce", "vpce-12345678"),
        IDENTITY,
        None,
    ),
    "INVALID_REGION": (
        condition("StringEquals", "aws:RequestedRegion", "us-east-9"),
        condition("StringEquals", "aws:RequestedRegion", "us-east-1"),
        IDENTITY,
        None,
    ),
    "INVALID_KMS_KEY_VALUE": (
        condition(
            "ArnEquals",
            "s3:x-amz-server-side-encryption-aws-kms-key-id",
            "alias/mine",
            Action="s3:PutObject",
            Resource="arn:aws:s3:::photos/*",
        ),
        condition(
            "ArnEquals",
            "s3:x-amz-server-side-encryption-aws-kms-key-id",
            f"arn:aws:kms:us-east-1:{ACCOUNT}:key/k",
            Action="s3:PutObject",
            Resource="arn:aws:s3:::photos/*",
        ),
        IDENTITY,
        None,
    ),
    "INVALID_VARIABLE_FOR_OPERATOR": (
        condition("NumericEquals", "aws:MultiFactorAuthAge", "${aws:PrincipalTag/age}"),
        condition("StringEquals", "aws:username", "${aws:PrincipalTag/name}"),
        IDENTITY,
        None,
    ),
    "WILDCARD_WITHOUT_LIKE_OPERATOR": (
        condition("StringEquals", "aws:username", "a*"),
        condition("StringLike", "aws:username", "a*"),
        IDENTITY,
        None,
    ),
    "WILDCARD_USAGE_TOO_PERMISSIVE": (
        condition("StringLike", "aws:PrincipalOrgID", "o-*"),
        condition("StringLike", "aws:PrincipalOrgPaths", "o-1/*"),
        IDENTITY,
        None,
    ),
    "REDUNDANT_CONDITION_VALUE_NUM": (
        condition("NumericLessThan", "aws:MultiFactorAuthAge", "2700", "3600"),
        condition("NumericLessThan", "aws:MultiFactorAuthAge", "3600"),
        IDENTITY,
        None,
    ),
    "EQUIVALENT_TO_NULL_FALSE": (
        condition("StringLike", "aws:PrincipalTag/team", "*"),
        condition("StringLike", "aws:PrincipalTag/team", "a*"),
        IDENTITY,
        None,
    ),
    "EQUIVALENT_TO_NULL_TRUE": (
        condition("StringNotLike", "aws:PrincipalTag/team", "*"),
        condition("StringNotLike", "aws:PrincipalTag/team", "a*"),
        IDENTITY,
        None,
    ),
    "REDUNDANT_KEY_DUE_TO_WILDCARD_IN_CONDITION": (
        condition("StringLikeIfExists", "aws:PrincipalTag/team", "*"),
        condition("StringLike", "aws:PrincipalTag/team", "*"),
        IDENTITY,
        None,
    ),
    "REDUNDANT_STATEMENT_DUE_TO_WILDCARD_IN_CONDITION": (
        condition("ForAnyValue:StringNotLike", "aws:TagKeys", "*"),
        condition("ForAnyValue:StringNotLike", "aws:TagKeys", "a*"),
        IDENTITY,
        None,
    ),
}


def test_every_check_has_a_case() -> None:
    assert set(CASES) == set(CHECKS)


@pytest.mark.parametrize("code", CASES)
def test_a_finding_is_there(code: str) -> None:
    bad, _, policy_type, resource_type = CASES[code]
    assert code in found(bad, policy_type, resource_type)


@pytest.mark.parametrize("code", CASES)
def test_and_is_not_where_nothing_is_wrong(code: str) -> None:
    _, good, policy_type, resource_type = CASES[code]
    assert code not in found(good, policy_type, resource_type)


@pytest.mark.parametrize(
    ("text", "policy_type", "resource_type"),
    [
        (one(), IDENTITY, None),
        (one(), SCP, None),
        (rcp(), RCP, None),
        (bucket(), RESOURCE, BUCKET),
        (bucket(Effect="Deny", Principal="*", Condition={"Bool": {"aws:SecureTransport": "false"}}), RESOURCE, BUCKET),
        (trust(), RESOURCE, TRUST),
        (trust(Principal={"Service": "lambda.amazonaws.com"}), RESOURCE, TRUST),
        (web(), RESOURCE, TRUST),
        (passing(Condition={"StringEquals": {"iam:PassedToService": "lambda.amazonaws.com"}}), IDENTITY, None),
        (
            one(Action="logs:PutLogEvents", Resource=f"arn:aws:logs:*:{ACCOUNT}:log-group:/aws/lambda/f:*"),
            IDENTITY,
            None,
        ),
        (one(Action="xray:PutTraceSegments", Resource="*"), IDENTITY, None),
        (condition("ForAllValues:StringEquals", "dynamodb:LeadingKeys", "${aws:PrincipalTag/tenant}"), IDENTITY, None),
    ],
)  # fmt: skip
def test_a_good_policy_has_no_findings(text: str, policy_type: PolicyType, resource_type: ResourceType | None) -> None:
    assert found(text, policy_type, resource_type) == []


#: The example of https://docs.aws.amazon.com/cli/latest/reference/accessanalyzer/validate-policy.html, with an audience
#: two characters longer: by the spans of its output that is what was validated, before EXAMPLE took the id's place.
EXAMPLE = """{
    "Version": "2012-10-17",
    "Statement": [
        {
            "Sid": "",
            "Effect": "Allow",
            "Principal": {
                "Federated": "cognito-identity.amazonaws.com"
            },
            "Action": [
                "sts:AssumeRole",
                "sts:TagSession"
            ],
            "Condition": {
                "StringEquals": {
                    "cognito-identity.amazonaws.com:aud": "us-west-2_EXAMPLE00"
                }
            }
        }
    ]
}
"""


def place(line: int, column: int, offset: int) -> dict[str, int]:
    return {"line": line, "column": column, "offset": offset}


def test_awss_own_example_gives_awss_own_findings() -> None:
    findings = [each.as_api() for each in validate(EXAMPLE, RESOURCE)]
    in_statement = [{"value": "Statement"}, {"index": 0}]
    assert [each["issueCode"] for each in findings] == [
        "EMPTY_SID_VALUE",
        "MISMATCHED_ACTION_FOR_PRINCIPAL",
        "UNSUPPORTED_ACTION_FOR_CONDITION_KEY",
    ]
    page = "https://docs.aws.amazon.com/IAM/latest/UserGuide/access-analyzer-reference-policy-checks.html"
    assert findings[0] == {
        "findingDetails": "Add a value to the empty string in the Sid element.",
        "findingType": "SUGGESTION",
        "issueCode": "EMPTY_SID_VALUE",
        "learnMoreLink": f"{page}#access-analyzer-reference-policy-checks-suggestion-empty-sid-value",
        "locations": [
            {
                "path": [*in_statement, {"value": "Sid"}],
                "span": {"start": place(5, 19, 79), "end": place(5, 21, 81)},
            }
        ],
    }
    assert findings[1]["findingDetails"] == (
        "The sts:AssumeRole action is invalid with the following principal(s): cognito-identity.amazonaws.com. Use a "
        "SAML provider principal with the sts:AssumeRoleWithSAML action or use an OIDC provider principal with the "
        "sts:AssumeRoleWithWebIdentity action. Ensure the provider is Federated if you use either of the two options."
    )
    assert findings[1]["locations"] == [
        {
            "path": [*in_statement, {"value": "Action"}, {"index": 0}],
            "span": {"start": place(11, 16, 258), "end": place(11, 32, 274)},
        },
        {
            "path": [*in_statement, {"value": "Principal"}, {"value": "Federated"}],
            "span": {"start": place(8, 29, 170), "end": place(8, 61, 202)},
        },
    ]
    assert findings[2]["findingDetails"].startswith("The following actions: sts:TagSession are not supported by the ")
    assert findings[2]["locations"] == [
        {
            "path": [*in_statement, {"value": "Action"}, {"index": 1}],
            "span": {"start": place(12, 16, 292), "end": place(12, 32, 308)},
        },
        {
            "path": [
                *in_statement,
                {"value": "Condition"},
                {"value": "StringEquals"},
                {"value": "cognito-identity.amazonaws.com:aud"},
            ],
            "span": {"start": place(16, 58, 443), "end": place(16, 79, 464)},
        },
    ]


def test_findings_have_the_apis_shape() -> None:
    service = botocore.session.get_session().get_service_model("accessanalyzer")
    shape = service.shape_for("ValidatePolicyFinding")
    for bad, _, policy_type, resource_type in CASES.values():
        for finding in validate(bad, policy_type, resource_type):
            assert not ParamValidator().validate(finding.as_api(), shape).has_errors()
            assert finding.type in service.shape_for("ValidatePolicyFindingType").enum
            assert "{" not in finding.details.replace("${ }", "").replace('{ "aws', "").replace("{aws", "")


def test_a_single_statement_needs_no_number_in_its_path() -> None:
    text = json.dumps({"Version": "2012-10-17", "Statement": statement(Effect="x")})
    (finding,) = validate(text, IDENTITY)
    assert [dict(step) for step in finding.locations[0].path] == [{"value": "Statement"}, {"value": "Effect"}]


def test_a_name_that_is_wrong_is_pointed_at() -> None:
    (finding,) = validate(condition("StringEqual", "aws:username", "a"), IDENTITY)
    location = finding.locations[0]
    assert dict(location.path[-1]) == {"key": "StringEqual"}
    text = condition("StringEqual", "aws:username", "a")
    assert text[location.start.offset : location.end.offset] == '"StringEqual"'


@pytest.mark.parametrize(
    ("action", "details"),
    [
        ("dynamodb:GetItems", "The action dynamodb:GetItems does not exist. Did you mean dynamodb:GetItem?"),
        ("dynamo:GetItem", "The service dynamo specified in the action does not exist. Did you mean dynamodb?"),
        ("dynamodb:Qx*", "The action dynamodb:Qx* does not exist."),
    ],
)
def test_the_nearest_name_is_suggested(action: str, details: str) -> None:
    assert [each.details for each in validate(one(Action=action), IDENTITY)] == [details]


def test_everything_for_everyone_has_two_findings() -> None:
    # As AWS's page says of AdministratorAccess.
    assert sorted(found(one(Action="*", Resource="*"))) == [
        "CREATE_SLR_WITH_STAR_IN_ACTION_AND_RESOURCE",
        "PASS_ROLE_WITH_STAR_IN_ACTION_AND_RESOURCE",
    ]


def test_json_errors_name_their_place() -> None:
    (finding,) = validate('{\n  "Version": "2012-10-17",\n}', IDENTITY)
    assert finding.details == "Fix the JSON syntax error at index 29 line 3 column 0."


def test_links_lead_to_the_check() -> None:
    assert learn_more("PASS_ROLE_WITH_STAR_IN_RESOURCE").endswith("-security-warning-pass-role-with-star-in-resource")
    assert learn_more("MISSING_VERSION").endswith("-general-warning-missing-version")


@pytest.mark.parametrize(
    "text",
    [
        "[" * 130_000,
        '{"Statement": [' + "{}," * 40_000 + "{}]}",
        one(Action=[f"s3:Get{number}*" for number in range(5_000)]),
        one(Action=[f"ec2:Nothing{number}" for number in range(5_000)]),
        one(Action=[f"nothing{number}:X" for number in range(5_000)]),
        one(Action=[f"ec2:*{number}*" for number in range(5_000)], Condition=TAG),
        one(Action=[f"*:?{number}*" for number in range(5_000)], Condition=TAG),
        one(Action="s3:" + "*a" * 60_000),
        one(Resource="arn:aws:s3:::" + "*?" * 50_000),
        one(Resource=[f"arn:aws:s3:::b{number}*" for number in range(4_000)]),
        one(Resource="arn:aws:dynamodb:::" + "${" * 40_000),
        one(Condition={"StringLike": {f"aws:PrincipalTag/{number}": "*" for number in range(3_000)}}),
        '{"Version": "\ud800", "Statement": []}',
    ],
)
def test_bad_input_is_answered_soon(text: str) -> None:
    start = time.perf_counter()
    validate(text, IDENTITY)
    # Within a few hundredfold of what it takes: what grows with the square takes minutes.
    assert time.perf_counter() - start < 5


def test_what_is_longer_than_any_policy_is_not_looked_at() -> None:
    with pytest.raises(TooLong):
        validate(" " * 10_000_000, IDENTITY)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.sampled_from(["*", "Allow", "s3:Get*", TABLE]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["Statement", "Effect", "Action", "Resource", "Principal", "Condition", "StringLike", "AWS", "a:b"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=20,
)


@settings(max_examples=300, deadline=None)
@given(JSON, st.sampled_from([IDENTITY, RESOURCE, SCP, RCP]), st.sampled_from([None, TRUST, BUCKET]))
def test_any_document_is_answered(value: Any, policy_type: PolicyType, resource_type: ResourceType | None) -> None:
    text = json.dumps(value)
    for finding in validate(text, policy_type, resource_type):
        for location in finding.locations:
            assert 0 <= location.start.offset <= location.end.offset <= len(text)


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=60))
def test_any_text_is_answered(text: str) -> None:
    validate(text, IDENTITY)
