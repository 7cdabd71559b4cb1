"""Deployments at work: their steps, their lifecycle, and what the alias looks like meanwhile."""

from __future__ import annotations

import re

import pytest

from sandbox.isolation import isolated_session
from tests.delivery.conftest import ALL_AT_ONCE, CANARY, CODEDEPLOY, LINEAR, Delivery, inline, trust


def test_a_canary_gives_ten_percent_for_five_minutes_and_then_all(delivery: Delivery) -> None:
    delivery.versions("canary")
    delivery.group("canary", CANARY)
    identifier = delivery.begin("canary")
    assert re.fullmatch(r"d-[A-Z0-9]{9}", identifier)
    assert delivery.alias("canary") == ("1", {"2": 0.1})
    info = delivery.info(identifier)
    assert (info["status"], info["creator"], info["computePlatform"]) == ("InProgress", "user", "Lambda")
    assert info["deploymentOverview"]["InProgress"] == 1
    assert delivery.lifecycle(identifier) == {
        "BeforeAllowTraffic": "Succeeded",
        "AllowTraffic": "InProgress",
        "AfterAllowTraffic": "Pending",
    }
    assert delivery.target(identifier)["lambdaFunctionInfo"] == {
        "functionName": "canary",
        "functionAlias": "live",
        "currentVersion": "1",
        "targetVersion": "2",
        "targetVersionWeight": 0.1,
    }
    delivery.clock.advance(290)
    assert delivery.alias("canary") == ("1", {"2": 0.1})
    delivery.clock.advance(15)
    assert delivery.alias("canary") == ("2", {})
    info = delivery.info(identifier)
    assert info["status"] == "Succeeded"
    assert (info["completeTime"] - info["startTime"]).total_seconds() == pytest.approx(300, abs=5)
    assert set(delivery.lifecycle(identifier).values()) == {"Succeeded"}
    assert delivery.target(identifier)["lambdaFunctionInfo"]["targetVersionWeight"] == 1.0


def test_a_linear_deployment_gives_ten_percent_more_each_minute(delivery: Delivery) -> None:
    delivery.versions("linear")
    delivery.group("linear", LINEAR)
    identifier = delivery.begin("linear")
    seen = [delivery.alias("linear")]
    for _ in range(9):
        delivery.clock.advance(60)
        seen.append(delivery.alias("linear"))
    assert seen[:9] == [("1", {"2": at / 10}) for at in range(1, 10)]
    assert seen[9] == ("2", {})
    assert delivery.info(identifier)["status"] == "Succeeded"


def test_all_at_once_leaves_no_time_between_the_versions(delivery: Delivery) -> None:
    delivery.versions("once")
    delivery.group("once", ALL_AT_ONCE)
    identifier = delivery.begin("once")
    assert delivery.alias("once") == ("2", {})
    assert delivery.info(identifier)["status"] == "Succeeded"


def test_a_configuration_of_ones_own_is_followed(delivery: Delivery) -> None:
    delivery.deploy.create_deployment_config(
        deploymentConfigName="Thirds",
        computePlatform="Lambda",
        trafficRoutingConfig={
            "type": "TimeBasedLinear",
            "timeBasedLinear": {"linearPercentage": 33, "linearInterval": 2},
        },
    )
    delivery.versions("own")
    delivery.group("own", ALL_AT_ONCE)
    identifier = delivery.begin("own", deploymentConfigName="Thirds")
    assert delivery.info(identifier)["deploymentConfigName"] == "Thirds"
    seen = [delivery.alias("own")]
    for _ in range(3):
        delivery.clock.advance(120)
        seen.append(delivery.alias("own"))
    assert seen == [("1", {"2": 0.33}), ("1", {"2": 0.66}), ("1", {"2": 0.99}), ("2", {})]


