"""What a function sees: its paths, packages, variables and the clock, and nothing of the machine around it."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox.compute import runtimes, wardens
from sandbox.compute.wardens import Mode, SpawnerFailed
from tests.compute.environment_support import Surroundings, answer, call, invocation, surroundings

ROOT = Path(__file__).resolve().parents[2]


def _around(mode: Mode, folder: Path, *, stand_in: bool = False) -> Iterator[Surroundings]:
    with surroundings(folder, mode, stand_in=stand_in) as made:
        try:
            made.host.prepare()
        except SpawnerFailed as error:
            pytest.skip(str(error))
        yield made


@pytest.fixture(params=["namespaces", "plain"])
def around(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Surroundings]:
    yield from _around(request.param, tmp_path)


@pytest.fixture
def isolated(tmp_path: Path) -> Iterator[Surroundings]:
    yield from _around("namespaces", tmp_path)


@pytest.fixture
def plain(tmp_path: Path) -> Iterator[Surroundings]:
    yield from _around("plain", tmp_path)


RUN = """
    import os, sys, tempfile, time
    def handler(event, context):
        place = dict(globals())
        exec("def act():\\n" + "".join(f"    {line}\\n" for line in event.splitlines()), place)
        return place["act"]()
"""

LOOK = """
    import os
    def handler(event, context):
        found = []
        for path in event:
            try:
                found.append(sorted(os.listdir(path)) if os.path.isdir(path) else open(path).read())
            except OSError as error:
                found.append(type(error).__name__)
        return found
