"""The peers: AWS's Runtime Interface Emulator and MiniStack, fetched once, started on loopback, ended by id."""

from __future__ import annotations

import os
import platform
import signal
import socket
import subprocess
import sys
import sysconfig
import time
import zipfile
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).resolve().parent
STORE = ROOT / ".coldstart" / "bench"

HANDLERS = {
    "bare": "def handler(event, context):\n    return {'ok': True}\n",
    "boto3": "import boto3\n\ns3 = boto3.client('s3')\n\n\ndef handler(event, context):\n    return {'ok': True}\n",
}


def client(service: str, endpoint: str, credentials: dict[str, str] | None = None) -> Any:
    """The same client for all: no retries, one region, plenty of connections."""
    given = credentials or {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
    return boto3.session.Session(
        aws_access_key_id=given["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=given["AWS_SECRET_ACCESS_KEY"],
        aws_session_token=given.get("AWS_SESSION_TOKEN"),
        region_name="us-east-1",
    ).client(
        service,
        endpoint_url=endpoint,
        config=Config(retries={"total_max_attempts": 1}, max_pool_connections=128, read_timeout=60, proxies={}),
    )


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for_port(port: int, process: subprocess.Popen[bytes], seconds: float) -> None:
    """Until something listens. RuntimeError if the process ends first or the time is over."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if process.poll() is not None:
            raise RuntimeError(f"{process.args} ended with {process.returncode} before it listened on {port}")
        with socket.socket() as probe:
            probe.settimeout(0.2)
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.005)
    raise RuntimeError(f"{process.args} does not listen on {port} after {seconds:.0f} s")


def end(process: subprocess.Popen[bytes]) -> None:
    """End a process started here, with its group."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(5)


class Rie:
    """AWS's Runtime Interface Emulator, from the aws-sam-cli wheel: one environment, Init at the first call."""

    def __init__(self, handler: str) -> None:
        self._binary = self._fetch()
        self._code = STORE / "functions" / handler
        self._code.mkdir(parents=True, exist_ok=True)
        (self._code / "app.py").write_text(HANDLERS[handler])
        self._port, self._runtime_port = free_port(), free_port()
        self.endpoint = f"http://127.0.0.1:{self._port}"
        self._process: subprocess.Popen[bytes] | None = None

    @staticmethod
    def _fetch() -> Path:
        machine = {"x86_64": "x86_64", "aarch64": "arm64", "arm64": "arm64"}[platform.machine()]
        binary = STORE / f"aws-lambda-rie-{machine}"
        if not binary.exists():
            STORE.mkdir(parents=True, exist_ok=True)
            subprocess.run(
                [
                    sys.executable,
                    "-m",
                    "pip",
                    "download",
                    "-q",
                    "--no-deps",
                    "--require-hashes",
                    "--only-binary=:all:",
                    "-r",
                    str(HERE / "requirements-rie.txt"),
                    "-d",
                    str(STORE),
                ],
                check=True,
            )
            wheel = next(STORE.glob("aws_sam_cli-*.whl"))
            with zipfile.ZipFile(wheel) as archive:
                content = archive.read(f"samcli/local/rapid/aws-lambda-rie-{machine}")
            part = binary.with_suffix(".part")
            part.write_bytes(content)
            part.chmod(0o755)
            part.replace(binary)
        return binary

    def start(self) -> None:
        """A fresh emulator with no environment yet. Its interpreter starts as lean as ours: no site, no .pth files."""
        interpreter = os.path.realpath(sys.executable)
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(STORE),
            "LANG": "C.UTF-8",
            "PYTHONPATH": os.pathsep.join([str(self._code), sysconfig.get_path("platlib")]),
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "1769",
            "AWS_REGION": "us-east-1",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
        }
        self._process = subprocess.Popen(
            [
                str(self._binary),
                "--runtime-interface-emulator-address",
                f"127.0.0.1:{self._port}",
                "--runtime-api-address",
                f"127.0.0.1:{self._runtime_port}",
                interpreter,
                "-S",
                "-m",
                "awslambdaric",
                "app.handler",
            ],
            cwd=self._code,
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        wait_for_port(self._port, self._process, 10)

    def stop(self) -> None:
        if self._process is not None:
            end(self._process)
            self._process = None


class MotoServer:
    """moto's own server, as the lock has it, with its state in memory."""

    def __init__(self) -> None:
        self._port = free_port()
        self.endpoint = f"http://127.0.0.1:{self._port}"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(self._port)],
            cwd=STORE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        wait_for_port(self._port, self._process, 30)

    def stop(self) -> None:
        if self._process is not None:
            end(self._process)
            self._process = None


class MiniStack:
    """MiniStack from PyPI, in an environment of its own; its functions run in local worker processes."""

    def __init__(self) -> None:
        self._python = self._fetch()
        self._port = free_port()
        self.endpoint = f"http://127.0.0.1:{self._port}"
        self._process: subprocess.Popen[bytes] | None = None

    @staticmethod
    def _fetch() -> Path:
        folder = STORE / "ministack-venv"
        python = folder / "bin" / "python"
        done = folder / "done"
        if not done.exists():
            subprocess.run([sys.executable, "-m", "venv", "--clear", str(folder)], check=True)
            subprocess.run(
                [
                    str(python),
                    "-m",
                    "pip",
                    "install",
                    "-q",
                    "--require-hashes",
                    "--no-deps",
                    "-r",
                    str(HERE / "requirements-ministack.txt"),
                ],
                check=True,
            )
            done.touch()
        return python

    def start(self) -> None:
        environment = {
            "PATH": f"{self._python.parent}{os.pathsep}{os.environ['PATH']}",
            "HOME": str(STORE),
            "LANG": "C.UTF-8",
            "BIND_HOST": "127.0.0.1",
            "GATEWAY_PORT": str(self._port),
            "LAMBDA_EXECUTOR": "local",
        }
        self._process = subprocess.Popen(
            [str(self._python), "-c", "import sys; from ministack.app import main; sys.exit(main())"],
            cwd=STORE,
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        wait_for_port(self._port, self._process, 30)

    def stop(self) -> None:
        if self._process is not None:
            end(self._process)
            self._process = None
