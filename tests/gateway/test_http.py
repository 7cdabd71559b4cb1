"""HTTP as it comes in on the wire: what becomes of heads, plain and odd, and of connections."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from sandbox.gateway.message import Request, Response
from sandbox.gateway.server import Server


class Listening:
    """A server that keeps the requests which it is asked, and answers each with its path."""

    def __init__(self) -> None:
        self.asked: list[Request] = []
        self._server = Server(self._answer)

    def _answer(self, request: Request) -> Response:
        self.asked.append(request)
        return Response(200, {"Content-Type": "text/plain"}, request.path.encode())

    def say(self, data: bytes) -> bytes:
        """Send bytes on a connection of their own, and all that comes back."""
        with socket.create_connection(("127.0.0.1", self._server.port), timeout=10) as line:
            line.sendall(data)
            line.shutdown(socket.SHUT_WR)
            answer = bytearray()
            while piece := line.recv(65_536):
                answer += piece
        return bytes(answer)

    def close(self) -> None:
        self._server.close()


@pytest.fixture
def listening() -> Iterator[Listening]:
    made = Listening()
    yield made
    made.close()


def head(*lines: str, request: str = "GET /a?b=c HTTP/1.1") -> bytes:
    return "\r\n".join([request, *lines, "", ""]).encode("latin-1")


def test_headers_arrive_by_their_names_in_lower_case(listening: Listening) -> None:
    listening.say(head("Host: shop", "X-Empty:", "x-Many: one", "X-MANY:\t two ", "X-Latin: caf\xe9", "X-Colon: a:b"))
    [request] = listening.asked
    assert (request.method, request.path, request.query) == ("GET", "/a", "b=c")
    assert request.headers == {
        "host": "shop",
        "x-empty": "",
        "x-many": "one,two ",
        "x-latin": "caf\xe9",
        "x-colon": "a:b",
    }


@pytest.mark.parametrize(
    ("lines", "found"),
    [
        (["A: one", "  folded", "B: two"], {"a": "one\r\n  folded", "b": "two"}),
        # What is no header ends them.
        (["A: one", "no header", "B: two"], {"a": "one"}),
        (["A: one", "bad name: x", "B: two"], {"a": "one"}),
        (["A: one\rB: two"], {"a": "one", "b": "two"}),
    ],
)
def test_odd_heads_are_read_as_ever(listening: Listening, lines: list[str], found: dict[str, str]) -> None:
    listening.say(head(*lines))
    [request] = listening.asked
    assert request.headers == found


def test_lines_may_end_with_a_newline_alone(listening: Listening) -> None:
    listening.say(b"GET /plain HTTP/1.1\nA: one\n\n")
    [request] = listening.asked
    assert (request.path, request.headers) == ("/plain", {"a": "one"})


def test_several_slashes_at_the_beginning_are_one(listening: Listening) -> None:
    listening.say(head(request="GET //elsewhere/a HTTP/1.1"))
    assert listening.asked[0].path == "/elsewhere/a"


@pytest.mark.parametrize(
    ("request_line", "lines", "answers"),
    [
        ("GET /a HTTP/1.1", [], 2),
        ("GET /a HTTP/1.1", ["Connection: close"], 1),
        ("GET /a HTTP/1.1", ["connection: Close"], 1),
        ("GET /a HTTP/1.0", [], 1),
        ("GET /a HTTP/1.0", ["Connection: keep-alive"], 2),
    ],
)
def test_a_connection_stays_open_as_asked(
    listening: Listening, request_line: str, lines: list[str], answers: int
) -> None:
    said = listening.say(head(*lines, request=request_line) * 2)
    assert said.count(b"HTTP/1.1 200 OK") == answers
    assert len(listening.asked) == answers


def test_a_client_that_waits_is_told_to_go_on(listening: Listening) -> None:
    said = listening.say(head("Expect: 100-continue", "Content-Length: 2", request="PUT /a HTTP/1.1") + b"ab")
    assert said.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK")
    assert listening.asked[0].body == b"ab"


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (head(*[f"H{number}: x" for number in range(100)]), 431),
        (head("A: " + "x" * 70_000), 431),
        (head(request="GET /a HTTP/2.0"), 505),
        (head(request="GET /a b HTTP/1.1"), 400),
        (head(request="GET /a FTP/1.1"), 400),
        (head(request="PUT /a"), 400),
    ],
)
def test_what_is_no_request_is_told_so_and_the_connection_ends(listening: Listening, data: bytes, status: int) -> None:
    said = listening.say(data + head())
    assert said.startswith(f"HTTP/1.1 {status} ".encode())
    assert said.count(b"HTTP/1.1 ") == 1
    assert listening.asked == []


def test_as_many_headers_as_may_be_are_read(listening: Listening) -> None:
    listening.say(head(*[f"H{number}: x" for number in range(99)]))
    assert len(listening.asked[0].headers) == 99
