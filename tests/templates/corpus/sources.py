"""Templates that nobody here wrote: those of cfn-lint's source distribution and of the SAM CLI.

They are no part of this repository. The distribution comes from the package index once, held against the lock's hash;
what the SAM CLI writes is written by the one that the set-up has installed. Both are kept in .coldstart/templates.
"""

from __future__ import annotations

import contextlib
import importlib.metadata
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
STORE = ROOT / ".coldstart" / "templates"
LOCK = ROOT / "requirements.lock"
FOLDER = Path(__file__).parent
#: What cfn-lint takes for valid templates, and whatever these name.
CFN_LINT = ("good", "quickstart", "integration")
SAM_CLI = "aws-sam-cli"
#: In this folder: templates that do something, and one for each of the ways in which single things can be written.
OWN, VARIANTS = "own", "own/variants"

_FIXTURES = "test/fixtures/templates/"
_TEMPLATE_FILES = frozenset({".yaml", ".yml", ".json", ".template"})
#: Not all files there are templates: settings of cfn-lint, and a deployment file of CodePipeline.
_OTHER_FILES = re.compile(r"good/core/config_cfn_lint|integration/deployment-file-template")

#: For the SAM CLI's own interpreter: writes the templates of its Python project with each of the options that change
#: it, and those of the stacks that it makes for itself.
_WRITE = """
import sys
from pathlib import Path
import samcli.lib.init as init
from samcli.lib.bootstrap.bootstrap import _get_stack_template
from samcli.lib.bootstrap.companion_stack.companion_stack_builder import CompanionStackBuilder
from samcli.lib.bootstrap.companion_stack.data_types import CompanionStack
from samcli.lib.bootstrap.web_function_code_bucket import get_code_bucket_template

folder, runtime = Path(sys.argv[1]), sys.argv[2]
samcli = Path(init.__file__).parent
for name, architecture, options in (
    ("hello", "x86_64", ()),
    ("hello-arm64", "arm64", ()),
    ("hello-tracing", "x86_64", ("tracing",)),
    ("hello-application-insights", "x86_64", ("application_insights",)),
    ("hello-structured-logging", "x86_64", ("structured_logging",)),
    ("hello-everything", "x86_64", ("tracing", "application_insights", "structured_logging")),
):
    init.generate_project(
        location=str(samcli / "templates" / "cookiecutter-aws-sam-hello-python"),
        package_type="Zip",
        runtime=runtime,
        output_dir=str(folder),
        name=name,
        no_input=True,
        extra_context={"project_name": name, "runtime": runtime, "architectures": {"value": [architecture]}},
        **dict.fromkeys(options, True),
    )
companion = CompanionStackBuilder(CompanionStack("shop"))
companion.add_function("Orders")
for name, text in (
    ("managed-bucket", _get_stack_template()),
    ("pipeline-stage", (samcli.parent / "pipeline" / "bootstrap" / "stage_resources.yaml").read_text("utf-8")),
    ("web-function-code-bucket", get_code_bucket_template("shop")),
    ("image-repositories", companion.build()),
):
    (folder / name).mkdir()
    (folder / name / "template.yaml").write_text(text, "utf-8")
"""


class NotAtHand(Exception):
    """Templates could not be fetched; the message says why."""


@dataclass(frozen=True, slots=True)
class Source:
    """A template in a file. `name` tells it apart: `good/minimal.yaml`, `aws-sam-cli/hello/template.yaml`."""

    name: str
    path: Path


def templates(collection: str) -> list[Source]:
    """Those of a part of cfn-lint's, of the SAM CLI, or of this folder (OWN, VARIANTS), by name. NotAtHand."""
    if collection in (OWN, VARIANTS):
        found = (FOLDER / collection).glob("*.yaml")
        return [Source(f"{collection}/{path.name}", path) for path in sorted(found)]
    folder = sam_cli() if collection == SAM_CLI else cfn_lint() / collection
    paths = folder.rglob("template.yaml") if collection == SAM_CLI else folder.rglob("*")
    named = ((f"{collection}/{path.relative_to(folder).as_posix()}", path) for path in sorted(paths))
    return [
        Source(name, path) for name, path in named if path.suffix in _TEMPLATE_FILES and not _OTHER_FILES.match(name)
    ]


def cfn_lint() -> Path:
    """The folder with the templates of cfn-lint's source distribution. NotAtHand."""
    version = importlib.metadata.version("cfn-lint")
    kept = STORE / f"cfn-lint-{version}"
    if not kept.exists():
        with _new(kept) as folder:
            (folder / "requirements.txt").write_text(_locked("cfn-lint"), "utf-8")
            command = ["-m", "pip", "download", "--quiet", "--no-deps", "--require-hashes", "--no-binary=cfn-lint"]
            _run([sys.executable, *command, f"--dest={folder}", f"--requirement={folder}/requirements.txt"])
            with tarfile.open(next(folder.glob("cfn_lint-*.tar.gz"))) as archive:
                for member in archive.getmembers():
                    _, _, name = member.name.partition(_FIXTURES)
                    if member.isfile() and name.startswith(tuple(f"{part}/" for part in CFN_LINT)):
                        member.name = name
                        archive.extract(member, folder, filter="data")
    return kept


def sam_cli() -> Path:
    """The folder with the templates that the installed SAM CLI writes. NotAtHand."""
    python = Path(sys.executable).parent.parent / "tools" / "sam" / "bin" / "python"
    found = _run([str(python), "-P", "-c", "import importlib.metadata as m; print(m.version('aws-sam-cli'))"])
    kept = STORE / f"aws-sam-cli-{found.strip()}"
    if not kept.exists():
        runtime = f"python{sys.version_info.major}.{sys.version_info.minor}"
        with _new(kept) as folder:
            _run([str(python), "-P", "-c", _WRITE, str(folder), runtime])
    return kept


@contextlib.contextmanager
def _new(kept: Path) -> Iterator[Path]:
    """A folder that becomes `kept` once it is whole; of several that make it at a time one is taken."""
    STORE.mkdir(parents=True, exist_ok=True)
    made = Path(tempfile.mkdtemp(prefix="part-", dir=STORE))
    try:
        yield made
        with contextlib.suppress(OSError):
            made.rename(kept)
    finally:
        shutil.rmtree(made, ignore_errors=True)


def _locked(package: str) -> str:
    """A package with its hashes, as the lock has it."""
    found = re.search(rf"^{re.escape(package)}==\S+(?: \\\n +--hash=\S+)+", LOCK.read_text("utf-8"), re.M)
    if found is None:
        raise NotAtHand(f"{LOCK.name} has no {package}")
    return f"{found[0]}\n"


def _run(command: list[str]) -> str:
    environment = {**os.environ, "SAM_CLI_TELEMETRY": "0", "HOME": str(STORE)} if "pip" not in command else None
    try:
        done = subprocess.run(command, capture_output=True, encoding="utf-8", env=environment, check=False)
    except OSError as error:
        raise NotAtHand(f"{command[0]} can't be run ({error.strerror}): ./coldstart sets it up") from error
    if done.returncode:
        said = [line for line in done.stderr.splitlines() if line.strip()] or [f"exit code {done.returncode}"]
        raise NotAtHand(
            f"templates to be tried could not be fetched: {said[-1].strip()}. They come from the package index, once: "
            "check the network connection and pip's own settings"
        )
    return done.stdout
