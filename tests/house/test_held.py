"""Which sandbox a command means, and what the surroundings of a command may hold."""

from __future__ import annotations

from pathlib import Path

import pytest

from checks import held

KEYS = {"AWS_ACCESS_KEY_ID": "AKIDSANDBOX", "AWS_SECRET_ACCESS_KEY": "secret"}


def lab(endpoint: str, started: str = "2026-01-01T00:00:00+00:00") -> dict[str, object]:
    return {"endpoint": endpoint, "credentials": KEYS, "region": "us-east-1", "started": started}


LABS = {"01": lab("http://127.0.0.1:1001", "2026-01-01"), "02": lab("http://127.0.0.1:1002", "2026-01-02")}
SERVED = lab("http://127.0.0.1:4566")


@pytest.mark.parametrize(
    ("environ", "folder", "labs", "served", "endpoint"),
    [
        ({}, "/", LABS, SERVED, "http://127.0.0.1:1002"),
        ({}, "/x/labs/01-lambda-lifecycle/deep", LABS, SERVED, "http://127.0.0.1:1001"),
        ({}, "/x/labs/07-other", LABS, SERVED, "http://127.0.0.1:1002"),
        ({}, "/", {}, SERVED, "http://127.0.0.1:4566"),
        ({"AWS_ENDPOINT_URL": "http://localhost:4566"}, "/x/labs/01-l", LABS, SERVED, "http://127.0.0.1:4566"),
        ({"AWS_ENDPOINT_URL": "http://[::1]:99", **KEYS}, "/", LABS, {}, "http://[::1]:99"),
    ],
)
def test_which_sandbox_is_meant(
    environ: dict[str, str], folder: str, labs: dict[str, object], served: dict[str, object], endpoint: str
) -> None:
    chosen = held.surroundings(environ, Path(folder), labs, served)
    assert chosen["AWS_ENDPOINT_URL"] == endpoint
    assert chosen["AWS_ACCESS_KEY_ID"] == "AKIDSANDBOX"


def test_credentials_of_the_environment_count_only_with_an_endpoint_of_the_environment() -> None:
    mine = {"AWS_ACCESS_KEY_ID": "AKIDMINE", "AWS_SECRET_ACCESS_KEY": "mine", "AWS_REGION": "eu-west-1"}
    chosen = held.surroundings(mine, Path("/"), LABS, {})
    assert (chosen["AWS_ACCESS_KEY_ID"], chosen["AWS_REGION"]) == ("AKIDSANDBOX", "us-east-1")
    chosen = held.surroundings({**mine, "AWS_ENDPOINT_URL": "http://127.0.0.1:1001"}, Path("/"), LABS, {})
    assert (chosen["AWS_ACCESS_KEY_ID"], chosen["AWS_REGION"]) == ("AKIDMINE", "eu-west-1")


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "::1", "localhost", "LOCALHOST."])
def test_this_machine(host: str) -> None:
    assert held.is_loopback(host)


@pytest.mark.parametrize(
    "host", ["0.0.0.0", "10.0.0.1", "localhost.example.com", "127.0.0.1.nip.io", "169.254.169.254", ""]
)
def test_not_this_machine(host: str) -> None:
    assert not held.is_loopback(host)


@pytest.mark.parametrize(
    ("environ", "kept"),
    [
        ({"https_proxy": "http://proxy:3128", "AWS_PROFILE": "work"}, "http://proxy:3128"),
        ({"HTTP_PROXY": "http://proxy:3128", "PIP_PROXY": "http://mine:3128"}, "http://mine:3128"),
        ({}, None),
    ],
)
def test_a_proxy_is_left_to_pip_alone(environ: dict[str, str], kept: str | None) -> None:
    scrubbed = held.scrubbed(environ)
    assert scrubbed.get("PIP_PROXY") == kept
    assert not {"https_proxy", "HTTP_PROXY", "AWS_PROFILE"} & set(scrubbed)
