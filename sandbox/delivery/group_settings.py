"""What a deployment group or a deployment can be told: alarms, automatic rollback, triggers, style.

https://docs.aws.amazon.com/codedeploy/latest/userguide/deployment-groups-configure-advanced-options.html
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sandbox.delivery.errors import error

#: https://docs.aws.amazon.com/codedeploy/latest/APIReference/API_AlarmConfiguration.html
MAX_ALARMS = 10
MAX_ALARM_NAME = 255
#: https://docs.aws.amazon.com/codedeploy/latest/userguide/limits.html
MAX_TRIGGERS = 10

FAILURE = "DEPLOYMENT_FAILURE"
STOP_ON_ALARM = "DEPLOYMENT_STOP_ON_ALARM"
STOP_ON_REQUEST = "DEPLOYMENT_STOP_ON_REQUEST"
ROLLBACK_EVENTS = (FAILURE, STOP_ON_ALARM, STOP_ON_REQUEST)

#: https://docs.aws.amazon.com/codedeploy/latest/APIReference/API_TriggerConfig.html
TRIGGER_EVENTS = frozenset(
    {
        *("DeploymentStart", "DeploymentSuccess", "DeploymentFailure", "DeploymentStop", "DeploymentRollback"),
        *("DeploymentReady", "InstanceStart", "InstanceSuccess", "InstanceFailure", "InstanceReady"),
    }
)

STYLE = {"deploymentType": "BLUE_GREEN", "deploymentOption": "WITH_TRAFFIC_CONTROL"}

#: Parameters of groups for the other compute platforms.
_OF_OTHERS = (
    *("ec2TagFilters", "ec2TagSet", "onPremisesInstanceTagFilters", "onPremisesTagSet", "autoScalingGroups"),
    *("ecsServices", "loadBalancerInfo", "blueGreenDeploymentConfiguration", "ec2DeploymentOptions"),
)


def checked(params: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of a group among a call's parameters; AwsError where CodeDeploy refuses them.

    Settings that are not given are not in the answer.
    """
    for name in _OF_OTHERS:
        if params.get(name):
            raise error("InvalidInput", f"{name} can't be specified for a deployment group of the platform Lambda")
    if params.get("terminationHookEnabled"):
        raise error("InvalidInput", "terminationHookEnabled can't be specified for the platform Lambda")
    style = params.get("deploymentStyle")
    if style is not None and any(style.get(name, value) != value for name, value in STYLE.items()):
        raise error(
            "InvalidDeploymentStyle",
            "For a deployment group of the platform Lambda the deployment type must be BLUE_GREEN and the deployment "
            f"option WITH_TRAFFIC_CONTROL; given is {style}",
        )
    settings: dict[str, Any] = {}
    if params.get("alarmConfiguration") is not None:
        settings["alarmConfiguration"] = alarms(params["alarmConfiguration"])
    if params.get("autoRollbackConfiguration") is not None:
        settings["autoRollbackConfiguration"] = rollback(params["autoRollbackConfiguration"])
    if params.get("triggerConfigurations") is not None:
        settings["triggerConfigurations"] = triggers(params["triggerConfigurations"])
    if params.get("outdatedInstancesStrategy") is not None:
        settings["outdatedInstancesStrategy"] = params["outdatedInstancesStrategy"]
    return settings


def alarms(given: Mapping[str, Any]) -> dict[str, Any]:
    """An AlarmConfiguration; AwsError InvalidAlarmConfigException or AlarmsLimitExceededException."""
    names = [str((alarm or {}).get("name") or "") for alarm in given.get("alarms") or ()]
    if len(names) > MAX_ALARMS:
        raise error("AlarmsLimitExceeded", f"There are {len(names)} alarms; at most {MAX_ALARMS} can be added")
    for name in names:
        if not name or len(name) > MAX_ALARM_NAME:
            raise error("InvalidAlarmConfig", f"An alarm's name has 1 to {MAX_ALARM_NAME} characters, unlike {name!r}")
        if names.count(name) > 1:
            raise error("InvalidAlarmConfig", f"The alarm {name} is specified more than once")
    enabled = bool(given.get("enabled"))
    if enabled and not names:
        raise error("InvalidAlarmConfig", "The alarm configuration is enabled, but the alarm list is empty")
    return {
        "enabled": enabled,
        "ignorePollAlarmFailure": bool(given.get("ignorePollAlarmFailure")),
        "alarms": [{"name": name} for name in names],
    }


def rollback(given: Mapping[str, Any]) -> dict[str, Any]:
    """An AutoRollbackConfiguration; AwsError InvalidAutoRollbackConfigException."""
    events = list(given.get("events") or ())
    for event in events:
        if event not in ROLLBACK_EVENTS:
            raise error("InvalidAutoRollbackConfig", f"The event {event!r} is none of {', '.join(ROLLBACK_EVENTS)}")
    enabled = bool(given.get("enabled"))
    if enabled and not events:
        raise error("InvalidAutoRollbackConfig", "Automatic rollback is enabled, but no event types were listed")
    return {"enabled": enabled, "events": events}


def triggers(given: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """TriggerConfigs; AwsError InvalidTriggerConfigException or TriggerTargetsLimitExceededException."""
    if len(given) > MAX_TRIGGERS:
        raise error("TriggerTargetsLimitExceeded", f"There are {len(given)} triggers; at most {MAX_TRIGGERS} can be")
    names = [trigger.get("triggerName") for trigger in given]
    for trigger in given:
        name, topic, events = trigger.get("triggerName"), trigger.get("triggerTargetArn"), trigger.get("triggerEvents")
        if not name or names.count(name) > 1:
            raise error("InvalidTriggerConfig", f"Each trigger must have a name of its own, unlike {name!r}")
        if not topic or topic.split(":")[2:3] != ["sns"] or len(topic.split(":")) != 6:
            raise error(
                "InvalidTriggerConfig", f"The target of the trigger {name} is not the ARN of a topic: {topic!r}"
            )
        unknown = set(events or ()) - TRIGGER_EVENTS
        if not events or unknown:
            raise error("InvalidTriggerConfig", f"The events of the trigger {name} are invalid: {events!r}")
    return [dict(trigger) for trigger in given]
