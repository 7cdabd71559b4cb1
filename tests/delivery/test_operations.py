"""Applications, groups, configurations, tags, and the lists of deployments."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sandbox.delivery.shifting import PREDEFINED
from sandbox.isolation import isolated_session
from tests.delivery.conftest import ACCOUNT, ALL_AT_ONCE, CANARY, LAMBDA_POLICY, STYLE, Delivery, inline, trust


@pytest.fixture(scope="module")
def app(delivery: Delivery) -> str:
    tags = [{"Key": "a", "Value": "1"}]
    delivery.deploy.create_application(applicationName="app", computePlatform="Lambda", tags=tags)
    return "app"


def create_group(delivery: Delivery, app: str, name: str, **params: Any) -> str:
    given = {"applicationName": app, "deploymentGroupName": name, "serviceRoleArn": delivery.service_role, **params}
    return str(delivery.deploy.create_deployment_group(**given)["deploymentGroupId"])


# -- applications ----------------------------------------------------------------------------------------------


def test_an_application_is_made_renamed_and_deleted(delivery: Delivery) -> None:
    deploy = delivery.deploy
    made = deploy.create_application(applicationName="one", computePlatform="Lambda")["applicationId"]
    found = deploy.get_application(applicationName="one")["application"]
    assert (found["applicationId"], found["computePlatform"], found["linkedToGitHub"]) == (made, "Lambda", False)
    assert delivery.refused("create_application", applicationName="one", computePlatform="Lambda")[0] == (
        "ApplicationAlreadyExistsException"
    )
    deploy.update_application(applicationName="one", newApplicationName="two")
    assert delivery.refused("get_application", applicationName="one") == (
        "ApplicationDoesNotExistException",
        "No application found for name: one",
    )
    batch = deploy.batch_get_applications(applicationNames=["two"])["applicationsInfo"]
    assert [each["applicationId"] for each in batch] == [made]
    deploy.delete_application(applicationName="two")
    deploy.delete_application(applicationName="two")
    assert "two" not in deploy.list_applications()["applications"]


@pytest.mark.parametrize("platform", [None, "Server", "ECS"])
def test_other_platforms_are_refused_by_name(delivery: Delivery, platform: str | None) -> None:
    more = {} if platform is None else {"computePlatform": platform}
    code, message = delivery.refused("create_application", applicationName="other", **more)
    assert code == "NotImplementedException"
    assert f"computePlatform '{platform or 'Server'}'" in message


def test_names_of_a_wrong_form_are_refused(delivery: Delivery) -> None:
    def code(name: str | None, **more: Any) -> str:
        given = {} if name is None else {"applicationName": name}
        return delivery.refused("create_application", computePlatform="Lambda", **given, **more)[0]

    assert code(None) == "ApplicationNameRequiredException"
    assert code("a b") == "InvalidApplicationNameException"
    assert code("a" * 101) == "InvalidApplicationNameException"
    assert code("a", tags=[{"Key": "aws:x", "Value": "1"}]) == "InvalidTagsToAddException"
    refused = delivery.refused("create_application", applicationName="a", computePlatform="Moon")
    assert refused[0] == "InvalidComputePlatformException"


def test_lists_come_in_pages(delivery: Delivery) -> None:
    for number in range(105):
        delivery.deploy.create_application(applicationName=f"many-{number}", computePlatform="Lambda")
    first = delivery.deploy.list_applications()
    rest = delivery.deploy.list_applications(nextToken=first["nextToken"])
    assert len(first["applications"]) == 100
    assert {f"many-{number}" for number in range(105)} <= {*first["applications"], *rest["applications"]}
    assert "nextToken" not in rest
    assert delivery.refused("list_applications", nextToken="x")[0] == "InvalidNextTokenException"


# -- groups ----------------------------------------------------------------------------------------------------


def test_a_group_is_told_as_it_was_made_and_changed(delivery: Delivery, app: str) -> None:
    deploy = delivery.deploy
    topic = f"arn:aws:sns:us-east-1:{ACCOUNT}:t"
    trigger = {"triggerName": "t", "triggerTargetArn": topic, "triggerEvents": ["DeploymentFailure"]}
    made = create_group(
        delivery,
        app,
        "told",
        deploymentConfigName=CANARY,
        deploymentStyle=STYLE,
        alarmConfiguration={"enabled": True, "alarms": [{"name": "a"}]},
        autoRollbackConfiguration={"enabled": True, "events": ["DEPLOYMENT_FAILURE"]},
        triggerConfigurations=[trigger],
    )
    found = deploy.get_deployment_group(applicationName=app, deploymentGroupName="told")["deploymentGroupInfo"]
    assert found["deploymentGroupId"] == made
    assert found["deploymentConfigName"] == CANARY
    assert found["deploymentStyle"] == STYLE
    assert found["computePlatform"] == "Lambda"
    assert found["alarmConfiguration"] == {"enabled": True, "ignorePollAlarmFailure": False, "alarms": [{"name": "a"}]}
    assert found["triggerConfigurations"] == [trigger]
    answer = deploy.update_deployment_group(
        applicationName=app,
        currentDeploymentGroupName="told",
        newDeploymentGroupName="retold",
        deploymentConfigName=ALL_AT_ONCE,
        alarmConfiguration={"enabled": False, "alarms": []},
    )
    assert answer["hooksNotCleanedUp"] == []
    changed = deploy.get_deployment_group(applicationName=app, deploymentGroupName="retold")["deploymentGroupInfo"]
    assert changed["deploymentConfigName"] == ALL_AT_ONCE
    assert changed["alarmConfiguration"]["enabled"] is False
    assert changed["autoRollbackConfiguration"] == found["autoRollbackConfiguration"]
    batch = deploy.batch_get_deployment_groups(applicationName=app, deploymentGroupNames=["retold", "told"])
    assert [group["deploymentGroupName"] for group in batch["deploymentGroupsInfo"]] == ["retold"]
    assert "told" in batch["errorMessage"]
    deploy.delete_deployment_group(applicationName=app, deploymentGroupName="retold")
    assert delivery.refused("get_deployment_group", applicationName=app, deploymentGroupName="retold") == (
        "DeploymentGroupDoesNotExistException",
        "No Deployment Group found for name: retold",
    )


ALARMS = [{"name": f"a{number}"} for number in range(11)]
TOPIC = f"arn:aws:sns:us-east-1:{ACCOUNT}:t"


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({"deploymentGroupName": "a b"}, "InvalidDeploymentGroupNameException"),
        ({"deploymentGroupName": None}, "DeploymentGroupNameRequiredException"),
        ({"applicationName": "nobody"}, "ApplicationDoesNotExistException"),
        ({"serviceRoleArn": None}, "RoleRequiredException"),
        ({"serviceRoleArn": f"arn:aws:iam::{ACCOUNT}:role/nobody"}, "InvalidRoleException"),
        ({"serviceRoleArn": f"arn:aws:iam::{ACCOUNT}:role/compute"}, "InvalidRoleException"),
        ({"deploymentConfigName": "Nothing"}, "DeploymentConfigDoesNotExistException"),
        ({"deploymentConfigName": "CodeDeployDefault.OneAtATime"}, "NotImplementedException"),
        ({"deploymentStyle": {**STYLE, "deploymentType": "IN_PLACE"}}, "InvalidDeploymentStyleException"),
        ({"autoScalingGroups": ["g"]}, "InvalidInputException"),
        ({"ec2TagFilters": [{"Key": "k"}]}, "InvalidInputException"),
        ({"terminationHookEnabled": True}, "InvalidInputException"),
        ({"alarmConfiguration": {"enabled": True, "alarms": []}}, "InvalidAlarmConfigException"),
        ({"alarmConfiguration": {"enabled": True, "alarms": [{"name": ""}]}}, "InvalidAlarmConfigException"),
        ({"alarmConfiguration": {"enabled": True, "alarms": ALARMS[:1] * 2}}, "InvalidAlarmConfigException"),
        ({"alarmConfiguration": {"enabled": True, "alarms": ALARMS}}, "AlarmsLimitExceededException"),
        ({"autoRollbackConfiguration": {"enabled": True, "events": []}}, "InvalidAutoRollbackConfigException"),
        ({"autoRollbackConfiguration": {"enabled": True, "events": ["X"]}}, "InvalidAutoRollbackConfigException"),
        ({"triggerConfigurations": [{"triggerName": "t"}]}, "InvalidTriggerConfigException"),
        (
            {"triggerConfigurations": [{"triggerName": "t", "triggerTargetArn": TOPIC, "triggerEvents": ["X"]}]},
            "InvalidTriggerConfigException",
        ),
        ({"triggerConfigurations": [{"triggerName": "t"}] * 11}, "TriggerTargetsLimitExceededException"),
    ],
)
def test_what_a_group_cannot_be_is_refused(delivery: Delivery, app: str, params: dict[str, Any], code: str) -> None:
    given: dict[str, Any] = {
        "applicationName": app,
        "deploymentGroupName": "wrong",
        "serviceRoleArn": delivery.service_role,
        **params,
    }
    found = {name: value for name, value in given.items() if value is not None}
    assert delivery.refused("create_deployment_group", **found)[0] == code


def test_a_role_that_does_not_trust_codedeploy_is_named(delivery: Delivery, app: str) -> None:
    role = f"arn:aws:iam::{ACCOUNT}:role/compute"
    _, message = delivery.refused(
        "create_deployment_group", applicationName=app, deploymentGroupName="g", serviceRoleArn=role
    )
    assert message == f"AWS CodeDeploy does not have the permissions required to assume the role {role}."


def test_a_group_of_a_name_that_is_taken_is_refused(delivery: Delivery, app: str) -> None:
    create_group(delivery, app, "taken")
    code, _ = delivery.refused(
        "create_deployment_group",
        applicationName=app,
        deploymentGroupName="taken",
        serviceRoleArn=delivery.service_role,
    )
    assert code == "DeploymentGroupAlreadyExistsException"
    listed = delivery.deploy.list_deployment_groups(applicationName=app)
    assert (listed["applicationName"], "taken" in listed["deploymentGroups"]) == (app, True)


# -- configurations --------------------------------------------------------------------------------------------


def test_the_predefined_configurations_of_lambda_can_be_read(delivery: Delivery) -> None:
    names = delivery.deploy.list_deployment_configs()["deploymentConfigsList"]
    assert set(PREDEFINED) <= set(names)
    for name, routing in PREDEFINED.items():
        found = delivery.deploy.get_deployment_config(deploymentConfigName=name)["deploymentConfigInfo"]
        assert found["computePlatform"] == "Lambda"
        assert found["trafficRoutingConfig"] == routing.describe()


def test_a_configuration_in_use_cannot_be_deleted(delivery: Delivery, app: str) -> None:
    deploy = delivery.deploy
    routing = {"type": "TimeBasedCanary", "timeBasedCanary": {"canaryPercentage": 1, "canaryInterval": 60}}
    made = {"deploymentConfigName": "Careful", "computePlatform": "Lambda", "trafficRoutingConfig": routing}
    deploy.create_deployment_config(**made)
    assert delivery.refused("create_deployment_config", **made)[0] == "DeploymentConfigAlreadyExistsException"
    create_group(delivery, app, "careful", deploymentConfigName="Careful")
    assert delivery.refused("delete_deployment_config", deploymentConfigName="Careful")[0] == (
        "DeploymentConfigInUseException"
    )
    deploy.delete_deployment_group(applicationName=app, deploymentGroupName="careful")
    deploy.delete_deployment_config(deploymentConfigName="Careful")
    assert delivery.refused("get_deployment_config", deploymentConfigName="Careful") == (
        "DeploymentConfigDoesNotExistException",
        "No Deployment Configuration found for name: Careful",
    )
    assert delivery.refused("delete_deployment_config", deploymentConfigName=CANARY)[0] == "InvalidOperationException"


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({"deploymentConfigName": None}, "DeploymentConfigNameRequiredException"),
        ({"deploymentConfigName": "a b"}, "InvalidDeploymentConfigNameException"),
        ({"deploymentConfigName": CANARY}, "DeploymentConfigAlreadyExistsException"),
        ({"computePlatform": "Server"}, "NotImplementedException"),
        ({"computePlatform": "Moon"}, "InvalidComputePlatformException"),
        ({"minimumHealthyHosts": {"type": "HOST_COUNT", "value": 1}}, "InvalidMinimumHealthyHostValueException"),
        ({"zonalConfig": {}}, "InvalidZonalDeploymentConfigurationException"),
        ({"trafficRoutingConfig": {"type": "TimeBasedCanary"}}, "InvalidTrafficRoutingConfigurationException"),
    ],
)
def test_what_a_configuration_cannot_be_is_refused(delivery: Delivery, params: dict[str, Any], code: str) -> None:
    given: dict[str, Any] = {"deploymentConfigName": "Wrong", "computePlatform": "Lambda", **params}
    found = {name: value for name, value in given.items() if value is not None}
    assert delivery.refused("create_deployment_config", **found)[0] == code


# -- tags ------------------------------------------------------------------------------------------------------


def test_applications_and_groups_have_tags(delivery: Delivery, app: str) -> None:
    deploy = delivery.deploy
    create_group(delivery, app, "tagged", tags=[{"Key": "team", "Value": "shop"}])
    beginning = f"arn:aws:codedeploy:us-east-1:{ACCOUNT}"
    arn = f"{beginning}:deploymentgroup:{app}/tagged"
    deploy.tag_resource(ResourceArn=arn, Tags=[{"Key": "stage", "Value": "prod"}])
    deploy.untag_resource(ResourceArn=arn, TagKeys=["team"])
    assert deploy.list_tags_for_resource(ResourceArn=arn)["Tags"] == [{"Key": "stage", "Value": "prod"}]
    assert deploy.list_tags_for_resource(ResourceArn=f"{beginning}:application:{app}")["Tags"] == [
        {"Key": "a", "Value": "1"}
    ]
    for wrong, code in (
        (f"{beginning}:application:nobody", "ApplicationDoesNotExistException"),
        (f"{beginning}:deploymentgroup:{app}/nobody", "DeploymentGroupDoesNotExistException"),
        (f"{beginning}:instance:i", "ArnNotSupportedException"),
        ("x", "InvalidArnException"),
    ):
        assert delivery.refused("list_tags_for_resource", ResourceArn=wrong)[0] == code


def test_a_policy_may_ask_for_the_tags_of_a_group(delivery: Delivery, app: str) -> None:
    create_group(delivery, app, "guarded", tags=[{"Key": "team", "Value": "shop"}])
    create_group(delivery, app, "unguarded")
    iam = delivery.client("iam")
    iam.create_user(UserName="shopper")
    statement = {
        "Effect": "Allow",
        "Action": "codedeploy:*",
        "Resource": "*",
        "Condition": {"StringEquals": {"aws:ResourceTag/team": "shop"}},
    }
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam.put_user_policy(UserName="shopper", PolicyName="p", PolicyDocument=document)
    key = iam.create_access_key(UserName="shopper")["AccessKey"]
    credentials = {"AWS_ACCESS_KEY_ID": key["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"]}
    deploy = isolated_session(credentials, "us-east-1").client(
        "codedeploy", endpoint_url=delivery.sandbox.gateway.endpoint_url
    )
    found = deploy.get_deployment_group(applicationName=app, deploymentGroupName="guarded")
    assert found["deploymentGroupInfo"]["deploymentGroupName"] == "guarded"
    with pytest.raises(deploy.exceptions.ClientError, match="AccessDenied"):
        deploy.get_deployment_group(applicationName=app, deploymentGroupName="unguarded")


# -- deployments -----------------------------------------------------------------------------------------------


def test_deployments_are_listed_newest_first_and_filtered(delivery: Delivery) -> None:
    deploy = delivery.deploy
    delivery.versions("listed")
    delivery.group("listed", ALL_AT_ONCE)
    first = delivery.begin("listed", description="the first")
    created = delivery.info(first)["createTime"]
    delivery.clock.advance(3600)
    second = delivery.begin("listed", delivery.spec("listed", "1", "2"))
    assert delivery.info(first)["description"] == "the first"

    def listed(**params: Any) -> list[str]:
        names = {"applicationName": "shop", "deploymentGroupName": "listed"}
        return list(deploy.list_deployments(**names, **params)["deployments"])

    assert listed() == [second, first]
    assert listed(includeOnlyStatuses=["Succeeded"]) == [first]
    assert listed(includeOnlyStatuses=["Failed"]) == [second]
    later = created.timestamp() + 60
    assert listed(createTimeRange={"start": later}) == [second]
    assert listed(createTimeRange={"end": later}) == [first]
    assert first in deploy.list_deployments()["deployments"]
    batch = deploy.batch_get_deployments(deploymentIds=[second, "d-NOBODY000", first])["deploymentsInfo"]
    assert [info["deploymentId"] for info in batch] == [second, first]
    names = {"applicationName": "shop", "deploymentGroupName": "listed"}
    assert delivery.refused("list_deployments", deploymentGroupName="x")[0] == "ApplicationNameRequiredException"
    assert delivery.refused("list_deployments", includeOnlyStatuses=["X"])[0] == "InvalidDeploymentStatusException"
    assert delivery.refused("list_deployments", **names, createTimeRange={"start": 2, "end": 1})[0] == (
        "InvalidTimeRangeException"
    )


def test_deployments_that_are_not_there_are_told_apart(delivery: Delivery) -> None:
    assert delivery.refused("get_deployment", deploymentId="d-NOBODY000") == (
        "DeploymentDoesNotExistException",
        "The deployment d-NOBODY000 could not be found",
    )
    assert delivery.refused("get_deployment", deploymentId="nonsense")[0] == "InvalidDeploymentIdException"
    assert delivery.refused("batch_get_deployments", deploymentIds=["d-A"] * 26)[0] == "BatchLimitExceededException"
    params = {"applicationName": "shop", "revision": inline("{}")}
    assert delivery.refused("create_deployment", deploymentGroupName="nobody", **params)[0] == (
        "DeploymentGroupDoesNotExistException"
    )


def test_targets_are_filtered_and_named(delivery: Delivery) -> None:
    deploy = delivery.deploy
    delivery.versions("targets")
    delivery.group("targets")
    identifier = delivery.begin("targets")

    def listed(*statuses: str) -> list[str]:
        found = deploy.list_deployment_targets(deploymentId=identifier, targetFilters={"TargetStatus": list(statuses)})
        return list(found["targetIds"])

    assert listed("InProgress", "Failed") == ["targets"]
    assert listed("Succeeded") == []
    (target,) = deploy.batch_get_deployment_targets(deploymentId=identifier, targetIds=["targets"])["deploymentTargets"]
    assert target["deploymentTargetType"] == "LambdaTarget"
    assert target["lambdaTarget"]["targetArn"] == f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:targets:live"
    code, _ = delivery.refused("get_deployment_target", deploymentId=identifier, targetId="other")
    assert code == "DeploymentTargetDoesNotExistException"


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({"targetInstances": {"autoScalingGroups": ["g"]}}, "InvalidTargetInstancesException"),
        ({"updateOutdatedInstancesOnly": True}, "InvalidUpdateOutdatedInstancesOnlyValueException"),
        ({"overrideAlarmConfiguration": {"enabled": True, "alarms": []}}, "InvalidAlarmConfigException"),
        ({"autoRollbackConfiguration": {"enabled": True, "events": []}}, "InvalidAutoRollbackConfigException"),
        ({"description": "x" * 1001}, "DescriptionTooLongException"),
        ({"deploymentConfigName": "Nothing"}, "DeploymentConfigDoesNotExistException"),
        ({"deploymentMode": "RESTART"}, "NotImplementedException"),
    ],
)
def test_what_a_deployment_cannot_be_is_refused(
    delivery: Delivery, app: str, params: dict[str, Any], code: str
) -> None:
    if "deployable" not in delivery.deploy.list_deployment_groups(applicationName=app)["deploymentGroups"]:
        create_group(delivery, app, "deployable")
    names = {"applicationName": app, "deploymentGroupName": "deployable", "revision": inline("{}")}
    assert delivery.refused("create_deployment", **names, **params)[0] == code


def test_what_is_not_built_is_refused_by_name(delivery: Delivery) -> None:
    code, message = delivery.refused("list_on_premises_instances")
    assert (code, "no machines" in message) == ("NotImplementedException", True)
    code, message = delivery.refused("list_git_hub_account_token_names")
    assert (code, "GitHub" in message) == ("NotImplementedException", True)


@pytest.mark.parametrize(
    ("name", "service"), [("fresh", "codedeploy.amazonaws.com"), ("here", "codedeploy.us-east-1.amazonaws.com")]
)
def test_a_new_role_deploys_with_the_managed_policy_alone(delivery: Delivery, name: str, service: str) -> None:
    iam = delivery.client("iam")
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust(service))["Role"]["Arn"]
    iam.attach_role_policy(RoleName=name, PolicyArn=LAMBDA_POLICY)
    delivery.versions(name)
    delivery.group(name, ALL_AT_ONCE, serviceRoleArn=role)
    assert delivery.info(delivery.begin(name))["status"] == "Succeeded"


def test_a_role_may_trust_codedeploy_of_another_region_alone(delivery: Delivery, app: str) -> None:
    document = trust("codedeploy.eu-west-1.amazonaws.com")
    role = delivery.client("iam").create_role(RoleName="there", AssumeRolePolicyDocument=document)["Role"]["Arn"]
    code, _ = delivery.refused(
        "create_deployment_group", applicationName=app, deploymentGroupName="there", serviceRoleArn=role
    )
    assert code == "InvalidRoleException"
