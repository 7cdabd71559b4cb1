"""CloudTrail: what was called, by whom, and how it ended, readable through LookupEvents.

As in AWS the event history holds management events only: what reads or writes data (items, objects, messages,
invocations) is left out. https://docs.aws.amazon.com/awscloudtrail/latest/userguide/view-cloudtrail-events.html
"""

from __future__ import annotations

import base64
import binascii
import json
import re
import threading
import uuid
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sandbox.clock import Clock
from sandbox.gateway import moto_adapter
from sandbox.gateway.call import AwsError, Call, Operation, Principal

#: The history holds at most so many events and so many bytes of them; the oldest go first.
MAX_EVENTS = 20_000
MAX_BYTES = 32 * 1024 * 1024
#: A longer text in a request is cut, as CloudTrail cuts large requests.
_MAX_TEXT = 1_000
_MAX_ITEMS = 50
_MAX_DEPTH = 8
_PAGE = 50

_READ_ONLY = re.compile(
    r"(AssumeRole|Get|List|Describe|Head|Lookup|BatchGet|Search|Query|Scan|Select|Check|Verify|Simulate|Test)"
)

#: Operations on data, which CloudTrail's event history does not hold.
#: https://docs.aws.amazon.com/awscloudtrail/latest/userguide/logging-data-events-with-cloudtrail.html
_DATA_EVENTS: Mapping[str, frozenset[str]] = {
    "cloudwatch": frozenset({"PutMetricData", "GetMetricData", "GetMetricStatistics", "ListMetrics"}),
    "dynamodb": frozenset(
        {
            "BatchExecuteStatement",
            "BatchGetItem",
            "BatchWriteItem",
            "DeleteItem",
            "ExecuteStatement",
            "ExecuteTransaction",
            "GetItem",
            "PutItem",
            "Query",
            "Scan",
            "TransactGetItems",
            "TransactWriteItems",
            "UpdateItem",
        }
    ),
    "dynamodbstreams": frozenset({"GetRecords", "GetShardIterator", "DescribeStream", "ListStreams"}),
    "firehose": frozenset({"PutRecord", "PutRecordBatch"}),
    "kinesis": frozenset({"GetRecords", "GetShardIterator", "PutRecord", "PutRecords", "SubscribeToShard"}),
    "lambda": frozenset({"Invoke", "InvokeAsync", "InvokeWithResponseStream"}),
    "logs": frozenset({"PutLogEvents"}),
    "sns": frozenset({"Publish", "PublishBatch"}),
    "sqs": frozenset(
        {
            "ChangeMessageVisibility",
            "ChangeMessageVisibilityBatch",
            "DeleteMessage",
            "DeleteMessageBatch",
            "GetQueueAttributes",
            "GetQueueUrl",
            "ListQueues",
            "ListQueueTags",
            "ListDeadLetterSourceQueues",
            "ReceiveMessage",
            "SendMessage",
            "SendMessageBatch",
        }
    ),
}

#: Event source hosts that are not the service's own name.
_SOURCES = {"cloudwatch": "monitoring", "stepfunctions": "states", "dynamodbstreams": "dynamodb"}

#: Parameters that name a resource, and its type.
_RESOURCES = {
    "FunctionName": "AWS::Lambda::Function",
    "TableName": "AWS::DynamoDB::Table",
    "Bucket": "AWS::S3::Bucket",
    "RoleName": "AWS::IAM::Role",
    "RoleArn": "AWS::IAM::Role",
    "UserName": "AWS::IAM::User",
    "GroupName": "AWS::IAM::Group",
    "PolicyArn": "AWS::IAM::Policy",
    "QueueUrl": "AWS::SQS::Queue",
    "QueueName": "AWS::SQS::Queue",
    "TopicArn": "AWS::SNS::Topic",
    "SecretId": "AWS::SecretsManager::Secret",
    "KeyId": "AWS::KMS::Key",
    "logGroupName": "AWS::Logs::LogGroup",
    "StackName": "AWS::CloudFormation::Stack",
    "StreamName": "AWS::Kinesis::Stream",
    "AlarmName": "AWS::CloudWatch::Alarm",
}

