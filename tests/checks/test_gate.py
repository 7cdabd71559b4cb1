"""The gate on the tiny course: open as it stands, and shut for each thing that can be wrong with a lab."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from queue import Queue

import pytest

from checks import author
from checks.course import Course, Lab, load_course, load_module
from checks.execution import can_confine
from checks.gate import Replayer, gate_lab
from checks.house_rules import broken_files, broken_structure
from checks.judge import NurseryProcess
from checks.notebook import write_notebook
from checks.notebook_source import read_source


@pytest.fixture
def built(course: Course, lab: Lab) -> Lab:
    """The tiny lab with both notebooks, not executed but looking so."""
    source = read_source(lab.source)
    write_notebook(lab.notebook, source.notebook(solved=False))
    solved = source.notebook(solved=True)
    for cell in solved["cells"]:
        if cell["cell_type"] == "code":
            cell["execution_count"] = 1
    write_notebook(lab.solved, solved)
    return lab


@pytest.fixture(scope="module")
def replayers() -> Iterator[Queue[Replayer]]:
    queue: Queue[Replayer] = Queue()
    for _ in range(2):
        queue.put(Replayer())
    yield queue
    while not queue.empty():
        queue.get().close()


Gate = Callable[..., tuple[list[str], list[str]]]


@pytest.fixture
def gate(course: Course, nursery: NurseryProcess, replayers: Queue[Replayer]) -> Gate:
    def through(only: str = "") -> tuple[list[str], list[str]]:
        lines: list[str] = []
        fresh = load_course(course.root)
        failures = gate_lab(fresh, fresh.lab("90"), nursery, replayers, lines.append, only)
        return failures, lines

    return through


def edit(lab: Lab, old: str, new: str) -> None:
    """Change the lab's source."""
    text = lab.source.read_text()
    assert old in text
    lab.source.write_text(text.replace(old, new))


def edit_module(course: Course, old: str, new: str) -> None:
    """Change the lab's module, at a path of its own: a module is imported once a process."""
    path = course.root / "checks" / "lab90_tiny.py"
    text = path.read_text()
    assert old in text
    path.unlink()
    path.with_name("lab90_other.py").write_text(text.replace(old, new))


def test_the_tiny_course_passes_with_a_line_for_every_case(built: Lab, gate: Gate) -> None:
    failures, lines = gate()
    assert failures == []
    assert len(lines) == 18
    assert all(line.startswith("ok ") for line in lines)


def test_a_solution_that_does_not_pass_shuts_the_gate(built: Lab, gate: Gate) -> None:
    (built.solved_folder / "greeting.txt").write_text("good night\n")
    failures, _ = gate("90.2")
    assert any("solution" in line and "got incorrect" in line for line in failures)


@pytest.mark.skipif(not can_confine(), reason="bubblewrap is not usable here")
def test_a_solution_that_passes_only_where_it_sees_the_solutions_shuts_the_gate(built: Lab, gate: Gate) -> None:
    edit(built, '(lab.folder / "greeting.txt").read_text()', f'open("{built.solved_folder}/greeting.txt").read()')
    failures, _ = gate("90")
    assert any("90.2 of the graded solution: not_attempted" in line for line in failures), failures
    assert any("FileNotFoundError" in line for line in failures), failures


def test_a_wrong_submission_that_passes_shuts_the_gate(built: Lab, gate: Gate) -> None:
    (built.wrong / "another-greeting" / "greeting.txt").write_text("good morning\n")
    failures, _ = gate("90.2")
    assert [line for line in failures if "another-greeting" in line and "got passed" in line]


def test_a_wrong_submission_refused_for_another_reason_shuts_the_gate(built: Lab, gate: Gate) -> None:
    toml = built.wrong / "another-greeting" / "wrong.toml"
    toml.write_text(toml.read_text().replace("good evening", "good afternoon"))
    failures, _ = gate("90.2")
    assert any("does not match 'good afternoon'" in line for line in failures)


def test_a_stub_that_is_not_open_any_more_shuts_the_gate(built: Lab, gate: Gate, course: Course) -> None:
    edit(built, 'lab.explain("90.1", total=..., ends=(..., ...))', 'lab.explain("90.1", total=0, ends=("", ""))')
    for path, solved in ((built.notebook, False), (built.solved, True)):
        notebook = read_source(built.source).notebook(solved=solved)
        for cell in notebook["cells"]:
            if solved and cell["cell_type"] == "code":
                cell["execution_count"] = 1
        write_notebook(path, notebook)
    failures, _ = gate("90.1.explain")
    assert any(" stub " in line and "got incorrect" in line for line in failures)


def test_a_replay_that_dies_is_a_failure_and_the_next_goes_on(built: Lab, gate: Gate) -> None:
    (built.wrong / "another-greeting" / "wrong.toml").write_text(
        'check = "90.2"\n[cells]\nr2-build = "import os; os._exit(3)"\n'
    )
    failures, lines = gate("90.2")
    assert any("the replay ended with status 3" in line for line in failures)
    assert any(" solution " in line and line.startswith("ok") for line in lines)


