"""What all tests share: nothing of the machine's own AWS settings reaches them."""

from __future__ import annotations

import os

import pytest

#: A lab's own tests are the learner's; the pipeline that the judge runs executes them.
collect_ignore_glob = ["solutions/*/*"]


@pytest.fixture(autouse=True, scope="session")
def _no_aws_settings_of_this_machine() -> None:
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        del os.environ[name]
    os.environ["AWS_CONFIG_FILE"] = os.environ["AWS_SHARED_CREDENTIALS_FILE"] = os.devnull
    os.environ["AWS_EC2_METADATA_DISABLED"] = "true"