#: What the history calls a denial, whatever the service's own code for it.
#: https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html
_ERROR_CODES = {
    "AccessDeniedException": "AccessDenied",
    "AuthorizationError": "AccessDenied",
    "UnauthorizedOperation": "Client.UnauthorizedOperation",
}

_SECRET_PARAMETERS = frozenset(
    {
        "secretstring",
        "secretbinary",
        "password",
        "newpassword",
        "oldpassword",
        "plaintext",
        "secretaccesskey",
        "token",
        "webidentitytoken",
    }
)
_HIDDEN = "HIDDEN_DUE_TO_SECURITY_REASONS"

_ATTRIBUTES = frozenset(
    {
        "EventId",
        "EventName",
        "ReadOnly",
        "Username",
        "ResourceType",
        "ResourceName",
        "EventSource",
        "AccessKeyId",
    }
)


@dataclass(frozen=True, slots=True)
class Record:
    """One event of an account's. `content` is the event's JSON text; the rest is what it is looked up by."""

    account: str
    id: str
    name: str
    source: str
    time: datetime
    read_only: bool
    user_name: str
    access_key: str
    resources: tuple[tuple[str, str], ...]
    content: str

    def shape(self) -> dict[str, Any]:
        """LookupEvents' Event structure."""
        event: dict[str, Any] = {
            "EventId": self.id,
            "EventName": self.name,
            "ReadOnly": "true" if self.read_only else "false",
            "EventTime": self.time.replace(microsecond=0),
            "EventSource": self.source,
            "Username": self.user_name,
            "Resources": [{"ResourceType": kind, "ResourceName": name} for kind, name in self.resources],
            "CloudTrailEvent": self.content,
        }
        if self.access_key:
            event["AccessKeyId"] = self.access_key
        return event

    def matches(self, attribute: str, value: str) -> bool:
        match attribute:
            case "EventId":
                return self.id == value
            case "EventName":
                return self.name == value
            case "ReadOnly":
                return self.read_only == (value.lower() == "true")
            case "Username":
                return self.user_name == value
            case "EventSource":
                return self.source == value
            case "AccessKeyId":
                return self.access_key == value
            case "ResourceType":
                return any(kind == value for kind, _ in self.resources)
            case _:
                return any(name == value for _, name in self.resources)


def is_read_only(operation: str) -> bool:
    """Whether an operation of this name only reads."""
    return _READ_ONLY.match(operation) is not None


def is_management_event(call: Call) -> bool:
    if call.service == "s3":
        return "Key" not in call.params and call.operation not in ("DeleteObjects", "ListObjects", "ListObjectsV2")
    return call.operation not in _DATA_EVENTS.get(call.service, ())


class Trail:
    """The event histories of all accounts, and CloudTrail's operations on the caller's own."""

    name = "cloudtrail"
    whole = True
    refused: Mapping[str, str] = dict.fromkeys(
        ("CreateTrail", "UpdateTrail", "StartLogging", "PutEventSelectors", "CreateEventDataStore"),
        "events are kept in the event history only (LookupEvents); no trail delivers them",
    )

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._records: deque[Record] = deque()
        self._bytes = 0
        self._lock = threading.Lock()
        self.operations: Mapping[str, Operation] = {"LookupEvents": self._lookup_events}

    def add(self, call: Call, error: tuple[str, str] | None) -> None:
        """Keep an event for a call; `error` is code and message of a failed one."""
        if not is_management_event(call):
            return
        accounts = involved_accounts(call)
        shared = str(uuid.uuid4()) if len(accounts) > 1 else None
        records = [record_of(call, error, account, shared) for account in accounts]
        with self._lock:
            self._records.extend(records)
            self._bytes += sum(len(record.content) for record in records)
            while len(self._records) > MAX_EVENTS or self._bytes > MAX_BYTES:
                self._bytes -= len(self._records.popleft().content)

    def _lookup_events(self, call: Call) -> Mapping[str, Any]:
        attribute, value = _attribute(call.params.get("LookupAttributes") or [])
        start, end = _moment(call.params.get("StartTime")), _moment(call.params.get("EndTime"))
        if start is not None and end is not None and start > end:
            raise AwsError("InvalidTimeRangeException", "The start time must be before the end time.")
        size = call.params.get("MaxResults", _PAGE)
        if not 1 <= int(size) <= _PAGE:
            raise AwsError("InvalidMaxResultsException", f"MaxResults must lie between 1 and {_PAGE}; it is {size}.")
        # Events come newest first; a page goes on after the event that the last one ended with.
        after = _token(call.params.get("NextToken"))
        with self._lock:
            records = list(self._records)
        found: list[Record] = []
        waiting = after is not None
        for record in reversed(records):
            if record.account != call.account:
                continue
            if waiting:
                waiting = record.id != after
                continue
            if (start is not None and record.time < start) or (end is not None and record.time > end):
                continue
            if attribute is None or record.matches(attribute, value):
                found.append(record)
                if len(found) > int(size):
                    break
        if waiting:
            raise AwsError("InvalidNextTokenException", "The NextToken is not valid, or its events are gone.")
        page = found[: int(size)]
        answer: dict[str, Any] = {"Events": [record.shape() for record in page]}
        if len(found) > len(page):
            answer["NextToken"] = base64.urlsafe_b64encode(page[-1].id.encode()).decode()
        return answer


