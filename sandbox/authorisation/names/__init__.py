"""How services name their resources in calls, where the general rule of resources.py would go wrong.

Five tables, all by the prefix of a service's actions: where a type's names stand (`NAMES`), what a single operation
asks about (`RULES`), what becomes of a name (`MAKERS`), what is asked about as a whole (`WHOLE`), and which types of
the reference no call names (`NOT_ASKED`). Each module has the tables of some services. A service's page of the
reference is https://docs.aws.amazon.com/service-authorization/latest/reference/list_SERVICE.html; further pages stand
beside the rules that they give.

In a list of paths (parameters.py) the first that leads to something counts; `+` before a path adds what it leads to;
`=text` gives the text itself; a lone `?` says that the type may be absent.
"""

from __future__ import annotations

from collections.abc import Callable

from sandbox.authorisation.names import functions, identities, keys, logs, networks, stacks, stores, systems
from sandbox.authorisation.names.maker import Maker, Paths
from sandbox.gateway.call import Call

#: Where a type's names (or ids, URLs, ARNs) stand, by `prefix:type`, or a variable of its ARN, by
#: `prefix:type.Variable`.
NAMES: dict[str, Paths] = {
    **functions.NAMES,
    **identities.NAMES,
    **keys.NAMES,
    **logs.NAMES,
    **networks.NAMES,
    **stacks.NAMES,
    **stores.NAMES,
    **systems.NAMES,
}

#: What a single operation asks about, by `prefix:Operation`: types, and where they are named.
RULES: dict[str, dict[str, Paths]] = {
    **functions.RULES,
    **identities.RULES,
    **keys.RULES,
    **logs.RULES,
    **networks.RULES,
    **stacks.RULES,
    **stores.RULES,
    **systems.RULES,
}

#: What makes a name an ARN, by `prefix:type`, or for one operation by `prefix:Operation/type`.
MAKERS: dict[str, Maker] = {
    **functions.MAKERS,
    **identities.MAKERS,
    **keys.MAKERS,
    **logs.MAKERS,
    **networks.MAKERS,
    **stacks.MAKERS,
    **stores.MAKERS,
    **systems.MAKERS,
}

#: What operations ask about that are about no single resource, where that is not `*`. Denials show it so:
#: https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/AWS-logs-infrastructure-CWL.html wants `log-group:*` for
#: logs:DescribeLogGroups, logs:DescribeResourcePolicies and logs:PutResourcePolicy.
WHOLE: dict[str, Callable[[Call], str]] = {**identities.WHOLE, **logs.WHOLE}

#: Types of the reference that the service looks at by itself, or that belong to another's actions.
NOT_ASKED: dict[str, tuple[str, ...]] = {
    "cloudformation": ("stackset-target", "type", "typeHook"),
    "cognito-idp": ("webacl",),
    "events": ("alias", "key", "event-busv2", "event-sourcev2", "subscriber"),
    "ssm": ("automation-definition", "task"),
}