def test_a_deployment_needs_the_alias_at_the_current_version(delivery: Delivery) -> None:
    delivery.versions("elsewhere", 3)
    delivery.group("elsewhere")
    identifier = delivery.begin("elsewhere", delivery.spec("elsewhere", "2", "3"))
    # https://github.com/aws/serverless-application-model/issues/291
    assert delivery.error(identifier) == (
        "Failed",
        "INVALID_LAMBDA_CONFIGURATION",
        "The deployment failed because the AppSpec file that specifies the AWS Lambda deployment configuration is "
        "missing or has an invalid configuration. The Lambda function alias version does not match the current "
        "version in AppSpec file.",
    )
    assert "rollbackInfo" not in delivery.info(identifier)
    assert delivery.alias("elsewhere") == ("1", {})


def test_a_deployment_to_a_version_that_is_not_there_fails_and_leaves_the_alias(delivery: Delivery) -> None:
    delivery.versions("nowhere")
    delivery.group("nowhere")
    identifier = delivery.begin("nowhere", delivery.spec("nowhere", "1", "9"))
    status, code, message = delivery.error(identifier)
    assert (status, code) == ("Failed", "INVALID_LAMBDA_CONFIGURATION")
    assert message.endswith(
        "Function version 9 does not exist: arn:aws:lambda:us-east-1:123456789012:function:nowhere:9"
    )
    assert delivery.rollback_of(identifier)["status"] == "Succeeded"
    assert delivery.alias("nowhere") == ("1", {})


@pytest.mark.parametrize("change", ["alias", "function", "alias elsewhere", "version"])
def test_what_changes_under_a_deployment_ends_it(delivery: Delivery, change: str) -> None:
    name = f"under-{change.replace(' ', '-')}"
    delivery.versions(name, 3)
    delivery.group(name)
    identifier = delivery.begin(name)
    functions = delivery.functions
    if change == "alias":
        functions.delete_alias(FunctionName=name, Name="live")
    elif change == "function":
        functions.delete_function(FunctionName=name)
    elif change == "alias elsewhere":
        functions.update_alias(FunctionName=name, Name="live", FunctionVersion="3", RoutingConfig={})
    else:
        functions.update_alias(FunctionName=name, Name="live", RoutingConfig={"AdditionalVersionWeights": {}})
        functions.delete_function(FunctionName=name, Qualifier="2")
    delivery.clock.advance(300)
    status, code, _ = delivery.error(identifier)
    rollback = delivery.rollback_of(identifier)
    assert status == "Failed"
    assert delivery.lifecycle(identifier)["AllowTraffic"] == "Failed"
    if change in ("alias", "function"):
        assert code == "INVALID_LAMBDA_FUNCTION"
        # There is nothing any more that could be put back.
        assert (rollback["status"], rollback["errorInformation"]["code"]) == ("Failed", "INVALID_LAMBDA_FUNCTION")
    else:
        assert code == "INVALID_LAMBDA_CONFIGURATION"
        assert rollback["status"] == "Succeeded"
        assert delivery.alias(name) == ("1", {})