def involved_accounts(call: Call) -> tuple[str, ...]:
    """The accounts that a call is written down in: the caller's, and that of the resource or role that it is about.

    Their events have one sharedEventID:
    https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html
    """
    stranger = call.principal.kind in ("Anonymous", "AWSService", "WebIdentity")
    accounts = [] if stranger else [call.principal.account]
    role = str(call.params.get("RoleArn", "")) if call.service == "sts" else ""
    named = role.split(":")[4] if role.count(":") >= 5 else ""
    accounts.append(named if moto_adapter.has_account(named) else call.account)
    return tuple(dict.fromkeys(accounts))


def record_of(
    call: Call, error: tuple[str, str] | None, account: str | None = None, shared_id: str | None = None
) -> Record:
    """A call as CloudTrail writes it down for one account, by default the one it was answered in.

    https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html
    """
    principal = call.principal
    event_id = str(uuid.uuid4())
    source = f"{_SOURCES.get(call.service, call.service)}.amazonaws.com"
    content: dict[str, Any] = {
        "eventVersion": "1.11",
        "userIdentity": _identity(call),
        "eventTime": call.time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "eventSource": source,
        "eventName": call.operation,
        "awsRegion": call.region,
        # A service that calls in somebody's name stands for the address and the client.
        "sourceIPAddress": principal.calling_service or call.source_ip,
        "userAgent": principal.calling_service or call.user_agent[:_MAX_TEXT],
        "requestParameters": None if call.read_only and not call.params else _written(call.params),
        "responseElements": None,
        "requestID": call.request_id,
        "eventID": event_id,
        "readOnly": call.read_only,
        "eventType": "AwsApiCall",
        "managementEvent": True,
        "recipientAccountId": account or call.account,
        "eventCategory": "Management",
    }
    if shared_id is not None:
        content["sharedEventID"] = shared_id
    if error is not None:
        content["errorCode"] = _ERROR_CODES.get(error[0], error[0])
        content["errorMessage"] = error[1][:_MAX_TEXT]
    resources = tuple(dict.fromkeys(_resources(call)))
    return Record(
        account=account or call.account,
        id=event_id,
        name=call.operation,
        source=source,
        time=call.time,
        read_only=call.read_only,
        user_name=_user_name_of(principal),
        access_key=principal.access_key or "",
        resources=resources,
        content=json.dumps(content, separators=(",", ":")),
    )


def _identity(call: Call) -> dict[str, Any]:
    """https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-user-identity.html"""
    principal = call.principal
    if principal.kind == "AWSService":
        return {"type": "AWSService", "invokedBy": principal.arn}
    if principal.kind == "Anonymous":
        return {"type": "AWSAccount", "principalId": "", "accountId": "anonymous"}
    if principal.kind == "WebIdentity":
        return {
            "type": "WebIdentityUser",
            "principalId": principal.user_id,
            "userName": _user_name_of(principal),
            "identityProvider": principal.arn,
        }
    identity: dict[str, Any] = {
        "type": principal.kind,
        "principalId": principal.user_id,
        "arn": principal.arn,
        "accountId": principal.account,
        "accessKeyId": principal.access_key,
    }
    if principal.kind == "IAMUser":
        identity["userName"] = _user_name_of(principal)
    context = _session_context(principal)
    if context:
        identity["sessionContext"] = context
    if principal.calling_service:
        identity["invokedBy"] = principal.calling_service
    return identity


