"""The way from a notebook to the judge: one JSON request at a time, and one plain line when the judge is away."""

from __future__ import annotations

import http.client
import json
import os
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

#: Longer than any check's time limit: the judge itself ends a check that takes too long.
PATIENCE_SECONDS = 900.0

NOT_OPENED_HERE = (
    "There is no judge for this notebook: it was not opened by Coldstart. "
    "Run ./coldstart in the project's folder and open the lab in the page that appears."
)
GONE = "The judge does not answer. Save your work, stop Coldstart with Ctrl-C, run ./coldstart and open the lab again."


class NoJudge(Exception):
    """The judge is away, or was never there. Shown as its one line, without a traceback."""

    def _render_traceback_(self) -> list[str]:
        return [str(self)]


class Refused(NoJudge):
    """The judge is there and says no; the message says why and what to do."""


class JudgeClient:
    """Asks the judge. Address and token come from COLDSTART_JUDGE_URL and COLDSTART_JUDGE_TOKEN."""

    def __init__(self, environ: Mapping[str, str] | None = None) -> None:
        environ = os.environ if environ is None else environ
        self._url = environ.get("COLDSTART_JUDGE_URL", "")
        self._token = environ.get("COLDSTART_JUDGE_TOKEN", "")

    def ask(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """The judge's answer. Raises NoJudge or Refused."""
        address = urlsplit(self._url)
        if not address.hostname or not self._token:
            raise NoJudge(NOT_OPENED_HERE)
        connection = http.client.HTTPConnection(address.hostname, address.port, timeout=PATIENCE_SECONDS)
        try:
            connection.request(
                method,
                f"/v1{path}",
                body=json.dumps(body, allow_nan=False) if body is not None else None,
                headers={"Authorization": f"Bearer {self._token}", "Content-Type": "application/json"},
            )
            response = connection.getresponse()
            answer = json.loads(response.read())
        except (OSError, http.client.HTTPException, json.JSONDecodeError):
            raise NoJudge(GONE) from None
        finally:
            connection.close()
        if response.status != 200:
            raise Refused(str(answer.get("error", answer)))
        if not isinstance(answer, dict):
            raise NoJudge(GONE)
        return answer
