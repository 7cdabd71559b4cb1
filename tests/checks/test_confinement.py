"""What a graded notebook and its functions can reach: their own sandbox and judge, and nothing of the machine."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from checks.course import Course, Lab
from checks.execution import _APART, _bubblewrap, can_be_apart, can_confine, network
from checks.kernel_watch import LARGEST_OUTPUT_BYTES
from checks.notebook import write_notebook
from checks.notebook_source import read_source
from checks.state import ROOT

from .conftest import SOLVED, HandIn

confined = pytest.mark.skipif(not can_confine(), reason="bubblewrap is not usable here")
apart = pytest.mark.skipif(not can_be_apart(), reason="no network of one's own can be had here")


def run_inside(scratch: Path, code: str, *, before: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
    """Run a script in the confinement of a graded notebook."""
    command = [*before, *_bubblewrap(scratch), sys.executable, "-I", "-c", code]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def assert_holds(scratch: Path, code: str, *, before: tuple[str, ...] = ()) -> None:
    done = run_inside(scratch, code, before=before)
    assert done.returncode == 0, done.stderr


RIGHTS = """
import ctypes, os
status = open("/proc/self/status").read()
for kind in ("CapPrm", "CapEff", "CapBnd"):
    assert f"{kind}:\\t0000000000000000" in status, status
libc = ctypes.CDLL(None, use_errno=True)
for root in ROOTS:
    assert libc.umount2(root.encode(), 2) == -1, root
    assert libc.mount(None, root.encode(), None, 4096 | 32, None) == -1, root
"""


@confined
def test_it_has_no_rights_over_its_mounts_not_even_as_root(tmp_path: Path) -> None:
    roots = ["/usr", "/tmp", str(ROOT / "checks"), "/proc/sys"]
    assert_holds(tmp_path, f"ROOTS = {roots!r}\n{RIGHTS}")


@confined
def test_it_sees_the_course_read_only_without_solutions_state_and_history(tmp_path: Path) -> None:
    looking = (
        "import os\n"
        f"seen = set(os.listdir({str(ROOT)!r}))\n"
        "assert {'checks', 'sandbox', 'labs'} <= seen, seen\n"
        "assert not seen & {'solutions', '.coldstart', '.git', 'tests'}, seen\n"
        f"for name in ('checks/judging.py', 'sandbox/clock.py', 'labs/course.toml'):\n"
        f"    try: open({str(ROOT)!r} + '/' + name, 'a')\n"
        "    except OSError: continue\n"
        "    raise AssertionError(name)\n"
    )
    assert_holds(tmp_path, looking)


@confined
def test_it_sees_no_other_process_and_no_file_or_socket_of_the_machine(tmp_path: Path) -> None:
    own, other = tmp_path / "own", tmp_path / "other"
    own.mkdir()
    other.mkdir()
    (other / "token").write_text("secret")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(other / "socket"))
        listener.listen()
        looking = (
            "import os\n"
            f"paths = [{str(other / 'token')!r}, {str(other / 'socket')!r}]\n"
            "for path in (*paths, '/run', '/etc/shadow', '/home', '/sys'):\n"
            "    assert not os.path.exists(path), path\n"
            "alive = [name for name in os.listdir('/proc') if name.isdigit()]\n"
            "assert sorted(map(int, alive)) == [1, os.getpid()], alive\n"
        )
        assert_holds(own, looking)


UNREACHABLE = """
import errno, socket, time
def refusal(family, kind, address):
    with socket.socket(family, kind) as probe:
        probe.settimeout(5)
        began = time.monotonic()
        number = probe.connect_ex(address)
        assert time.monotonic() - began < 1
        return errno.errorcode.get(number, number)
"""
OUTSIDE = """
for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
    assert refusal(socket.AF_INET, kind, ("192.0.2.1", 443)) == "ENETUNREACH"
    assert refusal(socket.AF_INET, kind, ("169.254.169.254", 80)) == "ENETUNREACH"
    if socket.has_ipv6:
        said = refusal(socket.AF_INET6, kind, ("2001:db8::1", 443))
        assert said in ("ENETUNREACH", "EADDRNOTAVAIL", "EAFNOSUPPORT"), said
"""


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    """A server of this machine on loopback."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening


