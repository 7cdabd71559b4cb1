"""What all tests share: nothing of the machine's own AWS settings reaches them."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator

import pytest

#: A lab's own tests are the learner's; the pipeline that the judge runs executes them.
collect_ignore_glob = ["solutions/*/*"]


@pytest.fixture(autouse=True, scope="session")
def _no_aws_settings_of_this_machine() -> None:
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        del os.environ[name]
    os.environ["AWS_CONFIG_FILE"] = os.environ["AWS_SHARED_CREDENTIALS_FILE"] = os.devnull
    os.environ["AWS_EC2_METADATA_DISABLED"] = "true"


@pytest.fixture(autouse=True, scope="module")
def _heap_looked_through_once() -> Iterator[None]:
    """What a module leaves behind (AWS's models above all) is set aside: looked through again and again, it takes a
    quarter of a worker's time.
    """
    yield
    gc.collect()
    gc.freeze()
