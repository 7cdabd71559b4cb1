"""The Runtime API and the Extensions API: what is legal when, and what it answers."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sandbox.compute.contract import Invocation
from sandbox.compute.http_connection import HttpConnection, MalformedRequest, Request, response
from sandbox.compute.runtime_api import MOST_RESPONSE, RuntimeApi

ARN = "arn:aws:lambda:us-east-1:123456789012:function:probe:live"
NEXT = "/2018-06-01/runtime/invocation/next"
REGISTER = "/2020-01-01/extension/register"
EVENT = "/2020-01-01/extension/event/next"


def api(*external: str) -> RuntimeApi:
    return RuntimeApi("probe", "7", "app.handler", "123456789012", frozenset(external))


def ask(
    to: RuntimeApi,
    method: str,
    path: str,
    body: bytes = b"",
    headers: dict[str, str] | None = None,
    on: str = "runtime",
) -> tuple[int, dict[str, str], Any] | None:
    """Status, headers and JSON of the answer; None if there is none yet."""
    lowered = {name.lower(): value for name, value in (headers or {}).items()}
    raw = to.request(on, Request(method, path, lowered, body, len(body)))
    return None if raw is None else parts(raw)


def parts(raw: bytes) -> tuple[int, dict[str, str], Any]:
    head, _, body = raw.partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    headers = dict(line.split(": ", 1) for line in lines[1:])
    assert int(headers["Content-Length"]) == len(body)
    return int(lines[0].split()[1]), headers, json.loads(body) if body else None


def register(to: RuntimeApi, name: str, *events: str, **headers: str) -> str:
    answer = ask(
        to, "POST", REGISTER, json.dumps({"events": events}).encode(), {"Lambda-Extension-Name": name, **headers}
    )
    assert answer is not None
    assert answer[0] == 200, answer
    return answer[1]["Lambda-Extension-Identifier"]


def event_next(to: RuntimeApi, identifier: str) -> tuple[int, dict[str, str], Any] | None:
    return ask(to, "GET", EVENT, headers={"Lambda-Extension-Identifier": identifier}, on=identifier)


def running(**changes: str) -> RuntimeApi:
    """One with the invocation "id-1" under way."""
    made = api()
    assert ask(made, "GET", NEXT) is None
    made.invoke(Invocation("id-1", b'{"a":1}', ARN, **changes), 1_795_238_713_307)
    return made


def test_event_comes_with_all_its_headers() -> None:
    made = api()
    assert ask(made, "GET", NEXT) is None
    assert made.at_rest
    answers = made.invoke(Invocation("id-1", b'{"a":1}', ARN, "Root=1-2-3", '{"c":1}', '{"i":2}'), 1_795_238_713_307)
    ((connection, raw),) = answers
    status, headers, body = parts(raw)
    assert (connection, status, body) == ("runtime", 200, {"a": 1})
    assert headers["Content-Type"] == "application/json"
    assert headers["Lambda-Runtime-Aws-Request-Id"] == "id-1"
    assert headers["Lambda-Runtime-Deadline-Ms"] == "1795238713307"
    assert headers["Lambda-Runtime-Invoked-Function-Arn"] == ARN
    assert headers["Lambda-Runtime-Trace-Id"] == "Root=1-2-3"
    assert headers["Lambda-Runtime-Client-Context"] == '{"c":1}'
    assert headers["Lambda-Runtime-Cognito-Identity"] == '{"i":2}'
    assert not made.at_rest


def test_headers_without_value_are_left_out() -> None:
    made = api()
    ask(made, "GET", NEXT)
    _, headers, _ = parts(made.invoke(Invocation("id-1", b"{}", ARN), 1)[0][1])
    assert not {"Lambda-Runtime-Trace-Id", "Lambda-Runtime-Client-Context"} & headers.keys()


def test_response_is_accepted_once() -> None:
    made = running()
    answer = ask(made, "POST", "/2018-06-01/runtime/invocation/id-1/response", b'"yes"')
    assert answer is not None
    assert (answer[0], answer[2]) == (202, {"status": "OK"})
    assert made.posted is not None
    assert made.posted.body == b'"yes"'
    assert not made.at_rest
    again = ask(made, "POST", "/2018-06-01/runtime/invocation/id-1/response", b'"no"')
    assert again is not None
    assert (again[0], again[2]["errorType"]) == (403, "InvalidStateTransition")
    assert made.posted.body == b'"yes"'
    assert ask(made, "GET", NEXT) is None
    assert made.at_rest


def test_error_keeps_its_type() -> None:
    made = running()
    body = b'{"errorMessage":"no","errorType":"KeyError"}'
    answer = ask(made, "POST", "/2018-06-01/runtime/invocation/id-1/error", body)
    assert answer is not None
    assert answer[0] == 202
    assert made.posted is not None
    assert (made.posted.error_type, made.posted.body) == ("KeyError", body)


def test_error_type_of_a_body_that_is_none() -> None:
    made = running()
    headers = {"Lambda-Runtime-Function-Error-Type": "Runtime.Odd"}
    ask(made, "POST", "/2018-06-01/runtime/invocation/id-1/error", b"<html>", headers)
    assert made.posted is not None
    assert made.posted.error_type == "Runtime.Odd"


def test_wrong_request_id_is_refused_by_name() -> None:
    made = running()
    answer = ask(made, "POST", "/2018-06-01/runtime/invocation/id-2/response", b"1")
    assert answer is not None
    assert (answer[0], answer[2]["errorType"]) == (400, "InvalidRequestID")
    assert "id-2" in answer[2]["errorMessage"]
    assert made.posted is None


@pytest.mark.parametrize("kind", ["response", "error"])
def test_answer_without_invocation_is_an_illegal_state(kind: str) -> None:
    made = api()
    ask(made, "GET", NEXT)
    answer = ask(made, "POST", f"/2018-06-01/runtime/invocation/id-1/{kind}", b"{}")
    assert answer is not None
    assert (answer[0], answer[2]["errorType"]) == (403, "InvalidStateTransition")
    assert "from Ready to Invocation" in answer[2]["errorMessage"]


def test_next_while_an_invocation_runs_is_an_illegal_state() -> None:
    answer = ask(running(), "GET", NEXT)
    assert answer is not None
    assert (answer[0], answer[2]["errorType"]) == (403, "InvalidStateTransition")


def test_init_error_is_for_init() -> None:
    made = api()
    answer = ask(made, "POST", "/2018-06-01/runtime/init/error", b'{"errorType":"Runtime.ImportModuleError"}')
    assert answer is not None
    assert answer[0] == 202
    assert made.init_error is not None
    assert made.init_error.error_type == "Runtime.ImportModuleError"
    refused = ask(made, "GET", NEXT)
    assert refused is not None
    assert refused[0] == 403
    late = ask(running(), "POST", "/2018-06-01/runtime/init/error", b"{}")
    assert late is not None
    assert late[0] == 403


def test_too_large_a_response_is_refused_and_remembered() -> None:
    made = running()
    request = Request("POST", "/2018-06-01/runtime/invocation/id-1/response", {}, b"", MOST_RESPONSE + 1)
    status, _, body = parts(made.request("runtime", request) or b"")
    assert (status, body["errorType"]) == (413, "RequestEntityTooLarge")
    assert made.posted is not None
    assert (made.posted.error_type, made.posted.too_large) == ("Function.ResponseSizeTooLarge", MOST_RESPONSE + 1)


@pytest.mark.parametrize(
    ("method", "path", "status", "kind"),
    [
        ("GET", "/2018-06-01/runtime/restore/next", 404, "NotFound"),
        ("POST", NEXT, 404, "NotFound"),
        ("GET", "/", 404, "NotFound"),
        ("PUT", "/2022-07-01/telemetry", 501, "Telemetry.NotSupported"),
        ("PUT", "/2020-08-15/logs", 501, "Logs.NotSupported"),
        ("GET", "/2020-01-01/extension/nothing", 404, "NotFound"),
    ],
)
def test_what_is_not_there_is_refused(method: str, path: str, status: int, kind: str) -> None:
    answer = ask(api(), method, path)
    assert answer is not None
    assert (answer[0], answer[2]["errorType"]) == (status, kind)


def test_streamed_response_is_refused_by_name() -> None:
    headers = {"Lambda-Runtime-Function-Response-Mode": "streaming"}
    answer = ask(running(), "POST", "/2018-06-01/runtime/invocation/id-1/response", b"1", headers)
    assert answer is not None
    assert (answer[0], answer[2]["errorType"]) == (501, "ResponseStreaming.NotSupported")


def test_init_waits_for_external_extensions() -> None:
    made = api("watcher")
    assert not made.registered
    identifier = register(made, "watcher", "INVOKE", "SHUTDOWN")
    assert made.registered
    ask(made, "GET", NEXT)
    assert not made.at_rest
    assert event_next(made, identifier) is None
    assert made.at_rest


def test_registration_tells_about_the_function() -> None:
    made = api("watcher")
    plain = ask(made, "POST", REGISTER, b"{}", {"Lambda-Extension-Name": "watcher"})
    assert plain is not None
    assert plain[2] == {"functionName": "probe", "functionVersion": "7", "handler": "app.handler"}
    headers = {"Lambda-Extension-Name": "other", "Lambda-Extension-Accept-Feature": "accountId"}
    more = ask(made, "POST", REGISTER, b"{}", headers)
    assert more is not None
    assert more[2]["accountId"] == "123456789012"


def test_invocation_ends_when_those_told_of_it_are_back() -> None:
    made = api("watcher", "sleeper")
    watcher, sleeper = register(made, "watcher", "INVOKE"), register(made, "sleeper", "SHUTDOWN")
    ask(made, "GET", NEXT)
    event_next(made, watcher)
    event_next(made, sleeper)
    answers = dict(made.invoke(Invocation("id-1", b"{}", ARN, "Root=1-2-3"), 99))
    assert answers.keys() == {"runtime", watcher}
    status, headers, event = parts(answers[watcher])
    assert status == 200
    assert headers["Lambda-Extension-Event-Identifier"]
    assert event == {
        "eventType": "INVOKE",
        "deadlineMs": 99,
        "requestId": "id-1",
        "invokedFunctionArn": ARN,
        "tracing": {"type": "X-Amzn-Trace-Id", "value": "Root=1-2-3"},
    }
    ask(made, "POST", "/2018-06-01/runtime/invocation/id-1/response", b"1")
    ask(made, "GET", NEXT)
    assert not made.at_rest
    event_next(made, watcher)
    assert made.at_rest


def test_shutdown_is_told_to_those_who_asked_for_it() -> None:
    made = api("watcher", "sleeper")
    watcher, sleeper = register(made, "watcher", "INVOKE"), register(made, "sleeper", "SHUTDOWN")
    event_next(made, watcher)
    event_next(made, sleeper)
    answers = dict(made.shut_down("SPINDOWN", 77))
    assert answers.keys() == {sleeper}
    assert parts(answers[sleeper])[2] == {"eventType": "SHUTDOWN", "shutdownReason": "SPINDOWN", "deadlineMs": 77}


def test_extension_still_at_work_is_told_of_shutdown_when_it_asks() -> None:
    made = api("sleeper")
    sleeper = register(made, "sleeper", "SHUTDOWN")
    assert made.shut_down("TIMEOUT", 77) == []
    answer = event_next(made, sleeper)
    assert answer is not None
    assert answer[2]["shutdownReason"] == "TIMEOUT"


@pytest.mark.parametrize(
    ("case", "name", "body", "kind"),
    [
        ("no name", "", b"{}", "Extension.InvalidExtensionName"),
        ("unknown event", "watcher", b'{"events":["INVOKE","SLEEP"]}', "Extension.InvalidEventType"),
        ("not JSON", "watcher", b"events", "InvalidRequestFormat"),
        ("a list", "watcher", b"[]", "InvalidRequestFormat"),
        ("internal", "inside", b'{"events":["SHUTDOWN"]}', "ShutdownEventNotSupportedForInternalExtension"),
    ],
)
def test_bad_registration_is_refused(case: str, name: str, body: bytes, kind: str) -> None:
    answer = ask(api("watcher"), "POST", REGISTER, body, {"Lambda-Extension-Name": name})
    assert answer is not None
    assert (answer[0], answer[2]["errorType"]) == (403, kind), case


def test_registration_is_once_and_before_the_runtime_is_ready() -> None:
    made = api("watcher")
    register(made, "watcher", "INVOKE")
    again = ask(made, "POST", REGISTER, b"{}", {"Lambda-Extension-Name": "watcher"})
    assert again is not None
    assert again[2]["errorType"] == "Extension.AlreadyRegistered"
    ask(made, "GET", NEXT)
    late = ask(made, "POST", REGISTER, b"{}", {"Lambda-Extension-Name": "late"})
    assert late is not None
    assert late[2]["errorType"] == "Extension.RegistrationClosed"


def test_eleventh_extension_is_refused() -> None:
    made = api()
    for index in range(10):
        register(made, f"inside-{index}", "INVOKE")
    answer = ask(made, "POST", REGISTER, b"{}", {"Lambda-Extension-Name": "inside-10"})
    assert answer is not None
    assert answer[2]["errorType"] == "Extension.TooManyExtensions"


@pytest.mark.parametrize(
    ("identifier", "kind"),
    [("", "Extension.MissingExtensionIdentifier"), ("who", "Extension.UnknownExtensionIdentifier")],
)
def test_strangers_get_no_events(identifier: str, kind: str) -> None:
    answer = event_next(api(), identifier)
    assert answer is not None
    assert (answer[0], answer[2]["errorType"]) == (403, kind)


@pytest.mark.parametrize("path", ["init/error", "exit/error"])
def test_extension_reports_an_error(path: str) -> None:
    made = api("watcher")
    identifier = register(made, "watcher", "INVOKE")
    headers = {
        "Lambda-Extension-Identifier": identifier,
        "Lambda-Extension-Function-Error-Type": "Extension.ConfigInvalid",
    }
    answer = ask(made, "POST", f"/2020-01-01/extension/{path}", b"{}", headers)
    assert answer is not None
    assert answer[0] == 202
    assert made.extension_error is not None
    assert made.extension_error[0] == "watcher"
    assert made.extension_error[1].error_type == "Extension.ConfigInvalid"


def request_bytes(*lines: str, body: bytes = b"") -> bytes:
    return "\r\n".join([*lines, "", ""]).encode() + body


@pytest.mark.parametrize("size", [1, 3, 1000])
def test_requests_do_not_depend_on_how_they_arrive(size: int) -> None:
    data = (
        request_bytes("POST /a HTTP/1.1", "Content-Length: 3", body=b"abc")
        + request_bytes("GET /b HTTP/1.1", "X-Name:  v ")
        + request_bytes("POST /c HTTP/1.1", "Transfer-Encoding: chunked", body=b"2\r\nde\r\n3;x=y\r\nfgh\r\n0\r\n\r\n")
    )
    connection = HttpConnection(100)
    got = [one for at in range(0, len(data), size) for one in connection.feed(data[at : at + size])[0]]
    assert [(one.method, one.path, one.body, one.size) for one in got] == [
        ("POST", "/a", b"abc", 3),
        ("GET", "/b", b"", 0),
        ("POST", "/c", b"defgh", 5),
    ]
    assert got[1].headers == {"x-name": "v"}


def test_body_beyond_the_limit_is_counted_and_not_kept() -> None:
    connection = HttpConnection(10)
    ((request,), _) = connection.feed(request_bytes("POST /a HTTP/1.1", "Content-Length: 25", body=b"x" * 25))
    assert (len(request.body), request.size) == (10, 25)


def test_client_that_asks_first_is_told_to_go_on() -> None:
    connection = HttpConnection(10)
    head = request_bytes("POST /a HTTP/1.1", "Content-Length: 2", "Expect: 100-continue")
    assert connection.feed(head) == ([], b"HTTP/1.1 100 Continue\r\n\r\n")
    ((request,), interim) = connection.feed(b"ok")
    assert (request.body, interim) == (b"ok", b"")


@pytest.mark.parametrize("data", [b"nonsense\r\n\r\n", b"GET / HTTP/1.1\r\nContent-Length: x\r\n\r\n"])
def test_what_is_not_http_is_malformed(data: bytes) -> None:
    with pytest.raises(MalformedRequest):
        HttpConnection(10).feed(data)


def test_response_is_one_piece() -> None:
    assert response(202, b"ok", {"A": "b"}) == b"HTTP/1.1 202 Accepted\r\nA: b\r\nContent-Length: 2\r\n\r\nok"
