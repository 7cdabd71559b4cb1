"""The labs' `aws` stays inside the sandbox, whatever the environment and the arguments say."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.house.support import ROOT, listening, surroundings, write_json

AWS = ROOT / "checks" / "workbench" / "bin" / "aws"
KEYS = {"AWS_ACCESS_KEY_ID": "AKIDSANDBOX", "AWS_SECRET_ACCESS_KEY": "secret"}


def call(state: Path, *arguments: str, cwd: Path | None = None, **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(AWS), *arguments],
        env=surroundings(COLDSTART_STATE=str(state), **more),
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def lab(endpoint: str, started: str = "2026-01-01T00:00:00+00:00") -> dict[str, object]:
    return {"endpoint": endpoint, "credentials": KEYS, "region": "us-east-1", "started": started}


def hostile_home(folder: Path, outside: str) -> dict[str, str]:
    """Everything by which a user's own settings could lead the AWS CLI elsewhere: to `outside`."""
    config = folder / ".aws"
    (config / "cli").mkdir(parents=True)
    text = f"[default]\nregion = eu-west-1\nendpoint_url = {outside}\n"
    text += "aws_access_key_id = AKIDREAL\naws_secret_access_key = real\n"
    for name in ("config", "credentials"):
        (config / name).write_text(text + text.replace("[default]", "[profile work]"))
    (config / "cli" / "alias").write_text(f"[toplevel]\nsqs = !touch {folder}/alias-ran\n")
    return {
        "HOME": str(folder),
        "AWS_CONFIG_FILE": str(config / "config"),
        "AWS_SHARED_CREDENTIALS_FILE": str(config / "credentials"),
        "AWS_PROFILE": "work",
        "AWS_ACCESS_KEY_ID": "AKIDREAL",
        "AWS_SECRET_ACCESS_KEY": "real",
        "AWS_SESSION_TOKEN": "real",
        "AWS_DEFAULT_REGION": "eu-west-1",
        "AWS_ENDPOINT_URL_SQS": outside,
        "AWS_ENDPOINT_URL_RDS": outside,
        "HTTP_PROXY": outside,
        "http_proxy": outside,
        "HTTPS_PROXY": outside,
        "ALL_PROXY": outside,
    }


@pytest.mark.parametrize(
    ("arguments", "answer"),
    [
        (("sqs", "list-queues"), b'{"QueueUrls": ["here"]}'),
        (
            ("rds", "describe-db-instances"),
            b"<R><DescribeDBInstancesResult><DBInstances/></DescribeDBInstancesResult></R>",
        ),
    ],
)
def test_services_for_which_the_cli_ignores_the_endpoint_stay_inside_in_a_hostile_environment(
    tmp_path: Path, arguments: tuple[str, ...], answer: bytes
) -> None:
    inside_seen: list[str] = []
    outside_seen: list[str] = []
    with listening(inside_seen, answer) as inside, listening(outside_seen) as outside:
        write_json(tmp_path / "state" / "labs.json", {"01": lab(inside)})
        done = call(tmp_path / "state", *arguments, **hostile_home(tmp_path / "home", outside))
    assert done.returncode == 0, done.stderr
    assert len(inside_seen) == 1
    assert "AKIDSANDBOX" in inside_seen[0]
    assert "us-east-1" in inside_seen[0]
    assert outside_seen == []
    assert not (tmp_path / "home" / "alias-ran").exists()


def test_a_call_that_would_leave_is_stopped_at_the_connection(tmp_path: Path) -> None:
    """Without --endpoint-url the CLI sends sqs to AWS: the interpreter itself refuses, before a name is looked up."""
    program = """
import sys
from checks import aws
aws.inside = lambda arguments, endpoint: list(arguments)
sys.exit(aws.main(["sqs", "list-queues"]))
"""
    with listening() as inside:
        done = subprocess.run(
            [sys.executable, "-c", program],
            env=surroundings(AWS_ENDPOINT_URL=inside, **KEYS),
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert done.returncode == 252
    assert "amazonaws.com, outside the sandbox, and was stopped" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("sqs", "list-queues", "--profile", "work"), "--profile belongs to a real account"),
        (("--prof=work", "sqs", "list-queues"), "--profile belongs to a real account"),
        (("sqs", "list-queues", "--endpoint-url", "https://sqs.us-east-1.amazonaws.com"), "not on this machine"),
        (("--endpoint=http://127.0.0.1.example.com", "s3", "ls"), "not on this machine"),
    ],
)
def test_arguments_that_lead_out_are_refused_in_one_line(
    tmp_path: Path, arguments: tuple[str, ...], words: str
) -> None:
    with listening() as inside:
        done = call(tmp_path, *arguments, AWS_ENDPOINT_URL=inside, **KEYS)
    assert done.returncode == 252
    assert words in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_an_endpoint_of_the_environment_that_is_not_on_this_machine_is_refused(tmp_path: Path) -> None:
    done = call(tmp_path, "sqs", "list-queues", AWS_ENDPOINT_URL="https://sqs.us-east-1.amazonaws.com", **KEYS)
    assert done.returncode == 252
    assert "AWS_ENDPOINT_URL is https://sqs.us-east-1.amazonaws.com, which is not on this machine" in done.stderr


def test_without_a_sandbox_the_command_says_how_to_start_one(tmp_path: Path) -> None:
    write_json(tmp_path / "labs.json", {"01": lab("http://127.0.0.1:9")})
    done = call(tmp_path, "sqs", "list-queues")
    assert done.returncode == 252
    assert done.stderr == (
        "aws: no sandbox is running: run lab.start() in a lab's notebook, or ./coldstart sandbox serve.\n"
    )
