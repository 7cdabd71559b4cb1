"""Alarms before and during a deployment, and the rollback they lead to.

The messages and the statuses are those of deployments in AWS: stopped, not failed, whether the alarm came before the
first shift or after it.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.delivery.conftest import CANARY, CODEDEPLOY, EVENTS, LINEAR, Delivery, trust


def active(*names: str) -> tuple[str, str, str]:
    return (
        "Stopped",
        "ALARM_ACTIVE",
        "One or more alarms have been activated according to the Amazon CloudWatch metrics you selected, and the "
        f"affected deployments have been stopped. Activated alarms: {' '.join(f'<{name}>' for name in names)}",
    )


def watched(*names: str, **more: Any) -> dict[str, Any]:
    return {"alarmConfiguration": {"enabled": True, "alarms": [{"name": name} for name in names], **more}}


def test_an_alarm_during_the_shift_stops_the_deployment_and_brings_the_alias_back(delivery: Delivery) -> None:
    delivery.versions("alarmed")
    delivery.alarm("alarmed-errors")
    delivery.alarm("alarmed-latency")
    delivery.group("alarmed", LINEAR, **watched("alarmed-errors", "alarmed-latency"))
    identifier = delivery.begin("alarmed")
    delivery.clock.advance(125)
    assert delivery.alias("alarmed") == ("1", {"2": 0.3})
    delivery.set_alarm("alarmed-latency", "ALARM")
    # At once: the next look by the clock would come later.
    delivery.clock.settle()
    assert delivery.error(identifier) == active("alarmed-latency")
    assert delivery.lifecycle(identifier) == {
        "BeforeAllowTraffic": "Succeeded",
        "AllowTraffic": "Failed",
        "AfterAllowTraffic": "Skipped",
    }
    assert delivery.alias("alarmed") == ("1", {})
    back = delivery.rollback_of(identifier)
    assert delivery.info(identifier)["rollbackInfo"] == {
        "rollbackDeploymentId": back["deploymentId"],
        "rollbackMessage": f"Deployment {identifier} terminated. Automatic rollback is triggered with a DeploymentId "
        f"{back['deploymentId']}.",
    }
    assert (back["status"], back["creator"]) == ("Succeeded", "codeDeployRollback")
    assert back["deploymentConfigName"] == "CodeDeployDefault.LambdaAllAtOnce"
    assert back["rollbackInfo"] == {
        "rollbackTriggeringDeploymentId": identifier,
        "rollbackMessage": f"Deployment {back['deploymentId']} is triggered to roll back deployment {identifier}.",
    }
    assert set(delivery.lifecycle(back["deploymentId"]).values()) == {"Succeeded"}
    target = delivery.target(back["deploymentId"])["lambdaFunctionInfo"]
    assert (target["currentVersion"], target["targetVersion"]) == ("2", "1")


def test_an_alarm_that_is_active_already_stops_the_deployment_before_any_shift(delivery: Delivery) -> None:
    delivery.versions("ringing")
    delivery.alarm("ringing-a", "ALARM")
    delivery.alarm("ringing-b", "ALARM")
    delivery.group("ringing", CANARY, **watched("ringing-b", "ringing-a"))
    before = delivery.functions.get_alias(FunctionName="ringing", Name="live")
    identifier = delivery.begin("ringing", autoRollbackConfiguration={"enabled": False, "events": []})
    assert delivery.error(identifier) == active("ringing-b", "ringing-a")
    assert set(delivery.lifecycle(identifier).values()) == {"Skipped"}
    after = delivery.functions.get_alias(FunctionName="ringing", Name="live")
    assert after["RevisionId"] == before["RevisionId"]


def test_an_alarm_stops_a_deployment_that_waits_for_a_hook(delivery: Delivery) -> None:
    hook = delivery.hook("waits", "NOTHING")
    delivery.versions("waiting")
    delivery.alarm("waiting")
    delivery.group("waiting", CANARY, **watched("waiting"))
    identifier = delivery.begin("waiting", delivery.spec("waiting", BeforeAllowTraffic=hook))
    delivery.set_alarm("waiting", "ALARM")
    delivery.clock.advance(11)
    assert delivery.error(identifier) == active("waiting")
    assert delivery.lifecycle(identifier)["BeforeAllowTraffic"] == "Failed"


def test_an_alarm_of_another_name_is_no_concern(delivery: Delivery) -> None:
    delivery.versions("unconcerned")
    delivery.alarm("unconcerned")
    delivery.alarm("unconcerned-2")
    delivery.group("unconcerned", CANARY, **watched("unconcerned"))
    identifier = delivery.begin("unconcerned")
    delivery.set_alarm("unconcerned-2", "ALARM")
    delivery.set_alarm("unconcerned", "INSUFFICIENT_DATA")
    delivery.clock.advance(310)
    assert delivery.info(identifier)["status"] == "Succeeded"


def test_alarms_are_looked_at_before_the_last_shift(delivery: Delivery) -> None:
    delivery.versions("last")
    delivery.alarm("last")
    delivery.group("last", CANARY, **watched("last"))
    identifier = delivery.begin("last")
    shifted = delivery.target(identifier)["lifecycleEvents"][1]["startTime"].timestamp()
    # A moment before the end, after the last look at the alarms by the clock.
    delivery.clock.advance(shifted + 300 - delivery.clock.now() - 0.2)
    delivery.set_alarm("last", "ALARM")
    delivery.clock.advance(0.5)
    assert delivery.error(identifier) == active("last")
    assert delivery.alias("last") == ("1", {})


def test_without_its_event_nothing_is_rolled_back(delivery: Delivery) -> None:
    delivery.versions("left")
    delivery.alarm("left")
    rollback = {"enabled": True, "events": ["DEPLOYMENT_FAILURE"]}
    delivery.group("left", CANARY, autoRollbackConfiguration=rollback, **watched("left"))
    identifier = delivery.begin("left")
    delivery.set_alarm("left", "ALARM")
    delivery.clock.advance(11)
    assert delivery.error(identifier) == active("left")
    assert "rollbackInfo" not in delivery.info(identifier)
    # https://docs.aws.amazon.com/codedeploy/latest/userguide/troubleshooting-deployments-lambda.html
    assert delivery.alias("left") == ("1", {"2": 0.1})
    again = delivery.begin("left", overrideAlarmConfiguration={"enabled": False, "alarms": []})
    status, code, message = delivery.error(again)
    assert (status, code) == ("Failed", "INVALID_LAMBDA_CONFIGURATION")
    assert "does not match the current version" in message


def test_a_deployment_can_bring_alarms_of_its_own(delivery: Delivery) -> None:
    delivery.versions("override")
    delivery.alarm("override-group", "ALARM")
    delivery.alarm("override-own")
    delivery.group("override", CANARY, **watched("override-group"))
    own = {"enabled": True, "alarms": [{"name": "override-own"}]}
    identifier = delivery.begin("override", overrideAlarmConfiguration=own)
    assert delivery.info(identifier)["overrideAlarmConfiguration"]["alarms"] == [{"name": "override-own"}]
    assert delivery.info(identifier)["status"] == "InProgress"
    delivery.set_alarm("override-own", "ALARM")
    delivery.clock.advance(11)
    assert delivery.error(identifier) == active("override-own")


@pytest.mark.parametrize("patient", [False, True])
def test_an_alarm_that_is_deleted_stops_the_deployment_unless_that_is_ignored(
    delivery: Delivery, patient: bool
) -> None:
    name = f"deleted-{patient}".lower()
    delivery.versions(name)
    delivery.alarm(name)
    delivery.group(name, CANARY, **watched(name, ignorePollAlarmFailure=patient))
    identifier = delivery.begin(name)
    delivery.alarms.delete_alarms(AlarmNames=[name])
    delivery.clock.advance(310)
    if patient:
        assert delivery.info(identifier)["status"] == "Succeeded"
        assert delivery.alias(name) == ("2", {})
    else:
        status, code, message = delivery.error(identifier)
        assert (status, code) == ("Stopped", "ALARM_ACTIVE")
        assert message.endswith(f"Alarms without a state: <{name}>")
        assert delivery.rollback_of(identifier)["status"] == "Succeeded"
        assert delivery.alias(name) == ("1", {})


@pytest.mark.parametrize("patient", [False, True])
def test_a_role_that_may_not_see_alarms_is_named_unless_that_is_ignored(delivery: Delivery, patient: bool) -> None:
    name = f"blind-{patient}".lower()
    iam = delivery.client("iam")
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust(CODEDEPLOY))["Role"]["Arn"]
    iam.put_role_policy(
        RoleName=name,
        PolicyName="lambda",
        PolicyDocument='{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "lambda:*Alias", '
        '"Resource": "*"}]}',
    )
    delivery.versions(name)
    delivery.alarm(name)
    configuration = watched(name, ignorePollAlarmFailure=patient)
    delivery.group(name, CANARY, serviceRoleArn=role, **configuration)
    identifier = delivery.begin(name)
    if patient:
        assert delivery.info(identifier)["status"] == "InProgress"
        return
    status, code, message = delivery.error(identifier)
    assert (status, code) == ("Failed", "IAM_ROLE_PERMISSIONS")
    assert "in the following AWS service: AmazonCloudWatch." in message


def test_an_alarm_on_what_the_new_version_really_does_stops_its_deployment(delivery: Delivery) -> None:
    source = "def handler(event, context):\n    raise RuntimeError('bad release')\n"
    delivery.versions("real", 1)
    delivery.change("real", source)
    delivery.functions.publish_version(FunctionName="real")
    delivery.alarms.put_metric_alarm(
        AlarmName="real-errors",
        Namespace="AWS/Lambda",
        MetricName="Errors",
        Dimensions=[
            {"Name": "FunctionName", "Value": "real"},
            {"Name": "Resource", "Value": "real:live"},
            {"Name": "ExecutedVersion", "Value": "2"},
        ],
        Statistic="Sum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=0,
        ComparisonOperator="GreaterThanThreshold",
        TreatMissingData="notBreaching",
    )
    delivery.group("real", CANARY, **watched("real-errors"))
    identifier = delivery.begin("real")
    failed = 0
    for _ in range(60):
        failed += "FunctionError" in delivery.invoke("real:live")
        delivery.clock.advance(3)
        if delivery.info(identifier)["status"] != "InProgress":
            break
    assert failed
    assert delivery.error(identifier) == active("real-errors")
    assert delivery.alias("real") == ("1", {})


def test_all_three_events_are_told_of_the_deployment(delivery: Delivery) -> None:
    delivery.versions("settings")
    delivery.group("settings")
    info = delivery.info(delivery.begin("settings"))
    assert info["autoRollbackConfiguration"] == {"enabled": True, "events": EVENTS}


def test_alarms_that_are_switched_off_stop_nothing(delivery: Delivery) -> None:
    """https://docs.aws.amazon.com/codedeploy/latest/APIReference/API_AlarmConfiguration.html"""
    delivery.versions("unwatched")
    delivery.alarm("unwatched-errors", "ALARM")
    delivery.group("unwatched", **watched("unwatched-errors", enabled=False))
    identifier = delivery.begin("unwatched")
    delivery.clock.advance(310)
    assert delivery.info(identifier)["status"] == "Succeeded"
    assert delivery.alias("unwatched") == ("2", {})


def test_a_composite_alarm_is_watched_like_any_other(delivery: Delivery) -> None:
    delivery.versions("composed")
    delivery.alarm("composed-errors")
    delivery.alarms.put_composite_alarm(AlarmName="composed-any", AlarmRule="ALARM(composed-errors)")
    delivery.group("composed", **watched("composed-any"))
    identifier = delivery.begin("composed")
    delivery.clock.advance(125)
    assert delivery.alias("composed") == ("1", {"2": 0.1})
    delivery.set_alarm("composed-errors", "ALARM")
    delivery.clock.settle()
    assert delivery.error(identifier) == active("composed-any")
    assert delivery.alias("composed") == ("1", {})