@apart
def test_apart_no_packet_leaves_and_this_machines_servers_are_not_there(
    tmp_path: Path, listener: socket.socket
) -> None:
    port = listener.getsockname()[1]
    with socket.socket(socket.AF_UNIX) as abstract:
        abstract.bind(f"\0coldstart-test-{os.getpid()}")
        abstract.listen()
        code = (
            f"{UNREACHABLE}{OUTSIDE}"
            f"assert refusal(socket.AF_INET, socket.SOCK_STREAM, ('127.0.0.1', {port})) == 'ECONNREFUSED'\n"
            f"name = '\\0coldstart-test-{os.getpid()}'\n"
            "assert refusal(socket.AF_UNIX, socket.SOCK_STREAM, name) == 'ECONNREFUSED'\n"
            "with socket.create_server(('127.0.0.1', 0)) as own:\n"
            "    assert not socket.create_connection(own.getsockname(), timeout=5).close()\n"
        )
        assert_holds(tmp_path, code, before=_APART)


PROBE = """
import errno, socket
def refusal(address):
    with socket.socket() as probe:
        probe.settimeout(5)
        return errno.errorcode.get(probe.connect_ex(tuple(address)))
def handler(event, context):
    return [refusal(address) for address in event]
"""

DEPLOY = f"""
import io, json, zipfile
packed = io.BytesIO()
with zipfile.ZipFile(packed, "w") as archive:
    archive.writestr("probe.py", {PROBE!r})
functions, roles = cloud.client("lambda"), cloud.client("iam")
trust = {{"Version": "2012-10-17", "Statement": [{{"Effect": "Allow", "Action": "sts:AssumeRole",
    "Principal": {{"Service": "lambda.amazonaws.com"}}}}]}}
role = roles.create_role(RoleName="probe", AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
functions.create_function(FunctionName="probe", Role=role, Runtime="python3.11", Handler="probe.handler", Timeout=20,
    Code={{"ZipFile": packed.getvalue()}})
functions.get_waiter("function_active_v2").wait(FunctionName="probe")
def tried(*addresses):
    answer = functions.invoke(FunctionName="probe", Payload=json.dumps(addresses))
    return json.loads(answer["Payload"].read())
"""


@apart
def test_the_check_command_grades_where_notebook_and_functions_reach_nothing_else(
    course: Course, lab: Lab, listener: socket.socket, tmp_path: Path
) -> None:
    port = listener.getsockname()[1]
    notebook = read_source(lab.source).notebook(solved=False)
    work = (
        f"{UNREACHABLE}{OUTSIDE}{DEPLOY}"
        f"assert refusal(socket.AF_INET, socket.SOCK_STREAM, ('127.0.0.1', {port})) == 'ECONNREFUSED'\n"
        f"said = tried(['192.0.2.1', 443], ['127.0.0.1', {port}])\n"
        "assert said == ['ENETUNREACH', 'ECONNREFUSED'], said\n"
        f"{SOLVED['r2-build']}"
    )
    for cell in notebook["cells"]:
        cell["source"] = {**SOLVED, "r2-build": work}.get(cell["id"], cell["source"])
    write_notebook(lab.notebook, notebook)
    (lab.folder / "greeting.txt").write_text("good morning\n")
    done = subprocess.run(
        [sys.executable, "-P", "-c", "import sys, checks.grader; sys.exit(checks.grader.check('90'))"],
        env={
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "COLDSTART_COURSE": str(course.root),
            "COLDSTART_STATE": str(tmp_path / "state"),
            # An account is never graded in.
            "COLDSTART_TARGET": "account",
        },
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "8 of 8" in done.stdout
    (receipt,) = (tmp_path / "state" / "receipts").iterdir()
    assert '"own_network": true' in receipt.read_text()


@apart
def test_a_network_of_ones_own_is_told_by_its_name() -> None:
    inside = subprocess.run(
        [*_APART, sys.executable, "-P", "-c", "from checks.execution import network; print(network())"],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    ).stdout.strip()
    assert inside.startswith("net:")
    assert inside != network()


def test_a_notebook_that_floods_is_ended_and_said_to_be(hand_in: HandIn) -> None:
    flood = "for _ in range(100): print('x' * 1_000_000, flush=True)"
    result = hand_in({"r1-explain": flood}, seconds=90)
    cells = {cell.cell: cell for cell in result.execution.cells}
    assert cells["r1-explain"].outcome == "failed"
    assert f"more than {LARGEST_OUTPUT_BYTES} bytes" in cells["r1-explain"].reason
    assert {verdict.check: verdict.status for verdict in result.verdicts} == {
        "90.1.predict": "passed",
        "90.1.explain": "not_attempted",
        "90.2": "not_attempted",
    }
