"""requirements.in, requirements.lock and environment.yml say the same, and none holds an address."""

import re
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]
REQUIREMENT = re.compile(r"(?P<name>[A-Za-z0-9._-]+)(?P<extras>\[[^\]]*\])?(?P<rule>.*)")


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def direct() -> dict[str, re.Match[str]]:
    lines = (ROOT / "requirements.in").read_text().split()
    found = [match for match in map(REQUIREMENT.fullmatch, lines) if match]
    assert len(found) == len(lines)
    return {canonical(match["name"]): match for match in found}


def locked() -> dict[str, str]:
    pins = re.findall(r"^([a-z0-9._-]+)==(\S+)", (ROOT / "requirements.lock").read_text(), re.MULTILINE)
    return dict(pins)


def test_every_direct_dependency_is_locked() -> None:
    assert set(direct()) <= set(locked())


def test_every_locked_package_has_hashes() -> None:
    lock = (ROOT / "requirements.lock").read_text()
    for entry in re.split(r"\n(?=[a-z0-9])", lock.strip()):
        assert re.search(r"--hash=sha256:[0-9a-f]{64}", entry), entry.splitlines()[0]


def test_no_file_of_versions_holds_an_address() -> None:
    for name in ("requirements.in", "requirements.lock", "environment.yml", "pyproject.toml"):
        assert not re.search(
            r"://|^\s*(-i|--(extra-)?index-url|--find-links)\b| @ ", (ROOT / name).read_text(), re.M
        ), name


def test_conda_users_get_the_locked_versions() -> None:
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())
    pip = next(entry["pip"] for entry in environment["dependencies"] if isinstance(entry, dict))
    versions = locked()
    assert sorted(pip) == sorted(f"{name}{match['extras'] or ''}=={versions[name]}" for name, match in direct().items())