"""


# -- paths ----------------------------------------------------------------------------------------


def test_paths_are_lambdas(isolated: Surroundings) -> None:
    layer = isolated.folder_with({"python/extra.py": "name = 'extra'", "data/file.txt": "text"})
    environment = isolated.environment(RUN, layers=(layer,), runtime=f"python{runtimes.own().version}")
    seen = call(
        environment,
        "import extra\n"
        "text = open('/opt/data/file.txt').read()\n"
        "return [os.getcwd(), __file__, extra.__file__, os.environ['LAMBDA_TASK_ROOT'], text,"
        " tempfile.gettempdir(), os.getuid(), os.path.expanduser('~'), sys.executable]",
    )
    version = runtimes.own().version
    assert seen == [
        *("/var/task", "/var/task/app.py", "/opt/python/extra.py", "/var/task", "text", "/tmp", 993),
        *("/home/sbx_user1051", f"/var/lang/bin/python{version}"),
    ]


def test_import_path_is_lambdas(isolated: Surroundings) -> None:
    path = call(isolated.environment(RUN, runtime="python3.11"), "return sys.path")
    assert path[:4] == ["/var/task", "/opt/python/lib/python3.11/site-packages", "/opt/python", "/var/runtime"]
    assert not any("site-packages" in folder or "dist-packages" in folder for folder in path[4:])


def test_machine_around_is_not_seen(isolated: Surroundings, tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("token")
    environment = isolated.environment(LOOK)
    paths = [secret, ROOT / "sandbox" / "clock.py", ROOT / ".venv", "/etc/shadow", "/.host", "/var/log", Path.home()]
    found = call(environment, [str(path) for path in paths])
    home = found.pop()
    assert found == ["FileNotFoundError"] * 4 + [[]] + ["FileNotFoundError"]
    # Only what the interpreter below it needs is there, if it is there at all.
    assert home == "FileNotFoundError" or set(home) <= {".pyenv", ".local", ".asdf", "miniconda3", "anaconda3"}


def test_processes_of_others_are_not_seen(isolated: Surroundings) -> None:
    first, second = isolated.environment(RUN), isolated.environment(RUN)
    call(first, "return 0")
    assert call(second, "return sorted(int(name) for name in os.listdir('/proc') if name.isdigit())") == [1, 2]


def test_code_and_layers_are_read_only(isolated: Surroundings) -> None:
    environment = isolated.environment(RUN, layers=(isolated.folder_with({"a": "1"}),))
    for path in ("/var/task/x", "/opt/x", "/var/runtime/x", "/x", "/usr/x"):
        told = call(environment, f"try:\n    open({path!r}, 'w')\nexcept OSError as error:\n    return error.strerror")
        assert told == "Read-only file system", path


def test_tmp_is_ones_own_and_limited(isolated: Surroundings) -> None:
    first = isolated.environment(RUN, ephemeral_mb=8)
    second = isolated.environment(RUN, ephemeral_mb=8)
    fill = "try:\n    open('/tmp/big', 'wb').write(bytes(9 << 20))\nexcept OSError as error:\n    return error.strerror"
    assert call(first, fill) == "No space left on device"
    assert call(second, "return os.listdir('/tmp')") == []


def test_mounts_cannot_be_undone_from_inside(isolated: Surroundings) -> None:
    environment = isolated.environment(RUN)
    told = call(
        environment,
        "import ctypes\n"
        "libc = ctypes.CDLL(None, use_errno=True)\n"
        "undone = libc.umount2(b'/var/task', 0), libc.mount(b'', b'/var/task', None, 32 | 4096, None)\n"
        "return [*undone, ctypes.get_errno()]",
    )
    assert told == [-1, -1, 1]


@pytest.mark.parametrize("umask", [0o022, 0o077], ids=oct)
def test_kernels_settings_are_read_only_whatever_user_functions_have(isolated: Surroundings, umask: int) -> None:
    code = isolated.folder_with({"app.py": RUN})
    again = Surroundings(isolated.folder / "again", "namespaces")
    # With a narrow one root's functions can't have a user of their own.
    before = os.umask(umask)
    try:
        told = call(
            again.environment(code=code),
            "path = '/proc/sys/kernel/core_pattern'\n"
            "try:\n    os.close(os.open(path, os.O_WRONLY))\nexcept OSError as error:\n    return error.strerror",
        )
    finally:
        os.umask(before)
        again.close()
    assert told in ("Read-only file system", "Permission denied")


def test_later_layers_lie_over_earlier_ones(around: Surroundings) -> None:
    below = around.folder_with({"python/shared.py": "name = 'below'", "python/below.py": "name = 'only below'"})
    above = around.folder_with({"python/shared.py": "name = 'above'", "python/package/__init__.py": "name = 'inner'"})
    environment = around.environment(RUN, layers=(below, above))
    assert call(environment, "import below, package, shared\nreturn [shared.name, below.name, package.name]") == [
        *("above", "only below", "inner"),
    ]
    assert (below / "python" / "shared.py").read_text() == "name = 'below'"


def test_code_comes_before_layers_and_both_before_the_runtime(around: Surroundings) -> None:
    layer = around.folder_with({"python/who.py": "name = 'layer'", "python/six.py": "name = 'layer'"})
    code = around.folder_with(
        {"app.py": "import six, who\ndef handler(e, c): return [who.name, six.name]", "who.py": "name = 'code'"}
    )
    assert call(around.environment(code=code, layers=(layer,))) == ["code", "layer"]


def test_plain_paths_are_told_by_variables_and_the_learner_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []
    monkeypatch.setattr(wardens, "_refusals", ["unshare: Operation not permitted"])
    with surroundings(tmp_path) as around:
        around.host._notice = told.append
        for _ in range(2):
            seen = call(
                around.environment(RUN), "return [os.getcwd(), os.environ['LAMBDA_TASK_ROOT'], tempfile.gettempdir()]"
            )
        assert seen[0] == seen[1]
        assert seen[2].startswith(str(tmp_path))
        assert len(told) == 1
        assert "unshare: Operation not permitted" in told[0]
        assert around.host.notices == told


def test_plain_tmp_is_ones_own_and_gone_afterwards(plain: Surroundings) -> None:
    first, second = plain.environment(RUN), plain.environment(RUN)
    folder = call(first, "open(tempfile.gettempdir() + '/mark', 'w').close()\nreturn tempfile.gettempdir()")
    assert call(second, "return os.listdir(tempfile.gettempdir())") == []
    first.shutdown()
    assert not Path(folder).exists()


# -- packages and variables -----------------------------------------------------------------------


def test_runtimes_packages_can_be_imported_with_their_versions(around: Surroundings) -> None:
    seen = call(
        around.environment(RUN),
        "import boto3, botocore, s3transfer, jmespath, dateutil, six, urllib3, simplejson, awslambdaric\n"
        "import importlib.metadata\n"
        "return [boto3.__version__, importlib.metadata.version('boto3'), urllib3.__name__]",
    )
    assert seen[0] == seen[1]


def test_nothing_of_the_surroundings_leaks(around: Surroundings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLDSTART_JUDGE_TOKEN", "secret-of-the-judge")
    monkeypatch.setenv("AWS_PROFILE", "learner")
    environment = around.environment(
        RUN,
        variables={"TABLE": "orders", "TZ": "Europe/Vienna", "PATH": "/mine"},
        credentials={"AWS_ACCESS_KEY_ID": "AKIA"},
    )
    seen = call(environment, "return dict(os.environ)")
    expected = {
        "TABLE": "orders",
        "TZ": "Europe/Vienna",
        "PATH": "/mine",
        "AWS_ACCESS_KEY_ID": "AKIA",
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EXECUTION_ENV": "AWS_Lambda_python3.11",
        "AWS_LAMBDA_FUNCTION_NAME": "probe",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "1769",
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_LAMBDA_LOG_GROUP_NAME": "/aws/lambda/probe",
        "AWS_LAMBDA_LOG_STREAM_NAME": "2026/11/21/[$LATEST]0123456789abcdef0123456789abcdef",
        "AWS_LAMBDA_LOG_FORMAT": "Text",
        "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_XRAY_CONTEXT_MISSING": "LOG_ERROR",
        "_HANDLER": "app.handler",
        "LANG": "en_US.UTF-8",
    }
    assert expected.items() <= seen.items()
    others = set(seen) - set(expected)
    assert others <= {
        *("AWS_LAMBDA_RUNTIME_API", "LAMBDA_TASK_ROOT", "LAMBDA_RUNTIME_DIR", "LD_LIBRARY_PATH", "PYTHONPATH"),
        *("AWS_XRAY_DAEMON_ADDRESS", "_AWS_XRAY_DAEMON_ADDRESS", "_AWS_XRAY_DAEMON_PORT"),
        *("LC_CTYPE", "TMPDIR", "HOME"),
    }
    assert "secret-of-the-judge" not in str(seen)


def test_open_files_are_limited_as_in_lambda(around: Surroundings) -> None:
    seen = call(around.environment(RUN), "import resource\nreturn resource.getrlimit(resource.RLIMIT_NOFILE)")
    assert seen == [1024, 1024]


def test_builtins_of_site_are_there(around: Surroundings) -> None:
    assert call(around.environment(RUN), "return [callable(exit), callable(quit), callable(help)]") == [True] * 3


def test_child_process_of_a_function_can_run(around: Surroundings) -> None:
    told = call(
        around.environment(RUN),
        "import subprocess\n"
        "command = [sys.executable, '-c', 'import json; print(json.dumps(1))']\n"
        "return subprocess.run(command, capture_output=True, text=True).stdout",
    )
    assert told == "1\n"


# -- the clock ------------------------------------------------------------------------------------


def test_handler_sees_sandbox_time(around: Surroundings) -> None:
    environment = around.environment(
        """
        import datetime, time
        from datetime import datetime as imported
        utc = datetime.timezone.utc
        def handler(event, context):
            moments = [
                time.time(), time.time_ns() / 1e9, imported.now().timestamp(), imported.now(utc).timestamp(),
                imported.utcnow().replace(tzinfo=utc).timestamp(), imported.today().timestamp(),
                time.mktime(time.localtime()), time.mktime(time.gmtime()),
                time.mktime(time.strptime(time.ctime())), time.mktime(time.strptime(time.asctime())),
                float(time.strftime("%s")),
            ]
            return {
                "moments": moments, "day": str(datetime.date.today()), "monotonic": time.monotonic(),
                "monotonic_ns": time.monotonic_ns(), "left": context.get_remaining_time_in_millis(),
                "past": time.gmtime(0).tm_year,
            }
        """
    )
    before = call(environment)
    around.clock.advance(3 * 86_400)
    seen = call(environment)
    assert seen["moments"] == pytest.approx([around.clock.now()] * len(seen["moments"]), abs=3)
    assert seen["day"] == str(around.clock.datetime().date())
    assert seen["monotonic"] - before["monotonic"] == pytest.approx(3 * 86_400, abs=5)
    assert seen["monotonic_ns"] / 1e9 == pytest.approx(seen["monotonic"], abs=1)
    assert 8000 < seen["left"] <= 10_000
    assert seen["past"] == 1970


def test_shifted_datetime_is_a_datetime(around: Surroundings) -> None:
    environment = around.environment(
        """
        import copy, json, pickle, time
        import _datetime
        from datetime import date, datetime, timedelta, timezone
        class Ticking:
            clock = time.time
            local = time.localtime
        def handler(event, context):
            now = datetime.now(timezone.utc)
            made_in_c = _datetime.datetime(2026, 1, 2)
            return {
                "instance": [isinstance(now, datetime), isinstance(now, date), isinstance(made_in_c, datetime),
                             isinstance(date(2026, 1, 2), datetime), isinstance(1, datetime)],
                "subclass": [issubclass(datetime, date), issubclass(_datetime.datetime, datetime),
                             issubclass(int, datetime)],
                "repr": [repr(datetime(2026, 1, 2)), str(datetime(2026, 1, 2, 3)),
                         type(now).__name__, type(now).__module__],
                "arithmetic": [isinstance(now + timedelta(1), datetime), (now + timedelta(1) - now).days,
                               datetime(2026, 1, 2) == made_in_c, made_in_c - datetime(2026, 1, 1) == timedelta(1)],
                "pickled": [pickle.loads(pickle.dumps(now)) == now, copy.deepcopy(now) == now,
                            type(pickle.loads(pickle.dumps(now))) is datetime],
                "parsed": [datetime.fromisoformat("2026-01-02T03:04:05").hour, datetime.strptime("2026", "%Y").year],
                "attribute": [abs(Ticking().clock() - time.time()) < 5, Ticking().local().tm_year > 2000],
            }
        """
    )
    seen = call(environment)
    assert seen == {
        "instance": [True, True, True, False, False],
        "subclass": [True, True, False],
        "repr": ["datetime.datetime(2026, 1, 2, 0, 0)", "2026-01-02 03:00:00", "datetime", "datetime"],
        "arithmetic": [True, 1, True, True],
        "pickled": [True, True, True],
        "parsed": [3, 2026],
        "attribute": [True, True],
    }


# -- interpreters ---------------------------------------------------------------------------------


def test_stand_in_for_the_native_client_serves_as_well(tmp_path: Path) -> None:
    for around in _around("namespaces", tmp_path, stand_in=True):
        environment = around.environment(
            "import sys\ndef handler(event, context):\n    1 / event\n"
            "    return [sys.modules['runtime_client'].__file__, context.invoked_function_arn, 'ü' * 9]\n"
        )
        result = environment.invoke(invocation(1, trace_id="Root=1-2-3"))
        told = answer(result)
        assert told[0].endswith("runtime_client.py"), told
        assert told[1:] == [invocation().invoked_arn, "ü" * 9]
        failed = environment.invoke(invocation(0))
        assert (failed.error_type, failed.init_ms) == ("ZeroDivisionError", None)
        large = environment.invoke(invocation("x"))
        assert large.error_type == "TypeError"


@pytest.mark.parametrize("version", [version for version in runtimes.VERSIONS if version != runtimes.own().version])
def test_runtime_runs_on_its_interpreter_or_says_once_that_it_can_not(around: Surroundings, version: str) -> None:
    found, notice = runtimes.interpreter(f"python{version}")
    for _ in range(2):
        environment = around.environment(
            "import sys, os, boto3, datetime\ndef handler(event, context):\n"
            "    moment = repr(datetime.datetime(2026, 1, 1))\n"
            "    return ['%d.%d' % sys.version_info[:2], os.environ['AWS_EXECUTION_ENV'], moment]\n",
            runtime=f"python{version}",
        )
        assert call(environment) == [
            found.version,
            f"AWS_Lambda_python{version}",
            "datetime.datetime(2026, 1, 1, 0, 0)",
        ]
    assert [told for told in around.host.notices if "python" + version in told] == ([notice] if notice else [])
    assert (found.version == version) == (notice == "")


@pytest.mark.parametrize("runtime", ["nodejs22.x", "python3.9", "python2.7", "", "python3.15"])
def test_other_runtimes_are_refused_by_name(around: Surroundings, runtime: str) -> None:
    with pytest.raises(runtimes.UnsupportedRuntime, match=rf"{re.escape(runtime)}.*python3\.10, .*python3\.14"):
        around.environment(RUN, runtime=runtime)


def test_shim_without_a_version_is_not_an_interpreter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shim = tmp_path / "python3.14"
    shim.write_text("#!/bin/sh\nexit 127\n")
    shim.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    runtimes._find.cache_clear()
    try:
        found, notice = runtimes.interpreter("python3.14")
        assert found == runtimes.own()
        assert "python3.14 is not on this machine" in notice
    finally:
        runtimes._find.cache_clear()


def test_interpreter_of_another_version_is_found_on_the_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake = tmp_path / "python3.14"
    fake.write_text(f'#!/bin/sh\necho \'["3.14", "{sys.executable}", "/usr", "/usr", ""]\'\n')
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}/usr/bin{os.pathsep}/bin")
    runtimes._find.cache_clear()
    try:
        found, notice = runtimes.interpreter("python3.14")
        assert (found.version, notice) == ("3.14", "")
    finally:
        runtimes._find.cache_clear()
