"""The notebook's face of a lab: starts it, submits answers, and shows what the judge says. It holds no graded state."""

from __future__ import annotations

import html
import math
import os
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Protocol

from checks import widgets
from checks.contract import Verdict, spoken_id
from checks.judge_client import JudgeClient, NoJudge, Refused

if TYPE_CHECKING:
    from sandbox.cloud import Cloud


SANDBOX_GONE = "The sandbox of this lab does not answer. Run the cell with lab.start() again, then the round's cells."


class Picture(Protocol):
    """What a view gives: a chart, and the text that says the same."""

    text: str

    def svg(self) -> str: ...


class NoAnswer(ValueError):
    """An answer that can't be sent, because it is no plain value. Shown as its one line."""

    def _render_traceback_(self) -> list[str]:
        return [str(self)]


def open_lab(id: str) -> Lab:
    """The lab with this id, `01` say: the first line of its notebook. `lab.start()` comes next."""
    return Lab(id, JudgeClient())


class Lab:
    """One lab, as its notebook sees it."""

    def __init__(self, id: str, judge: JudgeClient) -> None:
        self.id = id
        self._judge = judge
        self._cloud: Cloud | None = None
        self._told: dict[str, Any] = {}
        self.verdicts: dict[str, Verdict] = {}

    def __repr__(self) -> str:
        return f"<Lab {self.id}>"

    # -- the cloud ---------------------------------------------------------------------------------------

    def start(self) -> Cloud:
        """A fresh sandbox in the lab's opening state, as often as wanted; what was there before goes."""
        from sandbox.cloud import open_cloud

        with widgets.Waiting(f"Preparing lab {self.id}"):
            told = self._judge.ask("POST", f"/labs/{self.id}/start", {"folder": str(self._beside() or "")})
            self._told = told
            os.environ["COLDSTART_LAB"] = self.id
            if told["target"] == "local":
                self._cloud = open_cloud(
                    "local",
                    endpoint=told["endpoint"],
                    credentials=told["credentials"],
                    region=told["region"],
                    seed=told["seed"],
                )
            else:
                # The judge's run: what either makes the other may remove, and both know it.
                self._cloud = open_cloud(told["target"], seed=told["seed"], lab=self.id, run=told["run"])
        _use_in_commands(self._cloud)
        if told["target"] == "local":
            _say_when_the_sandbox_is_gone()
        where = "a fresh sandbox" if told["target"] == "local" else f"account {self._cloud.account}"
        print(f"Lab {self.id}, {told['title']}: {where} is ready.")
        if told.get("notice"):
            print(told["notice"])
        return self._cloud

    @property
    def cloud(self) -> Cloud:
        """The lab's cloud, once `lab.start()` has run."""
        if self._cloud is None:
            raise NoJudge("This lab is not open. Run the cell with lab.start() first.")
        return self._cloud

    @property
    def folder(self) -> Path:
        """The lab's own folder, with the files that you edit."""
        if not self._told:
            self._told = self._judge.ask("GET", f"/labs/{self.id}")
        return Path(self._told["folder"])

    def _beside(self) -> Path | None:
        """The lab's folder beside the notebook, if it is there: a solved notebook has a solved folder."""
        found = sorted(path for path in Path.cwd().glob(f"{self.id}-*") if path.is_dir())
        return found[0] if found else None

    # -- answers -----------------------------------------------------------------------------------------

    def predict(self, round: str, **answers: Any) -> None:
        """Write down what you expect before you run it. It earns its points by being made."""
        self._submit(f"{round}.predict", answers)

    def explain(self, round: str, **answers: Any) -> None:
        """Say what your own run showed. The judge works the answer out from the same run."""
        self._submit(f"{round}.explain", answers)

    def check(self, check: str, **answers: Any) -> None:
        """Have the judge try what you built."""
        self._submit(check, answers)

    def _submit(self, check: str, answers: Mapping[str, Any]) -> None:
        body = {"answers": {name: plain(name, value) for name, value in answers.items() if not _open(value)}}
        try:
            with widgets.Waiting(f"Checking {spoken_id(check)}"):
                verdict = Verdict.from_json(self._judge.ask("POST", f"/labs/{self.id}/checks/{check}", body))
        except (NoJudge, ValueError) as away:
            verdict = Verdict(check, "cannot_tell", 0, self._worth(check), str(away))
        self.verdicts[check] = verdict
        # A prediction is right by being made: there is nothing to hint at and no solution.
        help = None if check.endswith(".predict") else _Help(self, check)
        widgets.show_verdict(verdict, self._title(check), help)

    def _worth(self, check: str) -> int:
        points = self._told.get("checks", {}).get(check, {}).get("points", 0)
        return int(points)

    def _title(self, check: str) -> str:
        return str(self._told.get("checks", {}).get(check, {}).get("title", ""))

    # -- help --------------------------------------------------------------------------------------------

    def hint(self, check: str) -> None:
        """Print the next hint for a check."""
        print(_Help(self, check).hint())

    def solution(self, check: str, *, give_up: bool = False) -> None:
        """Print a check's solution: after a pass, or with `give_up=True` for the price of its points."""
        print(_Help(self, check).solution(give_up=give_up))

    def progress(self) -> None:
        """Show all labs, the points reached in each, and the next step."""
        try:
            widgets.show_progress(self._judge.ask("GET", "/progress"))
        except NoJudge as away:
            print(away)

    # -- pictures ----------------------------------------------------------------------------------------

    def show(self, picture: Picture) -> None:
        """Show a picture, and below it the sentence that says the same."""
        widgets.show_picture(picture)

    def live(self, draw: Callable[[], Picture], every: float = 0.5) -> Live:
        """A picture that is drawn again every `every` seconds while a block runs; the last one stays.

        `with lab.live(lambda: timeline(invocations(cloud, "orders"))): cloud.traffic.ramp(...)`
        """
        return Live(draw, every)

    def finish(self) -> None:
        """Remove what the lab made, and show that nothing is left."""
        try:
            with widgets.Waiting(f"Cleaning up lab {self.id}"):
                told = self._judge.ask("POST", f"/labs/{self.id}/finish", {})
        except NoJudge as away:
            print(away)
            return
        left = list(told["left"])
        if self._cloud is not None and self._cloud.target != "local":
            left += [str(one) for one in self._cloud.leftovers()]
        for item in told["removed"]:
            print(f"removed  {item}")
        for item in left:
            print(f"left     {item}")
        if told["unseen"]:
            kinds = ", ".join(f"{kind}s" for kind in told["unseen"])
            print(f"The cloud did not say whether there are any {kinds}. If you made some, look for them yourself.")
        print(f"{len(told['removed'])} removed, {len(left) or 'nothing'} left.")
        print("The lab is closed. To go on with it, begin with its first cell.")


