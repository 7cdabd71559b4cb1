"""The labs' `sam` is the real one, stays inside the sandbox, builds with the interpreter at hand or says why not."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import pytest

from checks import sam
from tests.house.support import ROOT, listening, surroundings, write_json

SAM = ROOT / "checks" / "workbench" / "bin" / "sam"
HERE = f"python{sys.version_info.major}.{sys.version_info.minor}"
KEYS = {"AWS_ACCESS_KEY_ID": "AKIDSANDBOX", "AWS_SECRET_ACCESS_KEY": "secret"}
TEMPLATE = """
AWSTemplateFormatVersion: "2010-09-09"
Transform: AWS::Serverless-2016-10-31
Resources:
  Hello:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: src
      Handler: app.handler
      Runtime: {runtime}
      Policies: [{policy}]
"""
#: IAM's answer to the question for the managed policies that there are.
POLICIES = (
    b"<ListPoliciesResponse><ListPoliciesResult><Policies><member><PolicyName>OurOwnPolicy</PolicyName>"
    b"<Arn>arn:aws:iam::123456789012:policy/OurOwnPolicy</Arn></member></Policies>"
    b"<IsTruncated>false</IsTruncated></ListPoliciesResult></ListPoliciesResponse>"
)


class Project:
    """A folder with a template and one function, and `sam` in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "project"
        self.state = folder / "state"
        (self.folder / "src").mkdir(parents=True)
        (self.folder / "src" / "app.py").write_text("def handler(event, context):\n    return 'ü'\n", "utf-8")
        self.requires("")
        self.template()

    def template(self, runtime: str = HERE, policy: str = "AWSLambdaExecute") -> None:
        (self.folder / "template.yaml").write_text(TEMPLATE.format(runtime=runtime, policy=policy))

    def requires(self, requirements: str) -> None:
        (self.folder / "src" / "requirements.txt").write_text(requirements)

    def sam(self, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
        """Run it. Packages come from the folder `wheels` alone, whatever index the machine has."""
        more = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(self.folder / "wheels"), **more}
        return subprocess.run(
            [str(SAM), *arguments],
            env=surroundings(COLDSTART_STATE=str(self.state), HOME=str(self.folder.parent), **more),
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


def wheel(folder: Path, name: str) -> None:
    """A package of one module, as pip finds it without a network."""
    folder.mkdir()
    record = f"{name}-1.0.dist-info"
    with zipfile.ZipFile(folder / f"{name}-1.0-py3-none-any.whl", "w") as archive:
        archive.writestr(f"{name}.py", "PARCELS = 3\n")
        archive.writestr(f"{record}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        archive.writestr(f"{record}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{record}/RECORD", "")


def test_build_installs_requirements_with_the_interpreter_at_hand_and_needs_no_sandbox(project: Project) -> None:
    wheel(project.folder / "wheels", "shipment")
    project.requires("shipment==1.0\n")
    # As on a machine that has no such interpreter on PATH but the labs' own.
    done = project.sam("build", PATH="/usr/bin:/bin")
    assert done.returncode == 0, done.stderr
    built = project.folder / ".aws-sam" / "build" / "Hello"
    assert {"app.py", "shipment.py"} <= {each.name for each in built.iterdir()}


@pytest.mark.parametrize("requirements", ["", None], ids=["requirements", "none"])
def test_a_runtime_without_an_interpreter_stops_the_build_with_one_line(
    project: Project, requirements: str | None
) -> None:
    if requirements is None:
        (project.folder / "src" / "requirements.txt").unlink()
    missing = next(f"python3.{minor}" for minor in (10, 12) if f"python3.{minor}" != HERE)
    project.template(runtime=missing)
    # A wrapper of that name which is none, as pyenv leaves them, must not pass.
    shim = project.folder / "shims" / missing
    shim.parent.mkdir()
    shim.write_text("#!/bin/sh\necho 'command not found' >&2\nexit 127\n")
    shim.chmod(0o755)
    done = project.sam("build", PATH=f"{shim.parent}:{only_this_python(project.folder)}")
    assert done.returncode == 1
    of_sam = ("Building codeuri", "requirements.txt file not found")
    said = [line for line in done.stderr.splitlines() if not line.strip().startswith(of_sam)]
    assert len(said) == 1, done.stderr
    assert said[0].startswith(f"sam: a function's Runtime is {missing}, and no python on PATH is a {missing[6:]}. ")
    assert f"Write Runtime: {HERE} (that is {Path(sys.executable).parent / HERE})" in said[0]


def only_this_python(folder: Path) -> Path:
    """A PATH with what the command's shell needs, and no interpreter."""
    tools = folder / "tools"
    tools.mkdir()
    for name in ("sh", "dirname", "env"):
        (tools / name).symlink_to(f"/usr/bin/{name}")
    return tools


def test_the_interpreter_at_hand_is_on_its_path_under_its_real_name() -> None:
    path = sam.quiet({"PATH": "/usr/bin"}, Path(sys.executable))["PATH"].split(os.pathsep)
    assert path[0].endswith("checks/workbench/bin")
    real = Path(path[1]) / HERE
    program = "import sys; print('python%d.%d' % sys.version_info[:2])"
    assert subprocess.run([real, "-c", program], capture_output=True, text=True, check=True).stdout.strip() == HERE


def test_validate_and_lint_need_no_sandbox_and_ask_nobody_for_a_newer_version(project: Project) -> None:
    for arguments in (["validate"], ["validate", "--lint"]):
        done = project.sam(*arguments)
        assert done.returncode == 0, done.stderr
        assert "is a valid SAM Template" in done.stdout
        assert done.stderr == ""
    assert not (project.folder.parent / ".aws-sam").exists()


def test_without_credentials_for_the_sandbox_lint_works_and_a_call_says_what_is_missing(project: Project) -> None:
    """As in a pipeline's job before it has assumed its role."""
    with listening() as endpoint:
        assert project.sam("validate", "--lint", AWS_ENDPOINT_URL=endpoint).returncode == 0
        done = project.sam("deploy", "--stack-name", "hello", "--resolve-s3", AWS_ENDPOINT_URL=endpoint)
    assert done.returncode == 1
    assert f"sam: no credentials for {endpoint}: set AWS_ACCESS_KEY_ID" in done.stderr


def test_a_template_that_is_none_is_sams_own_to_refuse(project: Project) -> None:
    text = TEMPLATE.format(runtime=HERE, policy="AWSLambdaExecute").replace("Handler", "Handle")
    (project.folder / "template.yaml").write_text(text)
    done = project.sam("validate", "--lint")
    assert done.returncode == 1
    assert "Handle" in done.stdout + done.stderr
    assert "Error: Linting failed." in done.stderr


def test_calls_reach_the_sandbox_with_its_credentials_in_a_hostile_environment(project: Project) -> None:
    """A policy's name that the SAM CLI doesn't know makes it ask IAM."""
    project.template(policy="OurOwnPolicy")
    config = project.folder.parent / ".aws"
    config.mkdir()
    for name in ("config", "credentials"):
        (config / name).write_text("[default]\naws_access_key_id = AKIDREAL\naws_secret_access_key = real\n")
    inside_seen: list[str] = []
    outside_seen: list[str] = []
    with listening(inside_seen, POLICIES) as inside, listening(outside_seen) as outside:
        lab = {"endpoint": inside, "credentials": KEYS, "region": "us-east-1", "started": "2026-01-01"}
        write_json(project.state / "labs.json", {"02": lab})
        done = project.sam(
            "validate",
            AWS_PROFILE="work",
            AWS_ACCESS_KEY_ID="AKIDREAL",
            AWS_SECRET_ACCESS_KEY="real",
            AWS_ENDPOINT_URL_IAM=outside,
            HTTP_PROXY=outside,
            HTTPS_PROXY=outside,
            SAM_CLI_TELEMETRY="1",
        )
    assert done.returncode == 0, done.stderr
    assert [seen for seen in inside_seen if "AKIDSANDBOX" not in seen] == []
    assert inside_seen
    assert outside_seen == []


def test_with_an_account_for_a_target_it_is_the_plain_sam_with_the_users_profile(project: Project) -> None:
    project.template(policy="OurOwnPolicy")
    seen: list[str] = []
    with listening(seen, POLICIES) as account:
        config = project.folder.parent / ".aws" / "config"
        config.parent.mkdir()
        keys = "aws_access_key_id = AKIDREAL\naws_secret_access_key = real\n"
        config.write_text(f"[profile work]\nregion = eu-west-1\nendpoint_url = {account}\n{keys}")
        done = project.sam("validate", COLDSTART_TARGET="account", COLDSTART_ACCOUNT_PROFILE="work")
    assert done.returncode == 0, done.stderr
    assert seen
    assert all("AKIDREAL" in each and "/eu-west-1/iam/" in each for each in seen)


def test_without_a_sandbox_the_first_call_says_how_to_start_one(project: Project) -> None:
    for arguments in (
        ["deploy", "--stack-name", "hello", "--resolve-s3"],
        ["delete", "--stack-name", "hello", "--no-prompts"],
    ):
        done = project.sam(*arguments)
        assert done.returncode == 1
        assert done.stderr == (
            "sam: no sandbox is running: run lab.start() in a lab's notebook, or ./coldstart sandbox serve.\n"
        )


@pytest.mark.parametrize(
    ("arguments", "more", "words"),
    [
        (("deploy", "--profile", "work"), {}, "sam: --profile belongs to a real account"),
        (("deploy",), {"AWS_ENDPOINT_URL": "https://sts.us-east-1.amazonaws.com"}, "which is not on this machine"),
        (("local", "invoke"), {"DOCKER_HOST": "tcp://192.0.2.1:2375"}, "sam: this call would go to 192.0.2.1, outside"),
    ],
)
def test_what_leads_out_is_refused_in_one_line(
    project: Project, arguments: tuple[str, ...], more: dict[str, str], words: str
) -> None:
    done = project.sam(*arguments, **more)
    assert done.returncode == 1
    assert words in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr


def test_a_profile_in_samconfig_is_refused_in_one_line(project: Project) -> None:
    (project.folder / "samconfig.toml").write_text('version = 0.1\n[default.global.parameters]\nprofile = "work"\n')
    done = project.sam("build")
    assert done.returncode == 1
    assert "(work) could not be found: a profile belongs to a real account. Take it out of samconfig" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_call_that_would_leave_is_stopped_at_the_connection(project: Project) -> None:
    """The interpreter itself refuses, before a name is looked up, in the main thread and in others."""
    program = """
import sys, threading
from checks import held, sam
def call():
    import urllib.request
    urllib.request.urlopen("https://sqs.us-east-1.amazonaws.com")
held.stay_inside(sam.leave, programs=True)
if sys.argv[1] == "thread":
    waiting = threading.Thread(target=call)
    waiting.start()
    threading.Event().wait()
try:
    call()
except held.Escape as escape:
    sam.leave(str(escape))
"""
    for where in ("main", "thread"):
        done = subprocess.run(
            [sys.executable, "-c", program, where],
            env=surroundings(),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 1
        assert done.stderr == (
            "sam: this call would go to sqs.us-east-1.amazonaws.com, outside the sandbox, and was stopped.\n"
        )


@pytest.mark.parametrize("send", ["sendto(b'x', away)", "sendmsg([b'x'], [], 0, away)", "connect(away)"])
def test_a_datagram_that_would_leave_is_stopped(send: str) -> None:
    program = f"""
import socket
from checks import held, sam
held.stay_inside(sam.leave, programs=True)
away = ("192.0.2.1", 9)
try:
    socket.socket(socket.AF_INET, socket.SOCK_DGRAM).{send}
except held.Escape as escape:
    sam.leave(str(escape))
"""
    done = subprocess.run(
        [sys.executable, "-c", program], env=surroundings(), capture_output=True, text=True, timeout=60, check=False
    )
    assert done.stderr == "sam: this call would go to 192.0.2.1, outside the sandbox, and was stopped.\n"


def test_no_telemetry_and_no_version_check_and_what_sam_keeps_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLDSTART_STATE", str(tmp_path))
    variables = sam.quiet({"SAM_CLI_TELEMETRY": "1", "PYTHONPATH": str(ROOT)}, Path(sys.executable))
    assert variables["SAM_CLI_TELEMETRY"] == "0"
    assert "PYTHONPATH" not in variables
    record = Path(variables["__SAM_CLI_APP_DIR"]) / "metadata.json"
    known = json.loads(record.read_text())
    record.write_text(json.dumps({**known, "installationId": "mine"}))
    sam.app_folder()
    assert json.loads(record.read_text())["installationId"] == "mine"


def test_where_the_state_folder_cannot_be_written_sam_has_a_folder_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a file").touch()
    monkeypatch.setenv("COLDSTART_STATE", str(tmp_path / "a file"))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    folder = sam.app_folder()
    assert folder.parent == tmp_path
    assert json.loads((folder / "metadata.json").read_text()) == {"lastVersionCheck": sam.ASKED}


def test_a_poll_delay_of_the_learners_own_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLDSTART_STATE", str(tmp_path))
    assert sam.quiet({}, Path(sys.executable))["SAM_CLI_POLL_DELAY"] == sam.POLL_SECONDS
    assert sam.quiet({"SAM_CLI_POLL_DELAY": "3"}, Path(sys.executable))["SAM_CLI_POLL_DELAY"] == "3"


def test_a_damaged_environment_is_made_anew_by_the_next_start(project: Project) -> None:
    own = project.folder / "tools" / "sam"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", own], check=True)
    (own / "lib" / HERE / "site-packages" / "coldstart.pth").write_text(f"{ROOT}\n")
    (own / "coldstart.stamp").touch()
    done = project.sam("--version", COLDSTART_PYTHON=str(project.folder / "bin" / "python"))
    assert done.returncode == 1
    assert done.stderr == (
        "sam: its own environment is incomplete (No module named 'botocore'): the next ./coldstart makes it anew.\n"
    )
    assert not (own / "coldstart.stamp").exists()


def test_without_its_environment_the_command_says_what_makes_it(project: Project) -> None:
    done = project.sam("--version", COLDSTART_PYTHON=str(project.folder / "bin" / "python"))
    assert done.returncode == 1
    assert done.stderr.endswith("/tools/sam/bin/python) is not there: ./coldstart makes it.\n")
