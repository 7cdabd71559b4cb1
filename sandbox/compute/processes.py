"""Reads from the operating system what an environment's processes are and what they have used."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import time
from collections.abc import Iterable
from contextlib import suppress

import psutil

#: More processes and threads than an environment may have (fact lambda-resource-policy); a walk stops here.
MOST_TASKS = 1024

_MOST_LOOKED_AT = 16

_PAGE = os.sysconf("SC_PAGE_SIZE")
_TICKS = os.sysconf("SC_CLK_TCK")
_HAS_CHILDREN = os.path.exists(f"/proc/self/task/{os.getpid()}/children")
_LINUX = sys.platform == "linux"


def _read(path: str) -> bytes:
    fd = os.open(path, os.O_RDONLY)
    try:
        text = part = os.read(fd, _PAGE)
        # The kernel gives a page at a time at most; a short answer is the end.
        while len(part) > _PAGE // 2:
            part = os.read(fd, _PAGE)
            text += part
        return text
    finally:
        os.close(fd)


def _tasks(pid: int) -> list[str]:
    with suppress(OSError):
        return os.listdir(f"/proc/{pid}/task")
    return []


def descendants(pid: int) -> list[int]:
    """All living processes below `pid`, parents before children; at most some more than MOST_TASKS."""
    if not _HAS_CHILDREN:
        with suppress(psutil.Error):
            return [child.pid for child in psutil.Process(pid).children(recursive=True)]
        return []
    found: list[int] = []
    pending = [pid]
    while pending and len(found) <= MOST_TASKS:
        parent = pending.pop()
        for task in _tasks(parent):
            with suppress(OSError):
                children = [int(child) for child in _read(f"/proc/{parent}/task/{task}/children").split()]
                found += children
                pending += children
    return found


def task_count(pids: Iterable[int]) -> int:
    """Processes and threads of `pids` together."""
    return sum(max(len(_tasks(pid)), 1) for pid in pids)


def cpu_seconds(pids: Iterable[int]) -> float:
    """CPU time of `pids`, and of those of their children that they have waited for."""
    total = 0.0
    for pid in pids:
        if _LINUX:
            with suppress(OSError):
                total += time.clock_gettime((~pid << 3) | 2)
            with suppress(OSError, IndexError):
                fields = _read(f"/proc/{pid}/stat").rpartition(b")")[2].split()
                total += (int(fields[13]) + int(fields[14])) / _TICKS
        else:
            with suppress(psutil.Error):
                used = psutil.Process(pid).cpu_times()
                total += used.user + used.system + used.children_user + used.children_system
    return total


def queued_seconds(pids: Iterable[int]) -> dict[str, float]:
    """By thread of `pids`: the time that it was ready to run and no core was free. Empty where nobody tells."""
    queued: dict[str, float] = {}
    for pid in pids:
        for task in _tasks(pid):
            with suppress(OSError, IndexError):
                queued[task] = int(_read(f"/proc/{pid}/task/{task}/schedstat").split()[1]) / 1e9
    return queued


def resident_bytes(pids: list[int]) -> int:
    """Memory in use by `pids` together. What several of them share counts once."""
    if len(pids) == 1 and _LINUX:
        with suppress(OSError, IndexError):
            return int(_read(f"/proc/{pids[0]}/statm").split()[1]) * _PAGE
        return 0
    # Each costs a walk over its mappings: of many, some stand for all.
    looked_at = pids[:: -(-len(pids) // _MOST_LOOKED_AT)] if pids else []
    return sum(map(_proportional, looked_at)) * len(pids) // max(len(looked_at), 1)


def _proportional(pid: int) -> int:
    if _LINUX:
        with suppress(OSError):
            for line in _read(f"/proc/{pid}/smaps_rollup").splitlines():
                if line.startswith(b"Pss:"):
                    return int(line.split()[1]) * 1024
    with suppress(psutil.Error):
        return int(psutil.Process(pid).memory_info().rss)
    return 0


def peak_bytes(pid: int) -> int:
    """The most memory that a process ever had resident, 0 where the system does not tell."""
    with suppress(OSError):
        status = _read(f"/proc/{pid}/status")
        at = status.find(b"VmHWM:")
        if at >= 0:
            return int(status[at + 6 :].split(None, 1)[0]) * 1024
    return 0


def kill_groups(pids: Iterable[int]) -> None:
    """Kill those of `pids` that lead a process group, with their group: it dies at once, however fast it forks."""
    for pid in pids:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(pid, signal.SIGKILL)


def waits(pid: int) -> bool:
    """Whether a process's main thread waits for something (where the system tells it; elsewhere it does)."""
    with suppress(OSError):
        stat = _read(f"/proc/{pid}/stat")
        return stat[stat.rfind(b")") + 2 :][:1] in (b"S", b"Z", b"X")
    return True


def terminate(pid: int) -> None:
    """SIGTERM to a process's main thread: a handler in Python runs there, and nowhere else.

    A signal for the whole process goes to any thread while the main one is still being thawed.
    """
    tgkill = getattr(ctypes.CDLL(None), "tgkill", None)
    if tgkill is None or tgkill(pid, pid, signal.SIGTERM) != 0:
        send_signal([pid], signal.SIGTERM)


def send_signal(pids: Iterable[int], number: int) -> None:
    """Signal each of `pids` that is still there."""
    for pid in pids:
        with suppress(ProcessLookupError, PermissionError):
            os.kill(pid, number)
