"""The judge's work: opening labs, judging submissions by looking at the cloud itself, keeping verdicts and progress."""

from __future__ import annotations

import hashlib
import logging
import os
import secrets
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, cast

from botocore.exceptions import BotoCoreError, ClientError

from checks.contract import Answers, Verdict, run, spoken_id
from checks.course import Course, CourseError, Lab, LabModule, load_module
from checks.inventory import Item, inventory, remove
from checks.notebook import answer_sources
from checks.progress import Progress, Standing, write_json

if TYPE_CHECKING:
    from sandbox.cloud import Cloud

log = logging.getLogger(__name__)


class Refusal(Exception):
    """What the judge will not do; `status` is HTTP's, the message is for the learner."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


class Sandbox(Protocol):
    endpoint: str
    learner: dict[str, str]
    judge: dict[str, str]


class Nursery(Protocol):
    """Where fresh sandboxes come from; sandbox.nursery.Nursery is the one."""

    def fork(self, *, seed: int, port: int = 0, control: bool = True) -> Any: ...
    def stop(self, handle: Any) -> None: ...


@dataclass(slots=True)
class Session:
    """One open lab: its sandbox, and the judge's own way into it."""

    lab: Lab
    module: LabModule
    sandbox: Sandbox | None
    cloud: Cloud
    seed: int
    folder: Path
    started: datetime
    turn: threading.Lock = field(default_factory=threading.Lock)
    finished: bool = False

    def seed_of(self, check: str) -> int:
        """The seed of one check: the same for a session's seed, different from check to check."""
        return int.from_bytes(hashlib.sha256(f"{self.seed}:{check}".encode()).digest()[:6])


