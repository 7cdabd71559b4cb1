"""What came back of one request that the load generator sent: an answer of a function, of an API, or an error."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

Json = Any


@dataclass(frozen=True, slots=True)
class Answer:
    """What sending one payload brought back, without its place and time.

    `status_code` is HTTP's (429 for a throttle), 0 if no answer came. `result` is the decoded JSON, of a failed
    function its error object. `function_error` is Lambda's ("Unhandled") or empty. `error` is empty on success, else
    the error in words.
    """

    status_code: int = 0
    result: Json = None
    function_error: str = ""
    request_id: str = ""
    executed_version: str = ""
    log_tail: str = ""
    error: str = ""


def answer_of_error(error: BaseException) -> Answer:
    """An exception as an Answer: the service's status, code and reason; 0 where no answer came."""
    if not isinstance(error, ClientError):
        return Answer(error=f"{type(error).__name__}: {error}")
    response: dict[str, Any] = dict(error.response)
    said = response.get("Error", {})
    metadata = response.get("ResponseMetadata", {})
    reason = response.get("Reason")
    text = f"{said.get('Code', 'Unknown')}: {said.get('Message', '')}" + (f" ({reason})" if reason else "")
    return Answer(
        status_code=int(metadata.get("HTTPStatusCode", 0)), request_id=metadata.get("RequestId", ""), error=text
    )


def answer_of_function(status: int, headers: Mapping[str, str], body: bytes) -> Answer:
    """Lambda's response to Invoke, as it stands on the wire. Header names in lower case.

    https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html
    """
    result = decoded(body)
    request_id = headers.get("x-amzn-requestid", "")
    said: dict[str, Any] = result if isinstance(result, dict) else {}
    if status >= 300:
        code = headers.get("x-amzn-errortype", "").partition(":")[0] or "Unknown"
        reason = f" ({said['Reason']})" if said.get("Reason") else ""
        message = said.get("message") or said.get("Message") or ""
        return Answer(status_code=status, request_id=request_id, error=f"{code}: {message}{reason}")
    failed = headers.get("x-amz-function-error", "")
    return Answer(
        status_code=status,
        result=result,
        function_error=failed,
        request_id=request_id,
        executed_version=headers.get("x-amz-executed-version", ""),
        log_tail=base64.b64decode(headers.get("x-amz-log-result", "")).decode("utf-8", "replace"),
        error=words_of_failure(result, failed),
    )


def words_of_failure(result: Json, function_error: str) -> str:
    """A failed function's error in words; empty if it has not failed."""
    if not function_error:
        return ""
    said: dict[str, Any] = result if isinstance(result, dict) else {}
    words = (said.get("errorType"), said.get("errorMessage"))
    return ": ".join(str(word) for word in words if word) or function_error


def decoded(body: bytes) -> Json:
    """A body's JSON, else its text; None for an empty one."""
    text = body.decode("utf-8", "replace")
    try:
        return json.loads(text)
    except ValueError:
        return text or None
