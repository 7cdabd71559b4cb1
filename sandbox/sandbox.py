"""One sandbox: its clock, its endpoint, and the services behind it, put together."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from sandbox.clock import Clock
from sandbox.compute.host import EnvironmentHost
from sandbox.compute.service import LambdaService
from sandbox.gateway.pipeline import Gateway
from sandbox.telemetry.logs import Logs
from sandbox.telemetry.metrics import Metrics


class Sandbox:
    """A whole cloud in this process. A process has one at a time.

    `control=False` closes the calls below `/_sandbox`, and `speedup` lets sandbox time run that many times as fast
    as the wall: together they stand in for an account, where time can only be waited for.
    """

    def __init__(self, *, seed: int = 0, control: bool = True, speedup: float | None = None) -> None:
        self.root = Path(tempfile.mkdtemp(prefix="coldstart-"))
        self.clock = Clock(rate=speedup or 1.0)
        self.gateway = Gateway(self.clock, seed=seed, control=control)
        self.metrics = Metrics(self.clock)
        self.logs = Logs(self.clock, self.metrics)
        self.host = EnvironmentHost(self.clock, self.logs.put, self.root)
        self.compute = LambdaService(self.clock, self.gateway, self.metrics, self.host, self.root, seed=seed)
        for service in (self.metrics, self.logs, self.compute):
            self.gateway.add(service)

    def serve(self, port: int = 0) -> str:
        """Answer on 127.0.0.1 (any free port for 0); the endpoint's URL. OSError if the port is taken."""
        return self.gateway.serve(port)

    def close(self) -> None:
        """Stop answering, end every process that functions started, and remove the files."""
        self.gateway.close()
        self.compute.close()
        self.host.close()
        self.clock.close()
        shutil.rmtree(self.root, ignore_errors=True)
