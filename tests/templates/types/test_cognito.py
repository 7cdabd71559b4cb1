"""User pools and their app clients, as a template makes them."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from sandbox.templates.types.resource_type import Failed
from tests.templates.types.conftest import STACK_ID, Bench

PASSWORDS = {"PasswordPolicy": {"MinimumLength": "10", "RequireSymbols": "false"}}


def pool(bench: Bench, pool_id: str) -> dict[str, Any]:
    found: dict[str, Any] = bench.client("cognito-idp").describe_user_pool(UserPoolId=pool_id)["UserPool"]
    return found


def test_a_pool_has_its_settings_its_tags_and_its_names(bench: Bench) -> None:
    given = {"UsernameAttributes": ["email"], "Schema": [{"Name": "email", "Required": True}]}
    more = {"Policies": PASSWORDS, "AutoVerifiedAttributes": ["email"], "UserPoolTags": {"team": "shop"}}
    work = bench.create("AWS::Cognito::UserPool", {**given, **more}, "Users")
    found = pool(bench, bench.ref(work))
    assert found["Name"].startswith("shop-Users-")
    assert found["Policies"]["PasswordPolicy"]["MinimumLength"] == 10
    assert (found["UserPoolTags"]["team"], found["UserPoolTags"]["aws:cloudformation:stack-id"]) == ("shop", STACK_ID)
    attributes = bench.attributes(work)
    assert attributes["Arn"] == found["Arn"]
    assert attributes["ProviderName"] == f"cognito-idp.us-east-1.amazonaws.com/{found['Id']}"
    assert attributes["ProviderURL"] == f"https://{attributes['ProviderName']}"
    grown = {**given, "Schema": [*given["Schema"], {"Name": "level", "AttributeDataType": "String"}]}
    work = bench.update(work, {**grown, "UserPoolName": "users", "DeletionProtection": "ACTIVE"})
    found = pool(bench, work.physical_id)
    assert (found["Name"], found["UsernameAttributes"]) == ("users", ["email"])
    assert "custom:level" in {each["Name"] for each in found["SchemaAttributes"]}
    assert "AutoVerifiedAttributes" not in found
    assert "team" not in found["UserPoolTags"]
    with pytest.raises(ClientError, match="deletion protection"):
        bench.delete(work)
    with pytest.raises(Failed, match="AliasAttributes"):
        bench.update(work, {**grown, "AliasAttributes": ["email"]})
    work = bench.update(work, {**grown, "UserPoolName": "users"})
    bench.delete(work)
    with pytest.raises(ClientError, match="NotFound"):
        bench.delete(work)


def test_second_factors(bench: Bench) -> None:
    given = {"MfaConfiguration": "OPTIONAL", "EnabledMfas": ["SOFTWARE_TOKEN_MFA"]}
    work = bench.create("AWS::Cognito::UserPool", given)
    found = bench.client("cognito-idp").get_user_pool_mfa_config(UserPoolId=work.physical_id)
    assert (found["MfaConfiguration"], found["SoftwareTokenMfaConfiguration"]) == ("OPTIONAL", {"Enabled": True})


def test_a_client_signs_users_in_as_its_template_says(bench: Bench) -> None:
    client = bench.client("cognito-idp")
    users = bench.create("AWS::Cognito::UserPool", {}).physical_id
    given = {"UserPoolId": users, "GenerateSecret": "true"}
    flows = {"ExplicitAuthFlows": ["ALLOW_USER_PASSWORD_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"]}
    app = bench.create("AWS::Cognito::UserPoolClient", {**given, **flows, "RefreshTokenValidity": 5}, "App")
    attributes = bench.attributes(app)
    assert attributes["ClientId"] == bench.ref(app)
    assert attributes["Name"].startswith("shop-App-")
    assert attributes["ClientSecret"]
    app = bench.update(app, {**given, **flows, "ClientName": "app"})
    found = client.describe_user_pool_client(UserPoolId=users, ClientId=app.physical_id)["UserPoolClient"]
    assert (found["ClientName"], found["RefreshTokenValidity"]) == ("app", 30)
    assert found["ExplicitAuthFlows"] == flows["ExplicitAuthFlows"]
    assert bench.attributes(app)["ClientSecret"] == attributes["ClientSecret"]
    bench.delete(app)
    with pytest.raises(ClientError, match="NotFound"):
        bench.delete(app)