class _Help:
    """The hint ladder and the solution of one check."""

    def __init__(self, lab: Lab, check: str) -> None:
        self._lab = lab
        self._check = check

    def _ask(self, what: str) -> dict[str, Any]:
        return self._lab._judge.ask("POST", f"/labs/{self._lab.id}/{what}", {"check": self._check})

    def hint(self) -> str:
        try:
            told = self._ask("hint")
        except NoJudge as away:
            return str(away)
        if not told["of"]:
            return f"{spoken_id(self._check)} has no hints."
        return f"Hint {told['number']} of {told['of']}: {told['hint']}"

    def solution_is_free(self) -> bool:
        """Whether it passed already, or its points are given up."""
        try:
            told = self._lab._judge.ask("GET", f"/labs/{self._lab.id}")
        except NoJudge:
            return False
        standing = told["checks"].get(self._check, {})
        return bool(standing.get("given_up")) or standing.get("status") == "passed"

    def solution(self, *, give_up: bool = False) -> str:
        try:
            told = self._ask("giveup" if give_up else "solution")
        except Refused as refused:
            return f"{refused} lab.solution({self._check!r}, give_up=True) does that."
        except NoJudge as away:
            return str(away)
        parts = [f"# {part['name']}\n{part['text'].rstrip()}" for part in told["parts"]]
        return "\n\n".join(parts) or f"{spoken_id(self._check)} has no written solution."


class Live:
    """A picture drawn again and again while a block runs. The last one stays in the notebook, as any picture does."""

    def __init__(self, draw: Callable[[], Picture], every: float) -> None:
        if every <= 0:
            raise ValueError(f"every must be a number of seconds above 0, not {every!r}")
        self._draw = draw
        self._every = every
        self._done = threading.Event()
        self._box: Any = None
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Live:
        self._box = widgets.live_box()
        if self._box is not None:
            self._thread = threading.Thread(target=self._redraw, name="live", daemon=True)
            self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._done.set()
        if self._thread is not None:
            self._thread.join()
        if self._box is not None:
            self._box.value = ""
        if kind is None:
            widgets.show_picture(self._draw())

    def _redraw(self) -> None:
        while not self._done.is_set():
            # A picture of something half done may not be possible yet; the last one is drawn outside of this.
            with suppress(Exception):
                picture = self._draw()
                self._box.value = f"{picture.svg()}<p>{html.escape(picture.text)}</p>"
            self._done.wait(self._every)


def _open(value: Any) -> bool:
    """Whether an answer still has a `...` in it."""
    if value is ...:
        return True
    if isinstance(value, Mapping):
        return any(_open(inner) for inner in value.values())
    return isinstance(value, list | tuple) and any(_open(inner) for inner in value)


def plain(name: str, value: Any) -> Any:
    """An answer as JSON's own types: what it is, never what it claims to equal. Raises NoAnswer."""
    if value is None or value is True or value is False:
        return value
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, int):
        return int.__int__(value)
    if isinstance(value, float):
        number = float.__float__(value)
        if math.isfinite(number):
            return number
    elif isinstance(value, dict):
        return {str(key): plain(name, inner) for key, inner in dict.items(value)}
    elif isinstance(value, list | tuple):
        return [plain(name, inner) for inner in value]
    if hasattr(value, "request_id"):
        raise NoAnswer(f"{name} is a {type(value).__name__}: answer with its request_id, {name}=... .request_id")
    if isinstance(value, set | frozenset):
        raise NoAnswer(f"{name} is a set, which has no order: answer with a list, list(...) or [...]")
    raise NoAnswer(
        f"{name} is {value!r:.60}, which can't be sent to the judge. Answer with a number, a text, True, False, "
        "or several of them in brackets."
    )


def _say_when_the_sandbox_is_gone() -> None:
    """Where nothing answers any more, a cell says so in one line, and not in sixty of botocore's."""
    from botocore.exceptions import EndpointConnectionError

    # What IPython shows in place of a traceback.
    EndpointConnectionError._render_traceback_ = lambda _: [SANDBOX_GONE]


def _use_in_commands(cloud: Cloud) -> None:
    """Let `!sam` and `!aws` in a cell work on the lab's cloud, and on no other."""
    os.environ.update(cloud.environment)
    if cloud.target == "local":
        os.environ.pop("AWS_PROFILE", None)
        os.environ.update(
            AWS_CONFIG_FILE=os.devnull,
            AWS_SHARED_CREDENTIALS_FILE=os.devnull,
            AWS_EC2_METADATA_DISABLED="true",
        )
