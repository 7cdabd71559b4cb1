"""A bucket's settings, from the form that templates have to that of S3's API.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-s3-bucket.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

#: What a notification names its destination in templates and in the API.
_DESTINATIONS = {
    "LambdaConfigurations": ("Function", "LambdaFunctionConfigurations", "LambdaFunctionArn"),
    "QueueConfigurations": ("Queue", "QueueConfigurations", "QueueArn"),
    "TopicConfigurations": ("Topic", "TopicConfigurations", "TopicArn"),
}


def encryption(given: Mapping[str, Any]) -> dict[str, Any]:
    """BucketEncryption as ServerSideEncryptionConfiguration."""
    return {"Rules": [_renamed(rule, _RULE) for rule in given.get("ServerSideEncryptionConfiguration") or ()]}


_RULE = {"ServerSideEncryptionByDefault": "ApplyServerSideEncryptionByDefault"}
_CORS = {"ExposedHeaders": "ExposeHeaders", "Id": "ID", "MaxAge": "MaxAgeSeconds"}


def cors(given: Mapping[str, Any]) -> dict[str, Any]:
    """CorsConfiguration as CORSConfiguration."""
    return {"CORSRules": [_renamed(rule, _CORS) for rule in given.get("CorsRules") or ()]}


def _renamed(given: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    return {names.get(name, name): value for name, value in given.items()}


# -- notifications ---------------------------------------------------------------------------------------------


def notifications(given: Mapping[str, Any]) -> dict[str, Any]:
    """NotificationConfiguration as the API has it."""
    found: dict[str, Any] = {}
    for name, (destination, list_name, member) in _DESTINATIONS.items():
        if given.get(name):
            found[list_name] = [_notification(one, destination, member) for one in given[name]]
    bridge = given.get("EventBridgeConfiguration")
    if bridge is not None and str(bridge.get("EventBridgeEnabled", True)).lower() == "true":
        found["EventBridgeConfiguration"] = {}
    return found


def _notification(given: Mapping[str, Any], destination: str, member: str) -> dict[str, Any]:
    made: dict[str, Any] = {member: given[destination], "Events": [given["Event"]]}
    rules = ((given.get("Filter") or {}).get("S3Key") or {}).get("Rules")
    if rules:
        made["Filter"] = {"Key": {"FilterRules": rules}}
    return made


# -- lifecycle -------------------------------------------------------------------------------------------------


def lifecycle(given: Mapping[str, Any]) -> dict[str, Any]:
    """LifecycleConfiguration as the API has it."""
    return {"Rules": [_lifecycle_rule(rule) for rule in given.get("Rules") or ()]}


def _lifecycle_rule(given: Mapping[str, Any]) -> dict[str, Any]:
    rule: dict[str, Any] = {"Status": given["Status"], "Filter": _filter(given)}
    if given.get("Id"):
        rule["ID"] = given["Id"]
    expiration = {
        member: given[name]
        for name, member in (
            ("ExpirationInDays", "Days"),
            ("ExpirationDate", "Date"),
            ("ExpiredObjectDeleteMarker", "ExpiredObjectDeleteMarker"),
        )
        if given.get(name) is not None
    }
    if expiration:
        rule["Expiration"] = expiration
    transitions = _several(given, "Transition", "Transitions")
    if transitions:
        names = {"TransitionInDays": "Days", "TransitionDate": "Date"}
        rule["Transitions"] = [_renamed(one, names) for one in transitions]
    older = _several(given, "NoncurrentVersionTransition", "NoncurrentVersionTransitions")
    if older:
        rule["NoncurrentVersionTransitions"] = [_renamed(one, {"TransitionInDays": "NoncurrentDays"}) for one in older]
    if given.get("NoncurrentVersionExpiration"):
        rule["NoncurrentVersionExpiration"] = given["NoncurrentVersionExpiration"]
    elif given.get("NoncurrentVersionExpirationInDays") is not None:
        rule["NoncurrentVersionExpiration"] = {"NoncurrentDays": given["NoncurrentVersionExpirationInDays"]}
    if given.get("AbortIncompleteMultipartUpload"):
        rule["AbortIncompleteMultipartUpload"] = given["AbortIncompleteMultipartUpload"]
    return rule


def _several(given: Mapping[str, Any], one: str, many: str) -> list[Mapping[str, Any]]:
    return [*([given[one]] if given.get(one) else []), *(given.get(many) or [])]


def _filter(given: Mapping[str, Any]) -> dict[str, Any]:
    """What a rule is for: one condition, or several below And."""
    conditions: dict[str, Any] = {
        name: given[name]
        for name in ("Prefix", "ObjectSizeGreaterThan", "ObjectSizeLessThan")
        if given.get(name) is not None
    }
    tags = given.get("TagFilters") or []
    if len(conditions) + len(tags) > 1:
        return {"And": {**conditions, **({"Tags": tags} if tags else {})}}
    return conditions or ({"Tag": tags[0]} if tags else {"Prefix": ""})
