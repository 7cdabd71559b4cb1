"""`./coldstart bench`: all figures in one run, as a table and in .coldstart/bench.json; 1 if a limit is missed."""

from __future__ import annotations

import argparse
import json
import platform
import sys
from dataclasses import asdict

from rich.console import Console
from rich.table import Table

from tests.bench import authorising, doors, figures, releases, stacks
from tests.bench.figures import Figure
from tests.bench.peers import ROOT, STORE

MEASURES = {**figures.MEASURES, **authorising.MEASURES, **doors.MEASURES, **stacks.MEASURES, **releases.MEASURES}


def main() -> int:
    parser = argparse.ArgumentParser(prog="./coldstart bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer repetitions: a look, not a figure to quote")
    parser.add_argument("--only", action="append", choices=list(MEASURES), help="this measurement alone; may repeat")
    options = parser.parse_args()
    STORE.mkdir(parents=True, exist_ok=True)
    console = Console()
    found: list[Figure] = []
    failures: list[str] = []
    for name in options.only or MEASURES:
        measure, full, quick = MEASURES[name]
        console.print(f"measuring {name} ...")
        try:
            found += measure(quick if options.quick else full)
        except Exception as error:
            failures.append(f"{name}: {type(error).__name__}: {error}")
    table = Table("figure", "value", "limit", "", "how")
    for figure in found:
        limit = "" if figure.limit is None else f"{'≥' if figure.at_least else '≤'} {figure.limit:g}"
        mark = {True: "holds", False: "MISSED", None: ""}[figure.holds]
        table.add_row(figure.name, f"{figure.value:.2f} {figure.unit}", limit, mark, figure.detail)
    console.print(table)
    for failure in failures:
        console.print(f"could not be measured: {failure}", style="bold")
    machine = {"system": platform.platform(), "python": platform.python_version()}
    (ROOT / ".coldstart" / "bench.json").write_text(
        json.dumps({"machine": machine, "figures": [asdict(each) for each in found], "failures": failures}, indent=2)
    )
    return 1 if failures or any(figure.holds is False for figure in found) else 0


if __name__ == "__main__":
    sys.exit(main())
