from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from checks.course import Course, CourseError, Lab, load_course, load_module

LAB = """
[[labs]]
id = "91"
name = "91-more"
title = "More"
minutes = 10
"""


def with_manifest(root: Path, text: str) -> Course:
    (root / "labs").mkdir(exist_ok=True)
    (root / "labs" / "course.toml").write_text(text)
    return load_course(root)


def test_the_manifest_is_read_in_its_order(course: Course, lab: Lab) -> None:
    assert list(lab.points) == ["90.1.predict", "90.1.explain", "90.2"]
    assert lab.out_of == 8
    assert lab.cell_seconds == 30
    assert lab.source == course.root / "solutions" / "90-tiny.md"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("title = ", "course.toml"),
        ("labs = 1", "needs a title"),
        ("title = 't'\n" + LAB.replace('"91"', "91", 1), "id must be two digits"),
        ("title = 't'\n" + LAB + LAB, "used twice"),
        ("title = 't'\n" + LAB.replace("91-more", "more"), "name must be"),
        ("title = 't'\n" + LAB.replace("minutes = 10", ""), "minutes"),
        ("title = 't'\n" + LAB + 'colour = "red"', "unknown key 'colour'"),
        ("title = 't'\n" + LAB + 'requires = ["90"]', "requires lab '90'"),
        ("title = 't'\n" + LAB + '[labs.checks]\n"90.1" = 1', "'90.1' is not a check id"),
        ("title = 't'\n" + LAB + '[labs.checks]\n"91.1" = 0', "91.1 must be worth"),
    ],
)
def test_a_broken_manifest_is_refused_with_its_place(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(CourseError, match=re.escape(words)):
        with_manifest(tmp_path, text)


def test_an_unknown_lab_names_those_there_are(course: Course) -> None:
    with pytest.raises(CourseError, match="no lab '17'; the labs are 90"):
        course.lab("17")


def test_a_labs_module_is_read_from_its_course(course: Course, lab: Lab) -> None:
    module = load_module(lab)
    assert set(module.checks) == set(lab.points)
    assert module.files == ("greeting.txt",)
    assert module.checks["90.2"].seconds == 5


def test_a_module_asked_for_twice_at_once_is_loaded_once(course: Course, lab: Lab) -> None:
    path = course.root / "checks" / "lab90_tiny.py"
    # The import lasts long enough for the second caller to come while the first is still at it.
    path.write_text(path.read_text() + "\nimport threading\n\nthreading.Event().wait(0.2)\n")
    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(load_module, [lab, lab])
    assert first is second


def test_two_courses_with_the_same_lab_do_not_mix(course: Course, lab: Lab, tmp_path: Path) -> None:
    first = load_module(lab)
    other = with_manifest(tmp_path / "course", (course.root / "labs" / "course.toml").read_text())
    assert load_module(other.lab("90")).checks.keys() == first.checks.keys()


def test_a_module_that_does_not_import_is_named(course: Course, lab: Lab) -> None:
    (course.root / "checks" / "lab90_tiny.py").write_text("import nothing_of_that_name\n")
    with pytest.raises(CourseError, match=r"lab90_tiny\.py does not import: ModuleNotFoundError"):
        load_module(lab)


def test_a_lab_without_a_module_is_said(course: Course, lab: Lab) -> None:
    (course.root / "checks" / "lab90_tiny.py").unlink()
    with pytest.raises(CourseError, match="needs one module"):
        load_module(lab)