class Judge:
    """The judge's work, apart from HTTP. Safe to use from many threads.

    `state` is the folder for progress.json and labs.json; without it nothing is kept. `folders` are the places in
    which a lab's own folder may stand, the first being the usual one. With `first_answer_counts` a check that was
    answered is not judged again: so grading can't be won by guessing in a loop.
    """

    def __init__(
        self,
        course: Course,
        nursery: Callable[[], Nursery],
        *,
        state: Path | None = None,
        folders: tuple[Path, ...] = (),
        seed: int | None = None,
        first_answer_counts: bool = False,
        target: str | None = None,
    ) -> None:
        self.course = course
        self.target = target or os.environ.get("COLDSTART_TARGET") or "local"
        self._nursery = nursery
        self._state = state
        self._folders = tuple(folder.resolve() for folder in folders) or (
            course.root / "labs",
            course.root / "solutions",
        )
        self._seed = seed
        self._first_answer_counts = first_answer_counts
        self._progress = Progress(state / "progress.json") if state is not None else None
        self._sessions: dict[str, Session] = {}
        self._verdicts: dict[str, list[Verdict]] = {lab.id: [] for lab in course.labs}
        self._untouched: set[Item] | None = None
        self._opening: dict[str, threading.Lock] = {lab.id: threading.Lock() for lab in course.labs}
        self._lock = threading.Lock()
        self._closed = False
        self._write_labs()

    # -- a lab's way ---------------------------------------------------------------------------------

    def start(self, lab_id: str, folder: str = "") -> dict[str, Any]:
        """A fresh sandbox in the lab's opening state; the one before it goes."""
        lab, module = self._lab(lab_id)
        own = self._folder(lab, folder)
        with self._opening[lab.id]:
            self._drop(lab.id)
            seed = secrets.randbits(32) if self._seed is None else self._seed
            sandbox, cloud = self._open(lab, seed)
            try:
                session = self._prepare(lab, module, sandbox, cloud, seed, own)
            except BaseException:
                self._stop(sandbox)
                raise
            with self._lock:
                if not self._closed:
                    self._sessions[lab.id] = session
            if self._closed:
                self._stop(sandbox)
                raise Refusal(503, "The judge is stopping. Start Coldstart again with ./coldstart.")
        self._write_labs()
        threading.Thread(target=self._warm, args=(session,), name=f"warm-{lab.id}", daemon=True).start()
        return {
            **self.describe(lab.id),
            "target": self.target,
            "endpoint": sandbox.endpoint if sandbox else None,
            "credentials": dict(sandbox.learner) if sandbox else None,
            "region": cloud.region,
            "run": cloud.run,
            "seed": seed,
        }

    def _open(self, lab: Lab, seed: int) -> tuple[Sandbox | None, Cloud]:
        # Here, and not at the top: sandbox.cloud takes a while, and the judge should answer at once.
        from sandbox.cloud import Refused, open_cloud

        try:
            if self.target != "local":
                return None, open_cloud(self.target, seed=seed, lab=lab.id)
            return self._fork(seed)
        except Refused as refused:
            raise Refusal(409, str(refused)) from refused
        except Exception as error:
            log.error("no sandbox for lab %s: %s", lab.id, error)
            raise Refusal(
                503, f"No sandbox could be started ({error}). Stop Coldstart with Ctrl-C and run ./coldstart again."
            ) from error

    def _fork(self, seed: int) -> tuple[Sandbox, Cloud]:
        from sandbox.cloud import open_cloud

        sandbox = cast(Sandbox, self._nursery().fork(seed=seed))
        return sandbox, open_cloud("local", endpoint=sandbox.endpoint, credentials=sandbox.judge, seed=seed)

    def _prepare(
        self, lab: Lab, module: LabModule, sandbox: Sandbox | None, cloud: Cloud, seed: int, folder: Path
    ) -> Session:
        try:
            if sandbox is None and module.cleanup is not None:
                module.cleanup(cloud)
            module.setup(cloud)
        except Exception as error:
            log.exception("the opening state of lab %s could not be made", lab.id)
            raise Refusal(
                500, f"The opening state of lab {lab.id} could not be made ({type(error).__name__}: {error})."
            ) from error
        return Session(lab, module, sandbox, cloud, seed, folder, datetime.now(UTC))

    def submit(self, lab_id: str, check_id: str, answers: Mapping[str, Any]) -> Verdict:
        """Judge one submission. A check that hangs is left behind after its time limit, with nothing decided."""
        lab, module = self._lab(lab_id)
        check, out_of = self._check(lab, module, check_id)
        session = self._sessions.get(lab.id)
        if session is None or session.finished:
            why = "was cleaned up by lab.finish()" if session else "is not open"
            closed = Verdict(
                check.id, "cannot_tell", 0, out_of, f"This lab {why}. Run the cell with lab.start() first."
            )
            self._verdicts[lab.id].append(closed)
            return closed
        with session.turn:
            if self._first_answer_counts and check.kind != "check":
                for earlier in self._verdicts[lab.id]:
                    if earlier.check == check.id and earlier.status in ("passed", "incorrect"):
                        return earlier
            seed = session.seed_of(check.id)
            verdict = self._within_limit(
                lambda: run(check, session.cloud, Answers(answers, seed=seed, folder=session.folder), out_of=out_of),
                check.seconds,
            ) or Verdict(
                check.id,
                "cannot_tell",
                0,
                out_of,
                f"The check was not done after {check.seconds:.0f} s. A function that never ends, or a very long queue "
                "does that. Run the round's cells again; if it stays, start the lab anew with lab.start().",
                took_ms=round(check.seconds * 1000),
                seed=seed,
            )
            self._verdicts[lab.id].append(verdict)
        if self._progress is not None:
            standing = self._progress.record(verdict)
            if standing.given_up and verdict.status == "passed":
                return replace(verdict, points=0)
        return verdict

    @staticmethod
    def _within_limit(work: Callable[[], Verdict], seconds: float) -> Verdict | None:
        result: list[Verdict] = []
        thread = threading.Thread(target=lambda: result.append(work()), name="check", daemon=True)
        thread.start()
        thread.join(seconds)
        return result[0] if result else None

    def finish(self, lab_id: str) -> dict[str, list[str]]:
        """Remove what the lab made, and tell what went and what is left."""
        lab, module = self._lab(lab_id)
        session = self._sessions.get(lab.id)
        if session is None:
            return {"removed": [], "left": [], "unseen": []}
        with session.turn:
            try:
                before, _ = inventory(session.cloud)
                given = self._given()
                if module.cleanup is not None:
                    module.cleanup(session.cloud)
                if session.sandbox is not None:
                    remove(session.cloud, inventory(session.cloud)[0] - given)
                after, unseen = inventory(session.cloud)
                session.finished = True
            except (BotoCoreError, ClientError) as error:
                raise Refusal(
                    503, f"The lab could not be cleaned up ({error}). lab.start() makes a fresh sandbox."
                ) from error
        local = session.sandbox is not None
        return {
            "removed": [str(item) for item in sorted(before - after)],
            "left": [str(item) for item in sorted(after - given)] if local else [],
            "unseen": unseen,
        }

    # -- what helps ------------------------------------------------------------------------------------

    def hint(self, lab_id: str, check_id: str) -> dict[str, Any]:
        """The next rung of the check's ladder."""
        lab, module = self._lab(lab_id)
        check, _ = self._check(lab, module, check_id)
        if not check.hints:
            return {"hint": "", "number": 0, "of": 0}
        number = self._progress.hint(check.id, len(check.hints)).hints if self._progress is not None else 1
        return {"hint": check.hints[number - 1], "number": number, "of": len(check.hints)}

    def give_up(self, lab_id: str, check_id: str) -> dict[str, Any]:
        """Give the check's points up, and see its solution."""
        lab, module = self._lab(lab_id)
        check, _ = self._check(lab, module, check_id)
        if self._progress is not None:
            self._progress.give_up(check.id)
        return self.solution(lab_id, check_id)

    def solution(self, lab_id: str, check_id: str) -> dict[str, Any]:
        """The check's solution, once it has passed or its points are given up."""
        lab, module = self._lab(lab_id)
        check, _ = self._check(lab, module, check_id)
        standing = self._standings().get(check.id, Standing())
        if standing.status != "passed" and not standing.given_up:
            raise Refusal(
                403, f"The solution of {spoken_id(check.id)} shows after a pass, or when you give its points up."
            )
        try:
            sources = answer_sources(lab.solved, check.cells)
        except (OSError, ValueError):
            sources = {}
        parts = [{"name": f"cell {id}", "text": text} for id, text in sources.items()]
        for name in check.files:
            path = lab.solved_folder / name
            if path.is_file():
                parts.append({"name": f"{lab.name}/{name}", "text": path.read_text(encoding="utf-8")})
        return {"check": check.id, "parts": parts}

    def describe(self, lab_id: str) -> dict[str, Any]:
        """The lab as its notebook needs it: title, folder, and each check with points, title and standing."""
        lab, module = self._lab(lab_id)
        session = self._sessions.get(lab.id)
        standings = self._standings()
        return {
            "lab": lab.id,
            "name": lab.name,
            "title": lab.title,
            "folder": str(session.folder if session else self._folder(lab, "")),
            "open": session is not None,
            "checks": {
                id: {
                    "title": module.checks[id].title if id in module.checks else "",
                    "points": points,
                    "hints": len(module.checks[id].hints) if id in module.checks else 0,
                    **standings.get(id, Standing()).to_json(),
                    "hints_used": standings.get(id, Standing()).hints,
                }
                for id, points in lab.points.items()
            },
            "notice": self._progress.notice if self._progress else "",
        }

    def progress(self) -> dict[str, Any]:
        """All labs with the points reached, and the next step."""
        standings = self._standings()
        labs = []
        step: dict[str, str] | None = None
        for lab in self.course.labs:
            mine = {id: standings.get(id, Standing()) for id in lab.points}
            open_ids = [id for id, one in mine.items() if one.status != "passed" and not one.given_up]
            if step is None and open_ids:
                step = {"lab": lab.id, "title": lab.title, "notebook": f"{lab.name}.ipynb", "check": open_ids[0]}
            labs.append(
                {
                    "lab": lab.id,
                    "name": lab.name,
                    "title": lab.title,
                    "minutes": lab.minutes,
                    "requires": list(lab.requires),
                    "checks": len(lab.points),
                    "passed": sum(one.status == "passed" for one in mine.values()),
                    "points": sum(one.points for one in mine.values()),
                    "out_of": lab.out_of,
                }
            )
        return {
            "title": self.course.title,
            "labs": labs,
            "next": step,
            "notice": self._progress.notice if self._progress else "",
        }

    def verdicts(self, lab_id: str) -> list[Verdict]:
        """All verdicts of a lab, in their order, however often it was started."""
        return list(self._verdicts[lab_id])

    def close(self) -> None:
        with self._lock:
            self._closed = True
            sessions = list(self._sessions.values())
            self._sessions.clear()
        for session in sessions:
            self._stop(session.sandbox)
        self._write_labs()

    # -- inside ------------------------------------------------------------------------------------------

    def _lab(self, lab_id: str) -> tuple[Lab, LabModule]:
        try:
            lab = self.course.lab(lab_id)
        except CourseError as error:
            raise Refusal(404, str(error)) from error
        try:
            return lab, load_module(lab)
        except CourseError as error:
            raise Refusal(500, str(error)) from error

    @staticmethod
    def _check(lab: Lab, module: LabModule, check_id: str) -> tuple[Any, int]:
        if check_id not in lab.points or check_id not in module.checks:
            near = [id for id in lab.points if id.startswith(f"{check_id}.")]
            raise Refusal(404, f"Lab {lab.id} has no check {check_id!r}; it has {', '.join(near or lab.points)}.")
        return module.checks[check_id], lab.points[check_id]

    def _folder(self, lab: Lab, asked: str) -> Path:
        if asked:
            path = Path(asked).resolve()
            if path.name == lab.name and path.parent in self._folders:
                return path
        return self._folders[0] / lab.name

    def _standings(self) -> dict[str, Standing]:
        return self._progress.all() if self._progress is not None else {}

    def _given(self) -> set[Item]:
        """What stands in every sandbox from its beginning, as a fresh one shows. In an account nothing is given."""
        if self._untouched is None:
            if self.target != "local":
                return set()
            sandbox, cloud = self._fork(0)
            try:
                self._untouched = inventory(cloud)[0]
            finally:
                self._stop(sandbox)
        return self._untouched

    def _drop(self, lab_id: str) -> None:
        with self._lock:
            session = self._sessions.pop(lab_id, None)
        if session is not None:
            self._stop(session.sandbox)

    def _stop(self, sandbox: Sandbox | None) -> None:
        if sandbox is not None:
            try:
                self._nursery().stop(sandbox)
            except Exception:
                log.exception("a sandbox could not be stopped")

    @staticmethod
    def _warm(session: Session) -> None:
        """Make the clients that checks use, so that the first verdict does not wait for botocore's models."""
        for service in session.module.services:
            with suppress(BotoCoreError):
                session.cloud.client(service)

    def _write_labs(self) -> None:
        """labs.json: where the `aws` command finds the sandbox of each open lab."""
        if self._state is None:
            return
        with self._lock:
            labs = {
                id: {
                    "endpoint": session.sandbox.endpoint if session.sandbox else None,
                    "credentials": dict(session.sandbox.learner) if session.sandbox else None,
                    "region": session.cloud.region,
                    "folder": str(session.folder),
                    "started": session.started.isoformat(timespec="seconds"),
                }
                for id, session in self._sessions.items()
            }
            try:
                write_json(self._state / "labs.json", labs)
            except OSError as error:
                log.warning("labs.json can't be written: %s", error)
