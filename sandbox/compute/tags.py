"""Tags of functions and of event source mappings: https://docs.aws.amazon.com/lambda/latest/dg/configuration-tags.html"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

from sandbox.compute.arns import parse_function
from sandbox.compute.errors import invalid, not_found, unsupported
from sandbox.compute.event_sources import EventSources
from sandbox.compute.functions import Functions
from sandbox.gateway.call import Call, Operation

MAX_TAGS = 50


def check_tags(call: Call, tags: Mapping[str, str], before: Mapping[str, str]) -> None:
    """AwsError for too many tags, or for keys that are AWS's own, unless an AWS service (CloudFormation) sets them.

    AWS's own do not count: https://docs.aws.amazon.com/tag-editor/latest/userguide/tagging.html
    """
    own = [key for key in {**before, **tags} if not _reserved(key)]
    if len(own) > MAX_TAGS:
        raise invalid(f"A resource can have {MAX_TAGS} tags, not {len(own)}.")
    reserved = [key for key in tags if _reserved(key)]
    if reserved and not call.principal.is_aws:
        raise invalid(f"Tag keys that begin with aws: are reserved: {', '.join(reserved)}")


def _reserved(key: str) -> bool:
    return key.lower().startswith("aws:")


class Tags:
    """ListTags, TagResource, UntagResource."""

    def __init__(self, functions: Functions, event_sources: EventSources) -> None:
        self._functions = functions
        self._event_sources = event_sources
        self._lock = threading.Lock()
        self.operations: Mapping[str, Operation] = {
            "ListTags": self._list,
            "TagResource": self._tag,
            "UntagResource": self._untag,
        }

    def _list(self, call: Call) -> dict[str, Any]:
        return {"Tags": dict(self._of(call))}

    def _tag(self, call: Call) -> None:
        tags = self._of(call)
        with self._lock:
            check_tags(call, call.params["Tags"], tags)
            tags.update(call.params["Tags"])

    def _untag(self, call: Call) -> None:
        tags = self._of(call)
        with self._lock:
            for key in call.params["TagKeys"]:
                tags.pop(key, None)

    def _of(self, call: Call) -> dict[str, str]:
        resource = call.params["Resource"]
        if ":event-source-mapping:" in resource:
            mapping = self._event_sources.find(resource)
            if mapping is None:
                raise not_found("The resource you requested does not exist.")
            return mapping.tags
        if ":function:" not in resource:
            raise unsupported(f"tags of {resource}", "functions and event source mappings alone have tags here")
        name = parse_function(resource, call.account, call.region)
        if name.qualifier is not None:
            raise invalid("Tags on function aliases and versions are not supported. Please specify a function ARN.")
        return self._functions.get(name).tags
