"""Starts the processes of execution environments: a small single-threaded process a sandbox, run as a script.

It forks one warden an environment. A warden is the first process of its environment: it starts the runtime and the
extensions when its environment asks, tells how they ended, and ends all of them on request or when the sandbox is gone.

Where the system allows it (mode "namespaces"), the spawner makes a root of its own in which only the interpreter, the
runtime's packages and the system's libraries are seen, and each warden adds /var/task, /opt and a /tmp of its own, and
sees no process but its environment's: https://man7.org/linux/man-pages/man7/user_namespaces.7.html. The end of a
warden is then the end of all its processes, the end of the spawner that of all wardens. In mode "plain" there are only
process groups, and on Linux orphans come back to their warden.

Nothing of the project is imported: `python -I -S spawner.py FD MODE` must start in milliseconds and stay small.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import gc
import json
import os
import resource
import select
import shutil
import signal
import socket
import struct
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

#: What a warden writes: kind, index of the process, a number (pid, KiB, wait status or errno), and a further one.
MESSAGE = struct.Struct("=cBxxiq")
READY, STARTED, PEAK, EXITED, NOT_STARTED, CLEARED, FAILED = b"r", b"s", b"m", b"x", b"e", b"c", b"f"
#: Before a request's JSON: its length.
LENGTH = struct.Struct("=I")

#: Where a process finds the shared clock and the log frames of awslambdaric; its stdout and stderr are one pipe.
CLOCK_FD = 3
FRAMES_FD = 4

#: The user that functions run as in Lambda.
USER = ("sbx_user1051", 993, 990)
#: What that user is outside, when this is root's sandbox: an id that nobody has.
_STRANGER = 2_000_000_993
#: https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html (fact lambda-resource-policy)
OPEN_FILES = 1024
PROCESSES = 1024

#: Pairs of an id inside a namespace and the same outside.
_Map = Sequence[tuple[int, int]]

#: Where the old root stays for the spawner and for wardens that still have to bind from it.
HOST = "/.host"

_CLONE_NEWNS, _CLONE_NEWIPC, _CLONE_NEWUSER, _CLONE_NEWPID = 0x20000, 0x8000000, 0x10000000, 0x20000000
_MS_RDONLY, _MS_NOSUID, _MS_NODEV, _MS_NOEXEC, _MS_REMOUNT = 1, 2, 4, 8, 32
_MS_BIND, _MS_REC, _MS_SLAVE = 4096, 16384, 1 << 19
_MS_KEPT = _MS_NOSUID | _MS_NODEV | _MS_NOEXEC | os.ST_NOATIME | os.ST_NODIRATIME if sys.platform == "linux" else 0
_MNT_DETACH = 2
_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE, _PR_SET_CHILD_SUBREAPER, _PR_SET_NO_NEW_PRIVS = 1, 4, 36, 38

#: Files of /etc that libraries read to resolve names and verify certificates. Nothing else of /etc is shown.
_ETC_FILES = (
    *("hosts", "resolv.conf", "nsswitch.conf", "host.conf", "gai.conf", "services", "protocols", "mime.types"),
    *("localtime", "os-release", "ld.so.cache", "ld.so.conf"),
)
_ETC_FOLDERS = ("ssl", "pki", "ca-certificates", "ld.so.conf.d", "alternatives")
_SYSTEM = ("usr", "bin", "sbin", "lib", "lib32", "lib64", "libx32", "nix")
#: What of /proc the kernel takes orders by. It asks for the writer's user alone, not for rights over the machine: to it
#: root's functions are root where they can't have a user of their own.
_SETTINGS = ("sys", "irq", "bus", "fs", "sysrq-trigger")
_DEVICES = ("null", "zero", "full", "random", "urandom")


def send(channel: socket.socket, request: dict[str, Any], fds: Sequence[int] = ()) -> None:
    """Write one request; `fds` travel with its length."""
    body = json.dumps(request).encode()
    socket.send_fds(channel, [LENGTH.pack(len(body))], list(fds))
    channel.sendall(body)


def receive(channel: socket.socket) -> tuple[dict[str, Any], list[int]] | None:
    """Read one request and its file descriptors, None when the other end is closed."""
    head, fds, _, _ = socket.recv_fds(channel, LENGTH.size, 8)
    while head and len(head) < LENGTH.size:
        head += channel.recv(LENGTH.size - len(head))
    if not head:
        return None
    (left,) = LENGTH.unpack(head)
    parts = []
    while left:
        part = channel.recv(min(left, 1 << 20))
        if not part:
            return None
        parts.append(part)
        left -= len(part)
    # Out of the way of 0 to 4, and closed on exec.
    moved = [fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 10) for fd in fds]
    for fd in fds:
        os.close(fd)
    return json.loads(b"".join(parts)), moved


class _Kernel:
    """The system calls that Python has no name for."""

    def __init__(self) -> None:
        self._libc = ctypes.CDLL(None, use_errno=True)

    def call(self, name: str, *arguments: Any) -> None:
        if getattr(self._libc, name)(*arguments) != 0:
            number = ctypes.get_errno()
            raise OSError(number, f"{name}{arguments}: {os.strerror(number)}")

    def prctl(self, option: int, value: int) -> None:
        self.call("prctl", option, value, 0, 0, 0)

    def mount(self, source: str, target: str, kind: str = "", flags: int = 0, data: str = "") -> None:
        self.call(
            "mount",
            os.fsencode(source),
            os.fsencode(target),
            kind.encode() or None,
            ctypes.c_ulong(flags),
            data.encode() or None,
        )

    def bind(self, source: str, target: str, *, recursive: bool = False) -> None:
        """Show `source` at `target`, read-only."""
        self.mount(source, target, flags=_MS_BIND | (_MS_REC if recursive else 0))
        # A namespace may not lift what the mount it copies forbids, so that is asked for again.
        kept = os.statvfs(target).f_flag & _MS_KEPT
        self.mount("", target, flags=_MS_REMOUNT | _MS_BIND | _MS_RDONLY | kept)


def _start_again_on_exec() -> None:
    for number in (signal.SIGPIPE, signal.SIGCHLD, signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)


# -- the root that environments share -------------------------------------------------------------


class Root:
    """A root of its own with what every environment sees; the spawner has moved into it."""

    def __init__(self, kernel: _Kernel, place: str, content: dict[str, Any]) -> None:
        self._kernel = kernel
        self._shown: set[str] = set()
        kernel.mount("", "/", flags=_MS_REC | _MS_SLAVE)
        kernel.mount("tmpfs", place, "tmpfs", _MS_NOSUID | _MS_NODEV, "mode=755,size=64m")
        self._at = place
        for folder in ("tmp", "opt", "proc", "dev", "etc", "var/task", "var/lang/bin", "var/runtime", HOST[1:]):
            os.makedirs(f"{place}/{folder}")
        self._show_system()
        self._show_devices()
        self._write_etc()
        kernel.mount("proc", f"{place}/proc", "proc", _MS_NOSUID | _MS_NODEV | _MS_NOEXEC)
        for source, name in content["runtime"]:
            self._show(source, f"/var/runtime/{name}")
        kernel.call("pivot_root", os.fsencode(place), os.fsencode(place + HOST))
        os.chdir("/")
        self._at = ""
        self.add(content["interpreters"])

    def add(self, interpreters: list[dict[str, Any]]) -> None:
        """Show further interpreters: where they are, and under their names in /var/lang/bin."""
        for interpreter in interpreters:
            for prefix in interpreter["prefixes"]:
                if prefix not in self._shown and not prefix.startswith(tuple(f"/{name}/" for name in _SYSTEM)):
                    self._shown.add(prefix)
                    if os.path.exists(HOST + prefix) and not os.path.exists(prefix):
                        self._show(HOST + prefix, prefix)
            for name in interpreter["names"]:
                link = f"/var/lang/bin/{name}"
                if not os.path.islink(link):
                    os.symlink(interpreter["executable"], link)

    def _show(self, source: str, path: str) -> None:
        target = self._at + path
        if os.path.isdir(source):
            os.makedirs(target, exist_ok=True)
        else:
            os.makedirs(os.path.dirname(target), exist_ok=True)
            with open(target, "w"):
                pass
        self._kernel.bind(source, target, recursive=path.count("/") == 1)

    def _show_system(self) -> None:
        for name in _SYSTEM:
            path = f"/{name}"
            if os.path.islink(path):
                os.symlink(os.readlink(path), self._at + path)
            elif os.path.isdir(path):
                self._show(path, path)

    def _show_devices(self) -> None:
        for name in _DEVICES:
            target = f"{self._at}/dev/{name}"
            with open(target, "w"):
                pass
            self._kernel.mount(f"/dev/{name}", target, flags=_MS_BIND)
        for name, of in (("fd", ""), ("stdin", "/0"), ("stdout", "/1"), ("stderr", "/2")):
            os.symlink(f"/proc/self/fd{of}", f"{self._at}/dev/{name}")

    def _write_etc(self) -> None:
        name, user, group = USER
        texts = {
            "passwd": f"{name}:x:{user}:{group}::/home/{name}:/sbin/nologin\n",
            "group": f"{name}:x:{group}:\n",
        }
        for file, text in texts.items():
            with open(f"{self._at}/etc/{file}", "w") as writer:
                writer.write(text)
        for file in _ETC_FILES:
            with suppress(OSError):
                shutil.copyfile(f"/etc/{file}", f"{self._at}/etc/{file}")
        for folder in _ETC_FOLDERS:
            if os.path.isdir(f"/etc/{folder}"):
                self._show(f"/etc/{folder}", f"/etc/{folder}")


def _furnish(kernel: _Kernel, request: dict[str, Any]) -> None:
    """Give a warden's environment its own mounts: its processes, /tmp, /var/task and /opt."""
    kernel.call("unshare", _CLONE_NEWNS | _CLONE_NEWIPC)
    kernel.mount("proc", "/proc", "proc", _MS_NOSUID | _MS_NODEV | _MS_NOEXEC)
    for name in _SETTINGS:
        if os.path.exists(f"/proc/{name}"):
            kernel.bind(f"/proc/{name}", f"/proc/{name}")
    own = f"mode=700,uid={USER[1]},gid={USER[2]},size={request['ephemeral_mb']}m"
    kernel.mount("tmpfs", "/tmp", "tmpfs", _MS_NOSUID | _MS_NODEV, own)
    kernel.bind(HOST + request["code"], "/var/task")
    if request["opt"]:
        kernel.bind(HOST + request["opt"], "/opt")
    kernel.call("umount2", HOST.encode(), _MNT_DETACH)
    kernel.mount("", "/", flags=_MS_REMOUNT | _MS_BIND | _MS_RDONLY | _MS_NOSUID | _MS_NODEV)


