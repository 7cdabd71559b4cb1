"""The checks of the tiny lab: numbers in parameters, and a greeting that is deployed from a file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from checks.contract import Answers, Incorrect, NotAttempted, Uncheckable, check, prediction

if TYPE_CHECKING:
    from sandbox.cloud import Cloud

FILES = ("greeting.txt",)
SERVICES = ("ssm",)

HINTS = ("What do you see?", "Look at the parameters.", "It is a number.")


def setup(cloud: Cloud) -> None:
    cloud.client("ssm").put_parameter(Name="/tiny/opened", Value="yes", Type="String")


def numbers(cloud: Cloud) -> list[int]:
    found = cloud.client("ssm").get_parameters_by_path(Path="/tiny/numbers")["Parameters"]
    return [int(one["Value"]) for one in sorted(found, key=lambda one: one["Name"])]


prediction("90.1", total=int, colour=("red", "blue"))


@check("90.1.explain", title="What they come to", hints=HINTS, cells=("r1-run", "r1-explain"))
def explain(cloud: Cloud, answers: Answers) -> str:
    total, ends = answers.integer("total"), answers.pair("ends")
    run = numbers(cloud)
    if not run:
        raise NotAttempted("No numbers were put yet: run the cell before this one.")
    if total != sum(run):
        raise Incorrect(f"total is {total}.", f"the sum of {len(run)} numbers.", "A bill is the sum of its lines.")
    if ends != (str(run[0]), str(run[-1])):
        raise Incorrect(f"ends are {ends}.", "the first and the last number.", "An interval has two ends.")
    return f"They come to {total}."


@check("90.2", title="A greeting", hints=HINTS, cells=("r2-build", "r2-check"), files=("greeting.txt",), seconds=5)
def greeting(cloud: Cloud, answers: Answers) -> None:
    found = cloud.client("ssm").get_parameters(Names=["/tiny/greeting", "/tiny/mood"])["Parameters"]
    values = {one["Name"]: one["Value"] for one in found}
    if values.get("/tiny/mood") == "slow":
        hang()
    if values.get("/tiny/mood") == "broken":
        raise ZeroDivisionError("division by zero")
    if values.get("/tiny/mood") == "away":
        raise Uncheckable("The mood can't be read.")
    said = values.get("/tiny/greeting", "")
    if said in ("", "replace this line"):
        raise NotAttempted("There is no greeting yet.")
    if said != "good morning":
        raise Incorrect(f"The greeting is {said!r}.", "a greeting for the morning.", "The shop opens at eight.")


def hang() -> None:
    import threading

    threading.Event().wait()
