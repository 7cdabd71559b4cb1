"""Templates that nobody here wrote are deployed, or refused by name; nothing else comes of them.

Those of cfn-lint that no account could deploy are listed, with what AWS says to them (cases.py).
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.templates.corpus.cases import GIVEN, INVALID, NOTHING, REFUSED
from tests.templates.corpus.deploying import Outcome, Trial
from tests.templates.corpus.sources import CFN_LINT, SAM_CLI, VARIANTS, NotAtHand, Source, templates


class Trials:
    """A sandbox for one template after the other; a new one where the last left something behind."""

    def __init__(self) -> None:
        self._trial: Trial | None = None

    def deploy(self, source: Source) -> Outcome:
        """What becomes of a template in an account with what it takes for granted."""
        if self._trial is not None and self._trial.spoiled:
            self.close()
        if self._trial is None:
            self._trial = Trial()
        return self._trial.deploy(source.path, GIVEN.get(source.name, NOTHING))

    def close(self) -> None:
        if self._trial is not None:
            self._trial.close()
        self._trial = None


@pytest.fixture(scope="module")
def trials() -> Iterator[Trials]:
    made = Trials()
    yield made
    made.close()


@pytest.mark.parametrize("collection", [*CFN_LINT, SAM_CLI, VARIANTS])
def test_each_template_is_deployed_and_taken_away_or_refused_by_name(collection: str, trials: Trials) -> None:
    try:
        found = templates(collection)
    except NotAtHand as error:
        pytest.fail(str(error))
    assert found
    wrong = [line for source in found for line in _wrong(source, trials.deploy(source))]
    assert not wrong, "\n".join(wrong)


def _wrong(source: Source, outcome: Outcome) -> Iterator[str]:
    said = "\n    ".join(outcome.said)
    if outcome.left:
        yield f"{source.name} leaves behind: {', '.join(outcome.left)}"
    lacking = next((what for what, names in REFUSED.items() if source.name in names), None)
    if outcome.kind == "failed":
        expected = INVALID.get(source.name)
        if expected is None or expected not in said:
            yield f"{source.name} is neither deployed nor refused by name:\n    {said}"
    elif outcome.kind == "deployed" and source.name in INVALID:
        yield f"{source.name} is deployed, which AWS would not: {INVALID[source.name]}"
    elif outcome.kind == "deployed" and lacking is not None:
        yield f"{source.name} is deployed now: {lacking} is no more to be refused (cases.py)"
    elif outcome.kind == "refused" and (lacking is None or lacking not in said):
        yield f"{source.name} is refused, for what cases.py does not say:\n    {said}"