def test_too_few_wrong_submissions_shut_the_gate(built: Lab, gate: Gate) -> None:
    shutil.rmtree(built.wrong)
    failures, _ = gate("90.2")
    assert "lab 90: 90.2 has 2 wrong submissions, and needs 3" in failures


def rules(course: Course) -> list[str]:
    fresh = load_course(course.root)
    lab = fresh.lab("90")
    module, source = load_module(lab), read_source(lab.source)
    return [*broken_structure(lab, module, source), *broken_files(fresh, lab, module, source)]


def test_the_tiny_course_breaks_no_rule(built: Lab, course: Course) -> None:
    assert rules(course) == []


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('"It is a number."', '" "', "needs 3: a question, the place, the shape"),
        ('title="A greeting"', 'title=""', "90.2 has no title"),
        ('cells=("r1-run", "r1-explain")', 'cells=("r1-run",)', "does not name its own cell 'r1-explain'"),
        ('"r2-build", "r2-check"', '"r2-build", "r2-check", "r9"', "names cell 'r9'"),
        ('prediction("90.1"', 'prediction("90.3"', "90.1.predict stands in course.toml"),
        ('FILES = ("greeting.txt",)', "FILES = ()", "greeting.txt differs between labs and solutions"),
        ('files=("greeting.txt",)', 'files=("letter.txt",)', "names the file 'letter.txt'"),
    ],
)
def test_a_module_out_of_step_is_named(built: Lab, course: Course, old: str, new: str, words: str) -> None:
    edit_module(course, old, new)
    assert any(words in line for line in rules(course)), rules(course)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('lab.check("90.2")', 'lab.check("90.3")', "90.2 is asked for 0 times"),
        ('lab.check("90.2")', 'lab.check("90.3")', "90.3 is asked for in the notebook"),
        ('lab.check("90.2")', 'lab.check("90.2"); lab.check("90.2")', "90.2 is asked for 2 times"),
        ("id: r2-check\ntags: [nbval-check-output]", "id: r2-check", "lacks the tag"),
        ("Predict first.", "Predict first, see fact `lambda-nonsense`.", "the fact 'lambda-nonsense' is cited"),
        ("Predict first.", "Predict.", "is not what the source gives"),
        ("check: 90.1.explain", "check: 90.4.explain", "is for 90.4.explain, which does not exist"),
    ],
)
def test_a_source_out_of_step_is_named(built: Lab, course: Course, old: str, new: str, words: str) -> None:
    edit(built, old, new)
    assert any(words in line for line in rules(course)), rules(course)


def test_what_is_astray_is_named(built: Lab, course: Course) -> None:
    (course.root / "labs" / "notes.txt").write_text("x")
    (course.root / "checks" / "lab77_lost.py").write_text("")
    (built.folder / "left.py").write_text("x")
    (built.wrong / "empty").mkdir()
    said = "\n".join(rules(course))
    assert "labs/notes.txt belongs to no lab" in said
    assert "checks/lab77_lost.py belongs to no lab" in said
    assert "labs/90-tiny/left.py has no counterpart" in said
    assert "checks/wrong/90/empty/wrong.toml" in said


def test_a_stub_that_was_run_and_a_place_of_this_machine_are_named(built: Lab, course: Course) -> None:
    text = built.notebook.read_text().replace('"execution_count": null', '"execution_count": 3', 1)
    built.notebook.write_text(text.replace('"outputs": []', f'"outputs": [{{"text": "{course.root}"}}]', 1))
    said = "\n".join(rules(course))
    assert "has an output" in said
    assert "names a place of this machine" in said


def test_building_twice_changes_nothing_and_the_solution_holds(
    course: Course, lab: Lab, nursery: NurseryProcess
) -> None:
    author.build_lab(course, lab, nursery)
    first = lab.notebook.read_bytes(), lab.solved.read_bytes()
    assert rules(course) == []
    author.build_lab(course, lab, nursery)
    assert (lab.notebook.read_bytes(), lab.solved.read_bytes()) == first
    assert author.verified(course, lab, nursery) == []
    lab.solved.write_text(lab.solved.read_text().replace("90.2: passed, 4 of 4", "90.2: passed, 3 of 4"))
    assert any("r2-check" in line for line in author.verified(course, lab, nursery))


def test_a_solution_that_raises_is_not_built(course: Course, lab: Lab, nursery: NurseryProcess) -> None:
    edit(lab, "ssm = cloud", "raise ValueError('not today')\nssm = cloud")
    with pytest.raises(author.BuildError, match="not today"):
        author.build_lab(course, lab, nursery)
    assert not lab.notebook.exists()


def test_a_solution_that_does_not_pass_is_not_built(course: Course, lab: Lab, nursery: NurseryProcess) -> None:
    (lab.solved_folder / "greeting.txt").write_text("good night\n")
    with pytest.raises(author.BuildError, match=r"(?s)does not pass.*good night"):
        author.build_lab(course, lab, nursery)
    assert not lab.notebook.exists()
