"""What CodeDeploy tells of a deployment: events for EventBridge, messages for the topics of a group's triggers.

https://docs.aws.amazon.com/codedeploy/latest/userguide/monitoring-cloudwatch-events.html
https://docs.aws.amazon.com/codedeploy/latest/userguide/monitoring-sns-event-notifications.html
https://docs.aws.amazon.com/codedeploy/latest/userguide/monitoring-sns-event-notifications-json-format.html
"""

from __future__ import annotations

import json
import logging
from datetime import datetime
from typing import Any

from botocore.exceptions import ClientError

from sandbox.delivery.deployment import Deployment, Status
from sandbox.delivery.rights import Rights
from sandbox.gateway import moto_events
from sandbox.gateway.call import AwsError

log = logging.getLogger(__name__)

DETAIL_TYPE = "CodeDeploy Deployment State-change Notification"
_STATES = {"InProgress": "START", "Succeeded": "SUCCESS", "Failed": "FAILURE", "Stopped": "STOP"}
#: The event of a trigger that stands for a status.
_TRIGGERS = {
    "Created": "DeploymentStart",
    "Succeeded": "DeploymentSuccess",
    "Failed": "DeploymentFailure",
    "Stopped": "DeploymentStop",
}
#: How messages call a status.
_CALLED = {
    "Created": "CREATED",
    "InProgress": "IN_PROGRESS",
    "Succeeded": "SUCCEEDED",
    "Failed": "FAILED",
    "Stopped": "STOPPED",
}


def tell(deployment: Deployment, status: Status, rights: Rights) -> None:
    """Tell of a deployment that has come to a status."""
    _announce(deployment, status)
    trigger = _TRIGGERS.get(status)
    if status == "InProgress" and deployment.undoes is not None:
        # A rollback is told of as one when it begins; the others say nothing then.
        trigger = "DeploymentRollback"
    for each in deployment.group.settings.get("triggerConfigurations", ()):
        if trigger in each["triggerEvents"]:
            _publish(deployment, status, each, rights)


def _announce(deployment: Deployment, status: Status) -> None:
    if status not in _STATES:
        return
    group = deployment.group
    account, region = group.application.place
    moto_events.announce(
        "aws.codedeploy",
        DETAIL_TYPE,
        {
            "region": region,
            "deploymentId": deployment.id,
            "instanceGroupId": group.id,
            "deploymentGroup": group.name,
            "state": _STATES[status],
            "application": group.application.name,
        },
        account=account,
        region=region,
        resources=(group.application.arn, group.arn),
    )


def _publish(deployment: Deployment, status: Status, trigger: Any, rights: Rights) -> None:
    topic = trigger["triggerTargetArn"]
    region = deployment.group.application.place[1]
    subject = f"{_CALLED[status]}: AWS CodeDeploy {deployment.id} in {region} to {deployment.group.application.name}"
    try:
        rights.client("sns", topic.split(":")[3]).publish(
            TopicArn=topic,
            Subject=subject if len(subject) <= 99 else f"{subject[:96]}...",
            Message=message(deployment, status, trigger["triggerName"]),
        )
    except (ClientError, AwsError) as error:
        # As in AWS, nobody is told: the deployment goes on.
        log.info("%s: the trigger %s reached nobody: %s", deployment.id, trigger["triggerName"], error)


def message(deployment: Deployment, status: Status, trigger_name: str) -> str:
    """A message's text: JSON, whose inner structures are JSON texts themselves."""
    application = deployment.group.application
    account, region = application.place
    content: dict[str, Any] = {
        "region": region,
        "accountId": account,
        "eventTriggerName": trigger_name,
        "applicationName": application.name,
        "deploymentId": deployment.id,
        "deploymentGroupName": deployment.group.name,
        "createTime": _time(deployment.created),
        "completeTime": None if deployment.completed is None else _time(deployment.completed),
    }
    if deployment.ended:
        overview = deployment.overview()
        content["deploymentOverview"] = _compact(
            {name: overview[name] for name in ("Succeeded", "Failed", "Skipped", "InProgress", "Pending")}
        )
    content["status"] = _CALLED[status]
    if deployment.error is not None:
        code, text = deployment.error
        content["errorInformation"] = _compact({"ErrorCode": code, "ErrorMessage": text})
    if deployment.undoes is not None or deployment.error is not None:
        # The message of a deployment that has failed goes out before there is a rollback.
        known = deployment.rollback_info if deployment.undoes is not None else {}
        info = {name[0].upper() + name[1:]: text for name, text in sorted(known.items())}
        content["rollbackInformation"] = _compact(info)
    return _compact(content)


def _compact(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"))


def _time(moment: datetime) -> str:
    """A time as these messages have it: Thu Oct 13 15:50:45 UTC 2022."""
    return moment.strftime("%a %b %d %H:%M:%S UTC %Y")
