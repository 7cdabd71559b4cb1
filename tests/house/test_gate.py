"""The author's gate over all labs, as `./coldstart test gate`."""

import subprocess

import pytest

from tests.house.support import ROOT, command, surroundings

GATE_SECONDS = 1500


def test_the_gate_finds_nothing_wrong() -> None:
    done = subprocess.run(
        command("author", "gate"),
        cwd=ROOT,
        env=surroundings(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=GATE_SECONDS,
        check=False,
    )
    if done.returncode:
        pytest.fail(f"./coldstart author gate:\n{done.stdout}", pytrace=False)
