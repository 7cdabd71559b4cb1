"""What all execution environments of a sandbox share: the spawner, the merged layers, and what the learner is told."""

from __future__ import annotations

import hashlib
import logging
import os
import resource
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from sandbox.clock import Clock
from sandbox.compute import runtimes
from sandbox.compute.contract import EnvironmentSpec, Logs
from sandbox.compute.environment import ExecutionEnvironment
from sandbox.compute.wardens import Mode, Spawner, Warden

log = logging.getLogger(__name__)

#: Open files that a hundred environments and their callers need.
_OPEN_FILES = 65_536

#: In mode "plain": said once.
PLAIN_NOTICE = (
    "This system has no namespaces for execution environments ({reason}): /var/task, /opt and /tmp are at other paths, "
    "told by LAMBDA_TASK_ROOT, PATH and TMPDIR, ephemeral storage has no limit, and functions see this machine's "
    "processes and files."
)


class EnvironmentHost:
    """Makes the execution environments of one sandbox, and ends all of them.

    `root` is a folder for what environments share. `notice` is called once for each thing that a learner must know
    about this machine; `notices` keeps them. `mode` and `stand_in` are for tests: no namespaces, or awslambdaric's HTTP
    client in Python, although the system would have better.
    """

    def __init__(
        self,
        clock: Clock,
        logs: Logs,
        root: Path,
        *,
        notice: Callable[[str], None] | None = None,
        mode: Mode | None = None,
        stand_in: bool = False,
    ) -> None:
        self.clock = clock
        self.logs = logs
        self.root = Path(root).resolve()
        self.root.mkdir(parents=True, exist_ok=True)
        self.notices: list[str] = []
        self._notice = notice
        self._mode: Mode | None = mode
        self._stand_in = stand_in
        self._lock = threading.Lock()
        self._telling = threading.Lock()
        self._spawner: Spawner | None = None
        self._environments: dict[str, ExecutionEnvironment] = {}
        self._compiling: dict[str, subprocess.Popen[bytes]] = {}
        self._clock_fd = -1
        self._busy = 0
        self._closed = False
        _allow_open_files()

    def create(self, spec: EnvironmentSpec) -> ExecutionEnvironment:
        """An environment for `spec`; nothing runs yet. UnsupportedRuntime if its runtime doesn't run here."""
        runtimes.check(spec.runtime)
        environment = ExecutionEnvironment(self, spec)
        with self._lock:
            if self._closed:
                raise RuntimeError("the sandbox is closing: no further execution environments")
            self._environments[environment.id] = environment
        return environment

    def prepare(self) -> None:
        """Start the spawner now, so that the first cold start does not wait for it."""
        self.spawner()

    def close(self) -> None:
        """End everything that was ever started here. Invocations under way end as failed."""
        with self._lock:
            self._closed = True
            environments = list(self._environments.values())
            spawner, self._spawner = self._spawner, None
        for environment in environments:
            environment.kill()
        if spawner is not None:
            spawner.close()
        for environment in environments:
            environment.shutdown()
        for compiling in self._compiling.values():
            compiling.kill()
            compiling.wait()
        if self._clock_fd >= 0:
            os.close(self._clock_fd)
            self._clock_fd = -1

    # -- for environments ------------------------------------------------------------------------

    def spawner(self) -> Spawner:
        with self._lock:
            if self._closed:
                raise RuntimeError("the sandbox is closing: no further execution environments")
            if self._spawner is None:
                place = self.root / "root"
                place.mkdir(exist_ok=True)
                self._spawner = Spawner(place, self._mode, stand_in=self._stand_in)
                self._clock_fd = os.open(self.clock.share(), os.O_RDONLY | os.O_CLOEXEC)
            spawner = self._spawner
        if spawner.mode == "plain" and self._mode is None:
            self.tell(PLAIN_NOTICE.format(reason=spawner.refusal or "not Linux"))
        return spawner

    def warden(self, spec: EnvironmentSpec) -> tuple[Warden, runtimes.Interpreter, Path | None]:
        """A warden for a new environment, its interpreter, and its layers' folder."""
        interpreter, notice = runtimes.interpreter(spec.runtime)
        if notice:
            self.tell(notice)
        if interpreter != runtimes.own():
            self._compile(interpreter)
        layers = self._layers(spec.layers)
        return self.spawner().warden(spec.code, layers, spec.ephemeral_mb, interpreter), interpreter, layers

    @property
    def clock_fd(self) -> int:
        return self._clock_fd

    @property
    def busy(self) -> int:
        """Environments in which something runs now."""
        return self._busy

    @contextmanager
    def running(self) -> Iterator[None]:
        """Count one environment as busy: the more there are, the less often each looks at its memory."""
        with self._telling:
            self._busy += 1
        try:
            yield
        finally:
            with self._telling:
                self._busy -= 1

    def forget(self, environment_id: str) -> None:
        with self._lock:
            self._environments.pop(environment_id, None)

    def tell(self, notice: str) -> None:
        """Tell the learner, once."""
        with self._telling:
            if notice in self.notices:
                return
            self.notices.append(notice)
        log.warning("%s", notice)
        if self._notice is not None:
            self._notice(notice)

    def failure(self) -> str:
        """What the spawner last complained about."""
        with self._lock:
            return self._spawner.failure() if self._spawner is not None else ""

    def plain_runtime_folder(self) -> Path:
        """In mode "plain": /var/runtime as a folder of links."""
        folder = self.root / "runtime"
        with self._lock:
            if not folder.exists():
                making = self.root / "runtime.making"
                making.mkdir(exist_ok=True)
                for path, name in runtimes.runtime_folder(stand_in=self._stand_in):
                    with suppress(FileExistsError):
                        (making / name).symlink_to(path)
                making.rename(folder)
        return folder

    # -- inside ----------------------------------------------------------------------------------

    def _layers(self, layers: tuple[Path, ...]) -> Path | None:
        """One folder with the content of all layers, later ones over earlier ones."""
        if len(layers) < 2:
            return layers[0] if layers else None
        name = hashlib.sha256("\0".join(map(str, layers)).encode()).hexdigest()[:24]
        merged = self.root / f"layers-{name}"
        with self._lock:
            if not merged.exists():
                making = self.root / f"layers-{name}.making"
                shutil.rmtree(making, ignore_errors=True)
                for layer in layers:
                    _lay_over(layer, making)
                making.rename(merged)
        return merged

    def _compile(self, interpreter: runtimes.Interpreter) -> None:
        """Have the runtime's packages compiled for another version, as they are in a base image; not waited for."""
        with self._lock:
            if interpreter.version in self._compiling or self._closed:
                return
            sources = [
                path
                for path, name in runtimes.runtime_folder(stand_in=self._stand_in)
                if not name.endswith((".dist-info", ".so"))
            ]
            if all(_is_compiled(path, interpreter.version) for path in sources):
                return
            self._compiling[interpreter.version] = subprocess.Popen(
                [interpreter.executable, "-I", "-S", "-m", "compileall", "-q", *map(str, sources)],
                env={},
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )


def _is_compiled(path: Path, version: str) -> bool:
    """Whether a package or module has been compiled for a version of CPython, judged by its first file."""
    source = path / "__init__.py" if path.is_dir() else path
    compiled = source.parent / "__pycache__" / f"{source.stem}.cpython-{version.replace('.', '')}.pyc"
    try:
        return compiled.stat().st_mtime >= source.stat().st_mtime
    except OSError:
        return False


def _lay_over(layer: Path, target: Path) -> None:
    for folder, _, files in os.walk(layer):
        into = target / os.path.relpath(folder, layer)
        into.mkdir(parents=True, exist_ok=True)
        for name in files:
            source, place = os.path.join(folder, name), into / name
            place.unlink(missing_ok=True)
            try:
                os.link(source, place, follow_symlinks=False)
            except OSError:
                shutil.copy2(source, place, follow_symlinks=False)


def _allow_open_files() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _OPEN_FILES if hard == resource.RLIM_INFINITY else min(_OPEN_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
