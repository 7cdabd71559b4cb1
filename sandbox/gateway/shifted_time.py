"""Makes the modules of one package read sandbox time: their `time.time()` and `datetime.now()` follow a clock.

Nothing outside the package changes. Each of its modules, those loaded now and those loaded later, has its names
for the standard library's `time` and `datetime` rebound to stand-ins; everything but "what time is it" passes
through to the real thing, and the stand-ins make real `datetime` objects.
"""

from __future__ import annotations

import datetime as real_datetime
import importlib.abc
import importlib.machinery
import sys
import time as real_time
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any

#: Gives sandbox time in Unix seconds.
Now = Callable[[], float]


class TimeOfPackage:
    """Sandbox time for all modules of `package`; `now` may be exchanged at any time.

    `after_import` names modules of the package that need another change right after they have been executed.
    """

    def __init__(self, package: str, after_import: dict[str, Callable[[ModuleType], None]]) -> None:
        self.package = package
        self.now: Now = real_time.time
        self._after_import = after_import
        self._replacements = self._stand_ins()

    def install(self) -> None:
        """Change the package's modules that are loaded, and hook the import of the others."""
        for name, module in list(sys.modules.items()):
            if self._covers(name):
                self.adapt(module)
        sys.meta_path.insert(0, _Finder(self))

    def after(self, name: str, change: Callable[[ModuleType], None]) -> None:
        """Have one of the package's modules changed further, at once if it is loaded."""
        earlier = self._after_import.get(name)

        def both(module: ModuleType) -> None:
            if earlier is not None:
                earlier(module)
            change(module)

        self._after_import[name] = both
        if name in sys.modules:
            change(sys.modules[name])

    def adapt(self, module: ModuleType) -> None:
        """Rebind one module's names for `time` and `datetime`."""
        for name, value in list(vars(module).items()):
            stand_in = self._replacements.get(id(value))
            if stand_in is not None:
                setattr(module, name, stand_in)
        further = self._after_import.get(module.__name__)
        if further is not None:
            further(module)

    def _covers(self, name: str) -> bool:
        return name == self.package or name.startswith(self.package + ".")

    def _stand_ins(self) -> dict[int, Any]:
        package_time = self

        def shifted_time() -> float:
            return package_time.now()

        def shifted_time_ns() -> int:
            return int(package_time.now() * 1e9)

        class LooksLikeDatetime(type):
            def __instancecheck__(cls, instance: object) -> bool:
                return isinstance(instance, real_datetime.datetime)

            def __subclasscheck__(cls, subclass: type) -> bool:
                return issubclass(subclass, real_datetime.datetime)

        class ShiftedDatetime(real_datetime.datetime, metaclass=LooksLikeDatetime):
            def __new__(cls, *args: Any, **kwargs: Any) -> Any:
                return real_datetime.datetime(*args, **kwargs)

            @classmethod
            def now(cls, tz: real_datetime.tzinfo | None = None) -> Any:
                return real_datetime.datetime.fromtimestamp(package_time.now(), tz)

            @classmethod
            def utcnow(cls) -> Any:
                return real_datetime.datetime.fromtimestamp(package_time.now(), real_datetime.UTC).replace(tzinfo=None)

            @classmethod
            def today(cls) -> Any:
                return real_datetime.datetime.fromtimestamp(package_time.now())

        time_module = overlay(real_time, time=shifted_time, time_ns=shifted_time_ns)
        datetime_module = overlay(real_datetime, datetime=ShiftedDatetime)
        return {
            id(real_time): time_module,
            id(real_time.time): shifted_time,
            id(real_time.time_ns): shifted_time_ns,
            id(real_datetime): datetime_module,
            id(real_datetime.datetime): ShiftedDatetime,
        }


def overlay(module: ModuleType, **changes: Any) -> ModuleType:
    """A module with `module`'s contents and these changes."""
    copy = ModuleType(module.__name__, module.__doc__)
    copy.__dict__.update({**vars(module), **changes})
    return copy


class _Finder(importlib.abc.MetaPathFinder):
    """Finds the package's modules as Python does, and has each adapted once it has been executed."""

    def __init__(self, owner: TimeOfPackage) -> None:
        self._owner = owner

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if not self._owner._covers(fullname):
            return None
        spec = importlib.machinery.PathFinder.find_spec(fullname, path, target)
        if spec is not None and spec.loader is not None:
            spec.loader = _Loader(spec.loader, self._owner)
        return spec


class _Loader(importlib.abc.Loader):
    def __init__(self, inner: importlib.abc.Loader, owner: TimeOfPackage) -> None:
        self._inner = inner
        self._owner = owner

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType | None:
        return self._inner.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        self._inner.exec_module(module)
        self._owner.adapt(module)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)  # importlib.resources and inspect ask loaders for more
