"""Starts awslambdaric in an execution environment: Lambda's import path, and sandbox time.

Runs on every supported version of Python, before anything else of the function, so it must stay small: what it costs
is part of each Init.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Self

#: The shared clock: one native double, the seconds that sandbox time is ahead.
CLOCK_FD = 3


def set_path() -> None:
    """https://docs.aws.amazon.com/lambda/latest/dg/python-package.html#python-package-searchpath"""
    version = os.environ["AWS_EXECUTION_ENV"].rpartition("_")[2]
    layers = os.environ.pop("COLDSTART_OPT", "/opt")
    runtime = os.environ["LAMBDA_RUNTIME_DIR"]
    task = os.environ["LAMBDA_TASK_ROOT"]
    # PYTHONPATH names the runtime's folder, and so does the script's own.
    rest = [path for path in sys.path if path != runtime]
    sys.path[:] = [task, f"{layers}/python/lib/{version}/site-packages", f"{layers}/python", runtime, *rest]
    if layers != "/opt":
        # Without namespaces the code folder is the original, shared by all environments.
        sys.dont_write_bytecode = True


def follow_clock() -> None:
    """Let `time` and `datetime` tell sandbox time. A sleep lasts as long as it lasts."""
    import datetime
    import mmap
    import time

    ahead = memoryview(mmap.mmap(CLOCK_FD, 8, access=mmap.ACCESS_READ)).cast("d")
    os.close(CLOCK_FD)
    now, now_ns, steady, steady_ns = time.time, time.time_ns, time.monotonic, time.monotonic_ns
    local, universal, ctime, asctime, strftime = time.localtime, time.gmtime, time.ctime, time.asctime, time.strftime

    def shifted_time() -> float:
        return now() + ahead[0]

    def shifted_time_ns() -> int:
        return now_ns() + int(ahead[0] * 1e9)

    def shifted_monotonic() -> float:
        return steady() + ahead[0]

    def shifted_monotonic_ns() -> int:
        return steady_ns() + int(ahead[0] * 1e9)

    def shifted_localtime(seconds: float | None = None) -> time.struct_time:
        return local(now() + ahead[0] if seconds is None else seconds)

    def shifted_gmtime(seconds: float | None = None) -> time.struct_time:
        return universal(now() + ahead[0] if seconds is None else seconds)

    def shifted_ctime(seconds: float | None = None) -> str:
        return ctime(now() + ahead[0] if seconds is None else seconds)

    def shifted_asctime(moment: time.struct_time | None = None) -> str:
        return asctime(local(now() + ahead[0]) if moment is None else moment)

    def shifted_strftime(format: str, moment: time.struct_time | None = None) -> str:
        return strftime(format, local(now() + ahead[0]) if moment is None else moment)

    for shifted in (
        *(shifted_time, shifted_time_ns, shifted_monotonic, shifted_monotonic_ns),
        *(shifted_localtime, shifted_gmtime, shifted_ctime, shifted_asctime, shifted_strftime),
    ):
        name = shifted.__name__.removeprefix("shifted_")
        shifted.__name__ = shifted.__qualname__ = name
        # Made a class's attribute, a built-in function does not bind, and neither does a staticmethod object.
        setattr(time, name, staticmethod(shifted))

    given = datetime.datetime

    class Kind(type):
        """What C code makes is of the given class, and a datetime all the same."""

        def __instancecheck__(cls, instance: object) -> bool:
            return isinstance(instance, given) if cls is moment else type.__instancecheck__(cls, instance)

        def __subclasscheck__(cls, subclass: type) -> bool:
            return issubclass(subclass, given) if cls is moment else type.__subclasscheck__(cls, subclass)

    class moment(datetime.datetime, metaclass=Kind):
        # today() asks time.time() anyway.
        @classmethod
        def now(cls, tz: datetime.tzinfo | None = None) -> Self:
            return cls.fromtimestamp(now() + ahead[0], tz)

        @classmethod
        def utcnow(cls) -> Self:
            # Python 3.10 has no datetime.UTC.
            return cls.fromtimestamp(now() + ahead[0], datetime.timezone.utc).replace(tzinfo=None)  # noqa: UP017

        def __repr__(self) -> str:
            plain = given.__repr__(self)
            return "datetime." + plain if type(self) is moment else plain

    moment.__name__ = moment.__qualname__ = "datetime"
    moment.__module__ = "datetime"
    moment.__doc__ = given.__doc__
    datetime.datetime = moment  # type: ignore[misc]


def main() -> None:
    set_path()
    follow_clock()
    import site

    # Left out with -S, for its packages' sake; the builtins that it would have set are not.
    site.setquit()
    site.sethelper()
    from awslambdaric.__main__ import main as run

    run(sys.argv)


if __name__ == "__main__":
    main()