def test_a_deployment_goes_on_without_the_user_who_made_it(delivery: Delivery) -> None:
    # As when sam is killed: CodeDeploy works with the service role.
    iam = delivery.client("iam")
    iam.create_user(UserName="gone")
    iam.attach_user_policy(UserName="gone", PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess")
    key = iam.create_access_key(UserName="gone")["AccessKey"]
    delivery.versions("alone")
    delivery.group("alone")
    credentials = {"AWS_ACCESS_KEY_ID": key["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"]}
    client = isolated_session(credentials, "us-east-1").client(
        "codedeploy", endpoint_url=delivery.sandbox.gateway.endpoint_url
    )
    identifier = client.create_deployment(
        applicationName="shop", deploymentGroupName="alone", revision=inline(delivery.spec("alone"))
    )["deploymentId"]
    iam.delete_access_key(UserName="gone", AccessKeyId=key["AccessKeyId"])
    delivery.clock.advance(310)
    assert delivery.info(identifier)["status"] == "Succeeded"
    assert delivery.alias("alone") == ("2", {})


def test_a_group_has_one_deployment_at_a_time(delivery: Delivery) -> None:
    delivery.versions("busy", 3)
    delivery.group("busy")
    first = delivery.begin("busy")
    assert delivery.refused(
        "create_deployment",
        applicationName="shop",
        deploymentGroupName="busy",
        revision=inline(delivery.spec("busy", "1", "3")),
    ) == (
        "DeploymentLimitExceededException",
        f"The Deployment Group 'busy' already has an active Deployment '{first}'",
    )
    delivery.clock.advance(310)
    second = delivery.begin("busy", delivery.spec("busy", "2", "3"))
    info = delivery.info(second)
    assert info["previousRevision"] == delivery.info(first)["revision"]
    group = delivery.deploy.get_deployment_group(applicationName="shop", deploymentGroupName="busy")
    described = group["deploymentGroupInfo"]
    assert described["lastSuccessfulDeployment"]["deploymentId"] == first
    assert described["lastAttemptedDeployment"]["deploymentId"] == second
    assert described["targetRevision"] == delivery.info(first)["revision"]


def test_a_service_role_without_rights_on_lambda_is_named(delivery: Delivery) -> None:
    iam = delivery.client("iam")
    role = iam.create_role(RoleName="powerless", AssumeRolePolicyDocument=trust(CODEDEPLOY))["Role"]["Arn"]
    delivery.versions("denied")
    delivery.group("denied", serviceRoleArn=role)
    identifier = delivery.begin("denied")
    status, code, message = delivery.error(identifier)
    assert (status, code) == ("Failed", "IAM_ROLE_PERMISSIONS")
    assert message.startswith(
        f"The IAM role {role} does not give you permission to perform operations in the following AWS service: "
        "AWSLambda. Contact your AWS administrator"
    )


def test_a_service_role_that_has_gone_is_missed(delivery: Delivery) -> None:
    iam = delivery.client("iam")
    role = iam.create_role(RoleName="leaving", AssumeRolePolicyDocument=trust(CODEDEPLOY))["Role"]["Arn"]
    delivery.versions("left")
    delivery.group("left", serviceRoleArn=role)
    iam.delete_role(RoleName="leaving")
    identifier = delivery.begin("left")
    assert delivery.error(identifier) == (
        "Failed",
        "IAM_ROLE_MISSING",
        "IAM Role is missing for deployment group: left",
    )


def test_a_service_role_that_goes_in_mid_deployment_leaves_the_alias(delivery: Delivery) -> None:
    iam = delivery.client("iam")
    policy = "arn:aws:iam::aws:policy/service-role/AWSCodeDeployRoleForLambda"
    role = iam.create_role(RoleName="fading", AssumeRolePolicyDocument=trust(CODEDEPLOY))["Role"]["Arn"]
    iam.attach_role_policy(RoleName="fading", PolicyArn=policy)
    delivery.versions("faded")
    delivery.group("faded", serviceRoleArn=role)
    identifier = delivery.begin("faded")
    assert delivery.alias("faded") == ("1", {"2": 0.1})
    iam.detach_role_policy(RoleName="fading", PolicyArn=policy)
    iam.delete_role(RoleName="fading")
    delivery.clock.advance(310)
    # The session that it works with is there still, and may do nothing any more.
    assert delivery.error(identifier)[:2] == ("Failed", "IAM_ROLE_PERMISSIONS")
    # Nobody is left who could take the alias back.
    assert delivery.rollback_of(identifier)["errorInformation"]["code"] == "IAM_ROLE_MISSING"
    assert delivery.alias("faded") == ("1", {"2": 0.1})


def test_two_groups_do_not_move_one_alias_at_a_time(delivery: Delivery) -> None:
    delivery.versions("shared", 3)
    delivery.group("shared")
    delivery.group("shared-too")
    first = delivery.begin("shared")
    second = delivery.begin("shared-too", delivery.spec("shared", "1", "3"))
    status, code, message = delivery.error(second)
    assert (status, code) == ("Failed", "INVALID_LAMBDA_CONFIGURATION")
    assert "does not match the current version" in message
    # The second one has touched nothing, so there is nothing for it to take back.
    assert delivery.alias("shared") == ("1", {"2": 0.1})
    delivery.clock.advance(310)
    assert delivery.info(first)["status"] == "Succeeded"
    assert delivery.alias("shared") == ("2", {})
