"""Round 7's stack: checkout with a release, and what is told of a release that was taken back."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from checks.functions import runtime
from checks.lab02 import stacks
from checks.lab02.packaging import packaged_text
from checks.lab03 import alarms, codedeploy, shop

if TYPE_CHECKING:
    from sandbox.cloud import Cloud


def release(cloud: Cloud, template: Path, name: str = "thursday") -> stacks.Deployment:
    """Deploy the stack with this release of checkout, and wait until it is done or put back."""
    text = template.read_text(encoding="utf-8").replace("checkout/thursday/", f"checkout/{name}/")
    return stacks.deploy(cloud, shop.STACK, packaged_text(cloud, text, template.parent), Runtime=runtime())


def alias(cloud: Cloud) -> str:
    """The alias of the stack's function, as Lambda invokes it."""
    return f"{function(cloud)}:{shop.ALIAS}"


def function(cloud: Cloud) -> str:
    """What the stack's function is called."""
    return stacks.physical(cloud, shop.STACK, "Checkout")


def deployments(cloud: Cloud) -> list[str]:
    """The ids of the stack's deployments, oldest first: those that take one back, too."""
    application = stacks.physical(cloud, shop.STACK, "ServerlessDeploymentApplication")
    group = stacks.physical(cloud, shop.STACK, "CheckoutDeploymentGroup")
    return codedeploy.deployments(cloud, group, application)


def alarmed(cloud: Cloud) -> dict[str, datetime]:
    """The stack's alarms that went into ALARM, with the time of the last one."""
    name = stacks.physical(cloud, shop.STACK, "NewVersionFails")
    fired = [one.at for one in alarms.history(cloud, name) if one.after == "ALARM"]
    return {name: fired[-1]} if fired else {}
