"""What is asked for, the locks and environment.yml say the same, and none holds an address."""

import re
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
REQUIREMENT = re.compile(r"(?P<name>[A-Za-z0-9._-]+)(?P<extras>\[[^\]]*\])?(?P<rule>.*)")


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


PAIRS = {"requirements.in": "requirements.lock", "checks/tools/sam.in": "checks/tools/sam.lock"}


def direct(wanted: str) -> dict[str, re.Match[str]]:
    lines = (ROOT / wanted).read_text().split()
    found = [match for match in map(REQUIREMENT.fullmatch, lines) if match]
    assert len(found) == len(lines)
    return {canonical(match["name"]): match for match in found}


def locked(lock: str) -> dict[str, str]:
    pins = re.findall(r"^([a-z0-9._-]+)==(\S+)", (ROOT / lock).read_text(), re.MULTILINE)
    return dict(pins)


@pytest.mark.parametrize(("wanted", "lock"), PAIRS.items())
def test_every_direct_dependency_is_locked(wanted: str, lock: str) -> None:
    assert set(direct(wanted)) <= set(locked(lock))


@pytest.mark.parametrize("lock", PAIRS.values())
def test_every_locked_package_has_hashes(lock: str) -> None:
    for entry in re.split(r"\n(?=[a-z0-9])", (ROOT / lock).read_text().strip()):
        assert re.search(r"--hash=sha256:[0-9a-f]{64}", entry), entry.splitlines()[0]


@pytest.mark.parametrize("name", [*PAIRS, *PAIRS.values(), "environment.yml", "pyproject.toml"])
def test_no_file_of_versions_holds_an_address(name: str) -> None:
    assert not re.search(r"://|^\s*(-i|--(extra-)?index-url|--find-links)\b| @ ", (ROOT / name).read_text(), re.M)


def test_conda_users_get_the_locked_versions() -> None:
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())
    pip = next(entry["pip"] for entry in environment["dependencies"] if isinstance(entry, dict))
    versions = locked("requirements.lock")
    assert sorted(pip) == sorted(
        f"{name}{match['extras'] or ''}=={versions[name]}" for name, match in direct("requirements.in").items()
    )