# -- one environment's first process --------------------------------------------------------------


class Warden:
    """Starts, watches and ends the processes of one environment; runs until the environment closes its channel."""

    def __init__(self, channel: socket.socket, kernel: _Kernel | None, *, alone: bool) -> None:
        self._channel = channel
        self._kernel = kernel
        #: Whether every process it can see is its own (a process namespace): then one kill reaches all.
        self._alone = alone
        self._indices: dict[int, int] = {}
        self._wake, self._woken = socket.socketpair()

    def run(self) -> None:
        self._wake.setblocking(False)
        self._woken.setblocking(False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(self._wake.fileno(), warn_on_full_buffer=False)
        self._tell(READY, 0, os.getpid(), 0)
        poll = select.poll()
        poll.register(self._channel, select.POLLIN)
        poll.register(self._woken, select.POLLIN)
        while True:
            ready = dict(poll.poll())
            if self._woken.fileno() in ready:
                with suppress(BlockingIOError):
                    self._woken.recv(4096)
                self._reap()
            if self._channel.fileno() in ready:
                received = receive(self._channel)
                if received is None:
                    return
                request, fds = received
                if request["do"] == "start":
                    self._start(request, fds)
                else:
                    self.clear()
                    self._tell(CLEARED, 0, 0, 0)

    def clear(self) -> None:
        """Kill every process of the environment but this one, and see all of them end."""
        if self._alone:
            with suppress(ProcessLookupError):
                os.kill(-1, signal.SIGKILL)
        while True:
            if not self._alone:
                self._kill_descendants()
            try:
                self._ended(*os.wait4(-1, 0))
                # As many as have ended by now: looking for the rest is not for free.
                while (ended := os.wait4(-1, os.WNOHANG))[0]:
                    self._ended(*ended)
            except ChildProcessError:
                return

    def _kill_descendants(self) -> None:
        # A group dies at once, however fast it forks.
        for pid in self._indices:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(pid, signal.SIGKILL)
        for pid in [*_descendants(os.getpid()), *self._indices]:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def _reap(self) -> None:
        with suppress(ChildProcessError):
            while (ended := os.wait4(-1, os.WNOHANG))[0]:
                self._ended(*ended)

    def _ended(self, pid: int, status: int, used: Any) -> None:
        index = self._indices.pop(pid, None)
        if index is not None:
            # Linux counts in KiB, macOS in bytes. What the warden itself held before the exec is the least it says.
            kibibytes = used.ru_maxrss if sys.platform == "linux" else used.ru_maxrss // 1024
            self._tell(PEAK, index, kibibytes, 0)
            self._tell(EXITED, index, status, int((used.ru_utime + used.ru_stime) * 1e9))

    def _start(self, request: dict[str, Any], fds: list[int]) -> None:
        pid = os.fork()
        if pid == 0:
            self._become(request, fds)
        self._indices[pid] = request["index"]
        for fd in fds:
            os.close(fd)

    def _become(self, request: dict[str, Any], fds: list[int]) -> None:
        """In the child: be the process that was asked for."""
        try:
            signal.set_wakeup_fd(-1)
            os.setsid()
            self._tell(STARTED, request["index"], os.getpid(), time.monotonic_ns())
            if self._kernel is not None:
                if self._alone:
                    _become_user(self._kernel)
                self._kernel.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
                self._kernel.prctl(_PR_SET_NO_NEW_PRIVS, 1)
            output, clock = fds
            nothing = os.open("/dev/null", os.O_RDONLY)
            for fd, place in ((nothing, 0), (output, 1), (output, 2), (clock, CLOCK_FD), (output, FRAMES_FD)):
                os.dup2(fd, place)
            os.chdir(request["folder"])
            _limit(resource.RLIMIT_CORE, 0)
            _limit(resource.RLIMIT_NOFILE, OPEN_FILES)
            if self._alone:
                _limit(resource.RLIMIT_NPROC, PROCESSES)
            _start_again_on_exec()
            os.execve(request["arguments"][0], request["arguments"], request["variables"])
        except OSError as error:
            self._tell(NOT_STARTED, request["index"], error.errno or 0, 0)
        finally:
            os._exit(127)

    def _tell(self, kind: bytes, index: int, number: int, further: int) -> None:
        with suppress(OSError):
            self._channel.sendall(MESSAGE.pack(kind, index, number, further))


def _become_user(kernel: _Kernel) -> None:
    """Be Lambda's user in a namespace of one's own: the kernel counts processes by user and namespace."""
    _, user, group = USER
    if os.geteuid() != user:
        os.setgroups([])
        os.setresgid(group, group, group)
        os.setresuid(user, user, user)
        # What has changed its user may not write to its own files in /proc otherwise.
        kernel.prctl(_PR_SET_DUMPABLE, 1)
    kernel.call("unshare", _CLONE_NEWUSER)
    _write_maps("self", ((user, user),), ((group, group),))


def _limit(what: int, most: int) -> None:
    hard = resource.getrlimit(what)[1]
    number = most if hard == resource.RLIM_INFINITY else min(most, hard)
    resource.setrlimit(what, (number, number))


def _descendants(pid: int) -> list[int]:
    found: list[int] = []
    pending = [pid]
    while pending:
        parent = pending.pop()
        try:
            for task in os.listdir(f"/proc/{parent}/task"):
                with open(f"/proc/{parent}/task/{task}/children") as file:
                    children = [int(child) for child in file.read().split()]
                found += children
                pending += children
        except OSError:
            continue
    return found


# -- the spawner ----------------------------------------------------------------------------------


def _serve(control: socket.socket, kernel: _Kernel | None, root: Root | None) -> None:
    own_processes = os.open("/proc/self/ns/pid", os.O_RDONLY) if root is not None else -1
    # Wardens are forked from here: what is never collected and never touched stays shared memory.
    gc.disable()
    gc.freeze()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    while (received := receive(control)) is not None:
        request, (fd,) = received
        if kernel is not None and root is not None:
            root.add(request["interpreters"])
            kernel.call("unshare", _CLONE_NEWPID)
        pid = os.fork()
        if pid == 0:
            control.close()
            _be_warden(socket.socket(fileno=fd), kernel, request if root is not None else None)
        os.close(fd)
        if kernel is not None and root is not None:
            kernel.call("setns", own_processes, _CLONE_NEWPID)


def _be_warden(channel: socket.socket, kernel: _Kernel | None, furnish: dict[str, Any] | None) -> None:
    try:
        os.setsid()
        if kernel is not None and furnish is not None:
            _furnish(kernel, furnish)
        elif kernel is not None:
            kernel.prctl(_PR_SET_CHILD_SUBREAPER, 1)
        warden = Warden(channel, kernel, alone=furnish is not None)
        try:
            warden.run()
        finally:
            warden.clear()
    except OSError as error:
        with suppress(OSError):
            channel.sendall(MESSAGE.pack(FAILED, 0, error.errno or 0, 0))
        print(f"an execution environment can't be set up: {error}", file=sys.stderr, flush=True)
    finally:
        os._exit(0)


def _in_namespaces(kernel: _Kernel, own_user: bool, act: Callable[[], None]) -> None:
    """Run `act` as the first process of new namespaces, and wait for its end.

    With `own_user` functions get a user that is nobody's on this machine; only root may do that, and only for root does
    it matter: the kernel limits the number of everybody's processes but root's.
    """
    user, group = os.geteuid(), os.getegid()
    if own_user:
        start, begin = os.pipe()
        helper = os.fork()
        if helper == 0:
            os.close(begin)
            os.read(start, 1)
            _write_maps(os.getppid(), ((0, 0), (USER[1], _STRANGER)), ((0, 0), (USER[2], _STRANGER)))
            os._exit(0)
        os.close(start)
        kernel.call("unshare", _CLONE_NEWUSER | _CLONE_NEWNS | _CLONE_NEWPID)
        os.close(begin)
        if os.waitpid(helper, 0)[1]:
            raise OSError(errno.EPERM, "no further user can be had in a user namespace")
    else:
        kernel.call("unshare", _CLONE_NEWUSER | _CLONE_NEWNS | _CLONE_NEWPID)
        _write_maps("self", ((USER[1], user),), ((USER[2], group),))
    pid = os.fork()
    if pid == 0:
        kernel.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        act()
        os._exit(0)
    os.waitpid(pid, 0)


def _write_maps(process: int | str, users: _Map, groups: _Map) -> None:
    """Say which users and groups of a namespace are which outside."""
    if process == "self":
        _write(f"/proc/{process}/setgroups", "deny")
    _write(f"/proc/{process}/uid_map", "\n".join(f"{inside} {outside} 1" for inside, outside in users))
    _write(f"/proc/{process}/gid_map", "\n".join(f"{inside} {outside} 1" for inside, outside in groups))


def _write(path: str, text: str) -> None:
    with open(path, "w") as file:
        file.write(text)


def _can_be_strange(umask: int, content: dict[str, Any]) -> bool:
    """Whether everything that a function needs can be read by a user who is nobody here."""
    needed = [path for path, _ in content["runtime"]] + [one["executable"] for one in content["interpreters"]]
    return os.geteuid() == 0 and not umask & 0o005 and all(os.stat(path).st_mode & 0o004 for path in needed)


def main(fd: int, mode: str) -> None:
    umask = os.umask(0o022)
    control = socket.socket(fileno=fd)
    kernel = _Kernel() if sys.platform == "linux" else None
    received = receive(control)
    if received is None:
        return
    content = received[0]

    def serve_in_root() -> None:
        assert kernel is not None
        try:
            root = Root(kernel, content["place"], content)
        except OSError as error:
            control.sendall(FAILED)
            print(error, file=sys.stderr, flush=True)
            return
        control.sendall(READY)
        _serve(control, kernel, root)

    if mode == "plain":
        control.sendall(READY)
        _serve(control, kernel, None)
    elif kernel is not None:
        try:
            _in_namespaces(kernel, content["own_user"] and _can_be_strange(umask, content), serve_in_root)
        except OSError as error:
            with suppress(OSError):
                control.sendall(FAILED)
            print(error, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
