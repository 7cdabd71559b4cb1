"""What is told of deployments: events on the default bus, messages to the topics of triggers."""

from __future__ import annotations

import json
import re
from typing import Any

from tests.delivery.conftest import ACCOUNT, ALL_AT_ONCE, CANARY, EVENTS, Delivery

TRIGGERS = ["DeploymentStart", "DeploymentSuccess", "DeploymentFailure", "DeploymentStop", "DeploymentRollback"]


def events_queue(delivery: Delivery, name: str) -> str:
    """A queue that gets CodeDeploy's events; its URL."""
    url, arn = delivery.queue(name)
    events = delivery.client("events")
    pattern = {"source": ["aws.codedeploy"], "detail": {"deploymentGroup": [name]}}
    rule = events.put_rule(Name=name, EventPattern=json.dumps(pattern))["RuleArn"]
    delivery.let_send(url, "events.amazonaws.com", rule)
    events.put_targets(Rule=name, Targets=[{"Id": "q", "Arn": arn}])
    return url


def topic_queue(delivery: Delivery, name: str) -> tuple[str, str]:
    """A topic and the URL of a queue that gets its messages."""
    url, arn = delivery.queue(f"{name}-messages")
    sns = delivery.client("sns")
    topic = sns.create_topic(Name=name)["TopicArn"]
    delivery.let_send(url, "sns.amazonaws.com", topic)
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    return topic, url


def bodies(delivery: Delivery, url: str) -> list[dict[str, Any]]:
    delivery.clock.settle()
    return [json.loads(message["Body"]) for message in delivery.receive(url)]


def test_eventbridge_hears_of_start_and_success(delivery: Delivery) -> None:
    url = events_queue(delivery, "heard")
    delivery.versions("heard")
    delivery.group("heard", ALL_AT_ONCE)
    identifier = delivery.begin("heard")
    group = delivery.deploy.get_deployment_group(applicationName="shop", deploymentGroupName="heard")
    found = bodies(delivery, url)
    assert [event["detail"]["state"] for event in found] == ["START", "SUCCESS"]
    assert found[0]["detail-type"] == "CodeDeploy Deployment State-change Notification"
    assert found[0]["resources"] == [
        f"arn:aws:codedeploy:us-east-1:{ACCOUNT}:application:shop",
        f"arn:aws:codedeploy:us-east-1:{ACCOUNT}:deploymentgroup:shop/heard",
    ]
    assert found[0]["detail"] == {
        "region": "us-east-1",
        "deploymentId": identifier,
        "instanceGroupId": group["deploymentGroupInfo"]["deploymentGroupId"],
        "deploymentGroup": "heard",
        "state": "START",
        "application": "shop",
    }


def test_eventbridge_hears_of_a_rollback_as_of_any_deployment(delivery: Delivery) -> None:
    url = events_queue(delivery, "undone")
    delivery.versions("undone")
    delivery.group("undone", ALL_AT_ONCE)
    identifier = delivery.begin("undone", delivery.spec("undone", AfterAllowTraffic="CodeDeployHook_nobody"))
    back = delivery.rollback_of(identifier)["deploymentId"]
    found = [(event["detail"]["deploymentId"], event["detail"]["state"]) for event in bodies(delivery, url)]
    assert found == [(identifier, "START"), (identifier, "FAILURE"), (back, "START"), (back, "SUCCESS")]


def test_a_trigger_tells_a_topic_of_the_events_it_lists(delivery: Delivery) -> None:
    topic, url = topic_queue(delivery, "triggered")
    delivery.versions("triggered")
    trigger = {"triggerName": "all", "triggerTargetArn": topic, "triggerEvents": TRIGGERS}
    delivery.group("triggered", CANARY, triggerConfigurations=[trigger])
    identifier = delivery.begin("triggered")
    delivery.deploy.stop_deployment(deploymentId=identifier)
    notes = bodies(delivery, url)
    back = delivery.rollback_of(identifier)["deploymentId"]
    assert [note["Subject"] for note in notes] == [
        f"CREATED: AWS CodeDeploy {identifier} in us-east-1 to shop",
        f"STOPPED: AWS CodeDeploy {identifier} in us-east-1 to shop",
        f"CREATED: AWS CodeDeploy {back} in us-east-1 to shop",
        f"IN_PROGRESS: AWS CodeDeploy {back} in us-east-1 to shop",
        f"SUCCEEDED: AWS CodeDeploy {back} in us-east-1 to shop",
    ]
    created, stopped, _, begun, succeeded = (json.loads(note["Message"]) for note in notes)
    assert re.fullmatch(r"[A-Z][a-z]{2} [A-Z][a-z]{2} \d\d \d\d:\d\d:\d\d UTC \d{4}", created.pop("createTime"))
    assert created == {
        "region": "us-east-1",
        "accountId": ACCOUNT,
        "eventTriggerName": "all",
        "applicationName": "shop",
        "deploymentId": identifier,
        "deploymentGroupName": "triggered",
        "completeTime": None,
        "status": "CREATED",
    }
    assert stopped["status"] == "STOPPED"
    assert json.loads(stopped["errorInformation"])["ErrorCode"] == "MANUAL_STOP"
    assert json.loads(stopped["deploymentOverview"]) == {
        "Succeeded": 0,
        "Failed": 1,
        "Skipped": 0,
        "InProgress": 0,
        "Pending": 0,
    }
    assert json.loads(begun["rollbackInformation"]) == {
        "RollbackMessage": f"Deployment {back} is triggered to roll back deployment {identifier}.",
        "RollbackTriggeringDeploymentId": identifier,
    }
    assert json.loads(succeeded["deploymentOverview"])["Succeeded"] == 1


def test_a_trigger_tells_of_nothing_else(delivery: Delivery) -> None:
    topic, url = topic_queue(delivery, "failures")
    delivery.versions("failures")
    trigger = {"triggerName": "f", "triggerTargetArn": topic, "triggerEvents": ["DeploymentFailure"]}
    delivery.group("failures", ALL_AT_ONCE, triggerConfigurations=[trigger])
    delivery.begin("failures")
    assert bodies(delivery, url) == []


def test_a_role_that_may_not_publish_reaches_no_topic(delivery: Delivery) -> None:
    topic, url = topic_queue(delivery, "mute")
    iam = delivery.client("iam")
    deny = {"Effect": "Deny", "Action": "sns:Publish", "Resource": topic}
    document = json.dumps({"Version": "2012-10-17", "Statement": [deny]})
    iam.put_role_policy(RoleName="deploying", PolicyName="mute", PolicyDocument=document)
    delivery.versions("mute")
    trigger = {"triggerName": "t", "triggerTargetArn": topic, "triggerEvents": TRIGGERS}
    rollback = {"enabled": True, "events": EVENTS}
    delivery.group("mute", ALL_AT_ONCE, triggerConfigurations=[trigger], autoRollbackConfiguration=rollback)
    identifier = delivery.begin("mute")
    assert delivery.info(identifier)["status"] == "Succeeded"
    assert bodies(delivery, url) == []
    iam.delete_role_policy(RoleName="deploying", PolicyName="mute")
