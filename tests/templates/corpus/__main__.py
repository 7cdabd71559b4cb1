"""Tells what becomes of the templates that nobody here wrote: `.venv/bin/python -m tests.templates.corpus`.

A line for each, then the table of tests/bench/RESULTS.md.
"""

from __future__ import annotations

import re
from collections import Counter

from tests.templates.corpus.cases import GIVEN, INVALID, NOTHING
from tests.templates.corpus.deploying import Trial, refusals
from tests.templates.corpus.sources import CFN_LINT, SAM_CLI, templates

_NAMED = (
    r"Resource types that are not supported by this sandbox: \[([^\]]+)\]",
    r"(AWS::LanguageExtensions)",
    r"^(Modules|Macros|The AWS Serverless Application Repository|Fn::\w+)",
    r"(Property \w+ of [\w:]+)",
    r"(container images)",
    r"Value ([a-z]+)\S* at '(?:runtime)'",
)


def main() -> None:
    """Print the outcomes."""
    counts: dict[str, Counter[str]] = {}
    reasons: Counter[str] = Counter()
    trial = Trial()
    for collection in (*CFN_LINT, SAM_CLI):
        counts[collection] = Counter()
        for source in templates(collection):
            if trial.spoiled:
                trial.close()
                trial = Trial()
            outcome = trial.deploy(source.path, GIVEN.get(source.name, NOTHING))
            said = " ".join(outcome.said)
            kind: str = outcome.kind
            if kind == "failed":
                kind = "invalid" if source.name in INVALID and INVALID[source.name] in said else "otherwise"
            counts[collection][kind] += 1
            why = sorted({name for one in refusals(outcome) for name in _names(one)}) if kind == "refused" else []
            reasons.update(why)
            print(f"{kind:9} {source.name}  {', '.join(why) or (said[:160] if kind != 'deployed' else '')}")
    trial.close()
    print("\n| templates | | deployed | refused by name | no account could | otherwise |")
    print("|---|---|---|---|---|---|")
    for collection, found in counts.items():
        row = (found[kind] for kind in ("deployed", "refused", "invalid", "otherwise"))
        print(f"| {collection} | {found.total()} | {' | '.join(map(str, row))} |")
    print("\nRefused for:", ", ".join(f"{name} {number}" for name, number in reasons.most_common()))


def _names(message: str) -> list[str]:
    found = next((match for pattern in _NAMED if (match := re.search(pattern, message))), None)
    return [] if found is None else found[1].split(", ")


if __name__ == "__main__":
    main()
