"""A learner's afternoon, automated: `./coldstart`, a headless Chromium, and a notebook that runs from top to bottom."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import ConsoleMessage, Page, Request, Response, sync_playwright
from playwright.sync_api import TimeoutError as PlaywrightTimeout

from checks.course import load_course
from checks.held import is_loopback
from checks.suite import chromium

ROOT = Path(__file__).resolve().parents[2]
START_SECONDS = 90
NOTEBOOK_SECONDS = 300
#: The notebook that is in front; a restored workspace has others behind it.
OPEN = ".jp-NotebookPanel:not(.lm-mod-hidden)"
#: Whether cells of the notebook wait, run or have run, and whether none waits or runs any more. A cell that waits or
#: runs has a star for its number; an error takes the stars from all cells behind it.
PROMPTS = "open => [...document.querySelectorAll(`${open} .jp-CodeCell .jp-InputPrompt`)].map(cell => cell.textContent)"
BEGUN = f"open => ({PROMPTS})(open).some(prompt => /[*\\d]/.test(prompt))"
ENDED = f"open => !({PROMPTS})(open).some(prompt => prompt.includes('*'))"
#: Chromium's own talk, about the machine and not about the page. A resource that fails is seen with its address.
NOT_OURS = re.compile(r"WebGL|GPU|Autofill|ResizeObserver loop|Failed to load resource", re.IGNORECASE)


@dataclass
class Seen:
    """What the browser noticed: errors on the console or in scripts, and requests that left this machine."""

    errors: list[str] = field(default_factory=list)
    outside: list[str] = field(default_factory=list)

    def on_console(self, message: ConsoleMessage) -> None:
        if message.type == "error" and not NOT_OURS.search(message.text):
            self.errors.append(message.text)

    def on_response(self, response: Response) -> None:
        if response.status >= 400:
            self.errors.append(f"{response.status} {response.url}")

    def on_page_error(self, error: Exception) -> None:
        if not NOT_OURS.search(str(error)):
            self.errors.append(str(error))

    def on_request(self, request: Request) -> None:
        address = urlsplit(request.url)
        if address.scheme in ("http", "https", "ws", "wss") and not is_loopback(address.hostname or ""):
            self.outside.append(request.url)


def solved_course(folder: Path, lab_id: str) -> Path:
    """A course below `folder` whose lab is solved but not yet run: the learner's folder and notebook, finished."""
    course = load_course()
    lab = course.lab(lab_id)
    target = folder / "course"
    shutil.copytree(ROOT / "labs", target / "labs", ignore=shutil.ignore_patterns(".ipynb_checkpoints"))
    for name in ("solutions", "checks"):
        (target / name).symlink_to(ROOT / name)
    shutil.copytree(lab.solved_folder, target / "labs" / lab.name, dirs_exist_ok=True)
    notebook = json.loads(lab.solved.read_text("utf-8"))
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            cell["outputs"], cell["execution_count"] = [], None
    (target / "labs" / f"{lab.name}.ipynb").write_text(json.dumps(notebook), "utf-8")
    return target


@contextmanager
def coldstart(folder: Path, course: Path) -> Iterator[str]:
    """`./coldstart --no-browser` with a state folder of its own; JupyterLab's URL."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "COLDSTART_"))}
    process = subprocess.Popen(
        [str(ROOT / "coldstart"), "--no-browser"],
        env={**kept, "COLDSTART_STATE": str(folder / "state"), "COLDSTART_COURSE": str(course)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        assert process.stdout is not None
        said = ""
        for line in process.stdout:
            said += line
            if found := re.search(r"http://\S+token=\S+", line):
                yield found[0]
                return
        raise AssertionError(f"./coldstart ended with code {process.wait(10)}:\n{said}")
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
            try:
                process.communicate(timeout=30)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()


@contextmanager
def browsing(url: str, *, width: int = 1280, height: int = 900) -> Iterator[tuple[Page, Seen]]:
    """A fresh headless Chromium on JupyterLab at `url` (nothing else open) once its shell stands; what it sees."""
    seen = Seen()
    arguments = ["--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync"]
    arguments += ["--no-first-run", "--no-default-browser-check", "--disable-dev-shm-usage", "--disable-extensions"]
    if os.geteuid() == 0:
        arguments.append("--no-sandbox")
    with tempfile.TemporaryDirectory(prefix="coldstart-chromium-") as profile, sync_playwright() as playwright:
        context = playwright.chromium.launch_persistent_context(
            profile,
            executable_path=chromium(),
            headless=True,
            args=arguments,
            viewport={"width": width, "height": height},
            device_scale_factor=1.5,
        )
        try:
            page = context.pages[0] if context.pages else context.new_page()
            page.on("console", seen.on_console)
            page.on("pageerror", seen.on_page_error)
            context.on("request", seen.on_request)
            context.on("response", seen.on_response)
            page.goto(f"{url}&reset", timeout=START_SECONDS * 1000)
            page.locator("#jp-main-dock-panel").wait_for(timeout=START_SECONDS * 1000)
            yield page, seen
        finally:
            context.close()


def notebook_url(url: str, name: str) -> str:
    """The address of a notebook below the labs, from the start page's."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}/lab/tree/{name}?{parts.query}"


def run_all(page: Page, file: Path, *, seconds: float = NOTEBOOK_SECONDS) -> dict[str, Any]:
    """Run every cell of the open notebook, save it, and return it as it then is on disk."""
    # The indicator in the notebook is idle before there is a kernel; the status bar names the kernel, and waits for it.
    idle = page.locator("#jp-bottom-panel").get_by_text(re.compile(r"Python 3.*\| Idle"))
    idle.wait_for(timeout=START_SECONDS * 1000)
    # A run that is asked for before the kernel is connected may be dropped: ask until a cell has a star or a number.
    for attempt in range(5):
        menu(page, "Run", "Run All Cells")
        with contextlib.suppress(PlaywrightTimeout):
            page.wait_for_function(BEGUN, arg=OPEN, timeout=2000 * (attempt + 1))
            break
    page.wait_for_function(ENDED, arg=OPEN, timeout=seconds * 1000)
    with page.expect_response(lambda answer: answer.request.method == "PUT" and file.name in answer.url) as saved:
        menu(page, "File", "Save Notebook")
    assert saved.value.ok, f"JupyterLab did not save {file.name}: {saved.value.status}"
    notebook: dict[str, Any] = json.loads(file.read_text("utf-8"))
    return notebook


def menu(page: Page, bar: str, entry: str) -> None:
    """Choose an entry of the menu bar."""
    page.locator(".lm-MenuBar-itemLabel", has_text=re.compile(f"^{bar}$")).click()
    page.locator(".lm-Menu-itemLabel", has_text=re.compile(f"^{re.escape(entry)}$")).click()


def errors_of(notebook: dict[str, Any]) -> list[str]:
    """The errors in a notebook's outputs, each with its cell's id."""
    return [
        f"{cell['id']}: {output['ename']}: {output['evalue']}"
        for cell in notebook["cells"]
        for output in cell.get("outputs", [])
        if output["output_type"] == "error"
    ]
