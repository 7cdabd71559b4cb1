"""README and CONTRIBUTING speak of the project as it is."""

import re

from checks.course import load_course
from tests.house.support import ROOT, run


def test_the_readme_lists_every_lab_with_its_time() -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    for lab in load_course().labs:
        assert f"| {lab.id} {lab.title} | {lab.minutes} min |" in readme


def test_every_command_that_the_documents_show_exists() -> None:
    commands = set()
    for name in ("README.md", "CONTRIBUTING.md"):
        commands |= set(
            re.findall(r"\./coldstart ([a-z]+(?: (?:serve|env|status|reset|build|gate))?)", (ROOT / name).read_text())
        )
    assert {"check", "test", "sandbox serve", "author gate"} <= commands
    for command in commands:
        assert run(*command.split(), "--help").returncode == 0, command


def test_every_file_that_the_documents_link_or_picture_exists() -> None:
    for name in ("README.md", "CONTRIBUTING.md"):
        text = (ROOT / name).read_text("utf-8")
        for target in re.findall(r"\]\((?!https?:)([^)]+)\)", text):
            assert (ROOT / target).exists(), f"{name}: {target}"


def test_the_house_in_contributing_is_the_one_that_stands() -> None:
    picture = (ROOT / "CONTRIBUTING.md").read_text("utf-8").split("```")[1]
    folder = ROOT
    for line in picture.strip().splitlines():
        name = line.split("  ")[0].strip() if not line.startswith("  ") else ""
        if name.endswith("/"):
            folder = ROOT / name
            assert folder.is_dir(), name
        elif name:
            assert (ROOT / name).is_file(), name
        inner = re.match(r"  ([\w./*-]+)(?:  ([\w./*-]+))?", line)
        for entry in filter(None, inner.groups() if inner else ()):
            assert list(folder.glob(entry.rstrip("/"))), f"{folder.name}/{entry}"