def _session_context(principal: Principal) -> dict[str, Any]:
    """https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-user-identity.html"""
    context: dict[str, Any] = {}
    session = principal.session
    if principal.role_arn is not None:
        context["sessionIssuer"] = {
            "type": "Role",
            "principalId": principal.user_id.partition(":")[0],
            "arn": principal.role_arn,
            "accountId": principal.account,
            "userName": principal.role_arn.rpartition("/")[2],
        }
    elif principal.kind == "FederatedUser" and session is not None and session.user_arn is not None:
        context["sessionIssuer"] = {
            "type": "IAMUser",
            "arn": session.user_arn,
            "accountId": principal.account,
            "userName": session.user_arn.rpartition("/")[2],
        }
    if session is None:
        return context
    if session.provider is not None:
        context["webIdFederationData"] = {"federatedProvider": session.provider, "attributes": {}}
    issued = session.issued.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    context["attributes"] = {"creationDate": issued, "mfaAuthenticated": "false"}
    if session.source_identity is not None:
        context["sourceIdentity"] = session.source_identity
    return context


def _user_name_of(principal: Principal) -> str:
    if principal.kind == "WebIdentity":
        # PROVIDER:AUDIENCE:SUBJECT, the provider being an ARN.
        return principal.user_id.removeprefix(principal.arn).split(":", 2)[2]
    return principal.arn.rpartition("/")[2] if "/" in principal.arn else principal.arn


def _resources(call: Call) -> Iterable[tuple[str, str]]:
    for parameter, kind in _RESOURCES.items():
        value = call.params.get(parameter)
        if isinstance(value, str) and value:
            yield kind, value


def _written(value: Any, name: str = "", depth: int = 0) -> Any:
    """Parameters as CloudTrail shows them: first letters small, secrets hidden, large things cut."""
    if name.lower() in _SECRET_PARAMETERS:
        return _HIDDEN
    if depth > _MAX_DEPTH:
        return "..."
    if isinstance(value, Mapping):
        items = list(value.items())[:_MAX_ITEMS]
        return {
            str(key)[:1].lower() + str(key)[1:_MAX_TEXT]: _written(item, str(key), depth + 1)
            for key, item in items
            if not isinstance(item, bytes)
        }
    if isinstance(value, (list, tuple)):
        return [_written(item, name, depth + 1) for item in value[:_MAX_ITEMS]]
    if isinstance(value, str):
        return value if len(value) <= _MAX_TEXT else value[:_MAX_TEXT] + "..."
    if isinstance(value, datetime):
        return value.isoformat()
    return value if isinstance(value, (bool, int, float)) or value is None else str(value)[:_MAX_TEXT]


def _attribute(attributes: Any) -> tuple[str | None, str]:
    if not attributes:
        return None, ""
    if len(attributes) > 1:
        raise AwsError("InvalidLookupAttributesException", "You can specify only one lookup attribute.")
    key, value = str(attributes[0].get("AttributeKey", "")), str(attributes[0].get("AttributeValue", ""))
    if key not in _ATTRIBUTES:
        raise AwsError("InvalidLookupAttributesException", f"{key!r} is not a lookup attribute.")
    return key, value


def _moment(value: Any) -> datetime | None:
    if value is None:
        return None
    if not isinstance(value, datetime):
        return datetime.fromtimestamp(float(value), UTC)
    return value if value.tzinfo is not None else value.replace(tzinfo=UTC)


def _token(token: Any) -> str | None:
    if token is None:
        return None
    try:
        return base64.urlsafe_b64decode(str(token).encode()).decode()
    except (binascii.Error, UnicodeError) as error:
        raise AwsError("InvalidNextTokenException", f"{token!r} is not a NextToken of LookupEvents.") from error
