"""Works out what the rounds of lab 02 showed, from what the cloud tells of the learner's own run.

Each function is given what was read and an answer, and returns if the answer is right; else it raises Incorrect. None
of them calls AWS.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from checks.contract import Incorrect, Uncheckable
from checks.lab02.stacks import Change, Event

# -- 1: from twelve calls to one template ----------------------------------------------------------------------


def one_template(
    *,
    resources: int,
    role: str,
    permission: str,
    orphan_api: str,
    written: Collection[str],
    made: Mapping[str, str],
    physical: Mapping[str, str],
    permission_of_post: str,
    apis: Collection[str],
    let_in: Collection[str],
) -> None:
    """`resources` is how many there are after the transform, `role` the role's physical name, `permission` the logical
    id of what lets the API's POST in, `orphan_api` the second API of the script.

    `made` are the processed template's types by logical id, `physical` the names that the stack gave them.
    """
    if resources != len(made):
        if resources == len(written):
            seen = f"resources is {resources}: so many stand in the template that you sent."
        else:
            seen = f"resources is {resources}."
        raise Incorrect(
            seen,
            "how many resources the template has after the transform.",
            "CloudFormation knows nothing of SAM. What it makes, changes and rolls back is what the transform wrote.",
        )
    roles = [physical[id] for id, kind in made.items() if kind == "AWS::IAM::Role"]
    if role not in roles:
        if made.get(role) == "AWS::IAM::Role":
            seen = f"role is {role}, its logical id."
        elif role in physical.values():
            seen = f"role is {role[:60]}, which is another resource of the stack."
        else:
            seen = f"role is {role[:60]!r}, which the stack has no resource of."
        raise Incorrect(
            seen,
            "the name that IAM has for the role: its physical id, from the stack's resources.",
            "A logical id is the template's word, a physical id the service's. Logs and CloudTrail have the second.",
        )
    if permission != permission_of_post:
        kind = made.get(permission)
        if kind == "AWS::Lambda::Permission":
            seen = f"{permission} lets in another route."
        else:
            seen = f"permission is {permission[:60]!r}, " + (f"an {kind}." if kind else "no logical id of the stack.")
        raise Incorrect(
            seen,
            "the logical id of the AWS::Lambda::Permission that came of the event with POST.",
            "For each event SAM writes a statement into the function's own policy. Nobody wrote it by hand, and nobody "
            "forgot it.",
        )
    orphans = set(apis) - set(let_in)
    if not orphans:
        raise Uncheckable("The script has run only once, or not at all. Run the round's first cell again.")
    if orphan_api not in orphans:
        if orphan_api in let_in:
            seen = f"{orphan_api} is the API of the first run: the function's policy lets it in."
        else:
            seen = f"orphan_api is {orphan_api[:60]!r}, which is no id of an API that the script made."
        raise Incorrect(
            seen,
            "the id of the API that the second run made: one that the function's policy does not let in.",
            "A create call that has no name to collide with makes a second one. Such orphans are how nobody can say "
            "any more what belongs to the service.",
        )


# -- 2: parameters, Globals, environments ----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Configured:
    """What a round reads of a function's configuration."""

    timeout: int
    variables: Mapping[str, str]
    layers: tuple[str, ...]


def environments(
    *,
    timeout: int,
    log_level: str,
    layers: Sequence[str],
    only_in_prod: str,
    place: Configured,
    find: Configured,
    in_dev: Configured,
    prod_only: Mapping[str, str],
) -> None:
    """What Place is in prod. `place` and `find` are of prod, `in_dev` is Place in dev; `prod_only` are the physical ids
    of what dev has not, by logical ids."""
    if timeout != place.timeout:
        of_globals = ": that is what Globals say" if timeout == find.timeout else ""
        raise Incorrect(
            f"timeout is {timeout}{of_globals}.",
            "the Timeout of Place in prod, in seconds.",
            "A single value of a resource takes the place of the one in Globals.",
        )
    right = place.variables.get("LOG_LEVEL", "")
    if log_level != right:
        raise Incorrect(
            f"log_level is {log_level[:40]!r}.",
            "the value of LOG_LEVEL of Place in prod.",
            "Maps are merged key by key: what the function names is the function's, the rest comes from Globals.",
        )
    given = tuple(layers)
    if given != place.layers:
        if sorted(given) == sorted(place.layers):
            seen = "layers has the right ones in another order."
        elif given == in_dev.layers:
            seen = "layers are those of Place in dev."
        elif given and set(given) < set(place.layers):
            seen = f"layers has {len(given)} of the {len(place.layers)} layers."
        else:
            seen = f"layers is {str(list(given))[:80]}."
        raise Incorrect(
            seen,
            "the ARNs of all layers of Place in prod, in the order in which Lambda lays them over each other.",
            "Lists are joined, those of Globals first. A file that two layers have comes from the later one.",
        )
    if only_in_prod not in prod_only.values():
        if only_in_prod in prod_only:
            seen = f"only_in_prod is {only_in_prod}, its logical id."
        else:
            seen = f"only_in_prod is {only_in_prod[:80]!r}, which is no physical id of what dev lacks."
        raise Incorrect(
            seen,
            "the physical id of the resource that prod's stack has and dev's has not.",
            "Where a condition is false, the resource is not in the stack: not disabled, not empty, not there.",
        )


# -- 3: events and permissions ---------------------------------------------------------------------------------


def doors_and_policies(
    *,
    taken_away: str,
    source_arn: str,
    actions: int,
    on: str,
    door: str,
    other_doors: Collection[str],
    source_of_door: str,
    actions_of_policy: Collection[str],
    actions_of_full_access: int,
    resources: Collection[str],
    tables: Collection[str],
) -> None:
    """`taken_away` is the Sid of the statement that a hand took out, `source_arn` whose calls it lets in; `actions` and
    `on` are what DynamoDBCrudPolicy grants, and on which table."""
    if taken_away != door:
        if taken_away in other_doors:
            seen = f"{taken_away} is the statement of the other route."
        else:
            seen = f"taken_away is {taken_away[:60]!r}, which is no Sid in the function's policy."
        raise Incorrect(
            seen,
            "the Sid of the statement that lets the API's POST in.",
            "The Sid is the physical id of the stack's AWS::Lambda::Permission: that is how you find the line of the "
            "template that a statement comes from.",
        )
    if source_arn != source_of_door:
        raise Incorrect(
            f"source_arn is {source_arn[:100]!r}.",
            "the ARN in the statement's condition.",
            "Without it, any API of any account could have API Gateway call your function.",
        )
    if actions != len(actions_of_policy):
        if actions == actions_of_full_access:
            seen = f"actions is {actions}: so many the full access grants."
        else:
            seen = f"actions is {actions}."
        raise Incorrect(
            seen,
            "how many actions DynamoDBCrudPolicy grants to the function's role.",
            "A policy template is a list that somebody at AWS wrote down: read it once, and you know what you grant.",
        )
    if on not in resources:
        if on in tables:
            seen = f"on is {on}, a table's name."
        else:
            seen = f"on is {on[:100]!r}, which the policy does not name."
        raise Incorrect(
            seen,
            "one of the two ARNs that the policy names as its resources.",
            "A permission is an action on a resource. The second half is what keeps other tables shut.",
        )


# -- 4: versions -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Version:
    """A published version of a function: its number, the hash of its code, its memory in MB and timeout in seconds."""

    number: int
    code_sha: str
    memory_mb: int
    timeout: int


def published(
    *,
    versions: Sequence[int],
    live: int,
    new_code_in: int,
    timeout_of_live: int,
    new_code: str,
    known: Sequence[Version],
    alias: int,
    latest: Version,
) -> None:
    """Which versions there are, which one `live` is, which was the first with the new code (and that code's hash), and
    which timeout callers of `live` have. `latest` is $LATEST."""
    numbers = [one.number for one in known]
    if len(known) < 3:
        raise Uncheckable(f"The function has {len(known)} published versions. Run the round's cells first.")
    if sorted(versions) != numbers:
        raise Incorrect(
            f"versions is {list(versions)}.",
            "the numbers of all published versions, without $LATEST.",
            "A deployment publishes a version only when code, environment variables, memory or SnapStart change. "
            "The others change $LATEST, and nobody who calls the alias sees that.",
        )
    if live != alias:
        raise Incorrect(
            f"live is {live}.",
            "the number of the version to which the alias points.",
            "Callers of the alias get that version, whatever was deployed since.",
        )
    first = next((one for one in known if one.code_sha != known[0].code_sha), None)
    if first is None or new_code_in != first.number:
        raise Incorrect(
            f"new_code_in is {new_code_in}.",
            "the number of the first version whose code is not that of version 1.",
            "CodeSha256 tells which code a version has, whoever built it and whatever it was called.",
        )
    if new_code != first.code_sha:
        if new_code == known[0].code_sha:
            seen = "new_code is the hash of version 1's code."
        else:
            seen = f"new_code is {new_code[:50]!r}, which is not what that version's code has."
        raise Incorrect(
            seen,
            f"the CodeSha256 of version {first.number}.",
            "It is new in every run: read it from your own function's versions.",
        )
    serving = next(one for one in known if one.number == alias)
    if timeout_of_live != serving.timeout:
        of_latest = ": that is $LATEST's" if timeout_of_live == latest.timeout else ""
        raise Incorrect(
            f"timeout_of_live is {timeout_of_live}{of_latest}.",
            "the timeout, in seconds, that callers of live get.",
            "The change of the timeout went to $LATEST and published nothing. Everybody believes that it is deployed.",
        )


# -- 5: change sets --------------------------------------------------------------------------------------------


def change_set(
    *,
    replaced: tuple[str, str],
    perhaps: tuple[str, str],
    table: str,
    changes: Sequence[Change],
) -> None:
    """`replaced` and `perhaps` are pairs of logical id and property: what is replaced in any case, and what may be;
    `table` is the name of the table that would go."""
    by_id = {one.logical_id: one for one in changes}
    _changed(replaced, "replaced", "True", "Always", by_id)
    _changed(perhaps, "perhaps", "Conditional", "Conditionally", by_id)
    right = by_id[perhaps[0]].physical_id
    if table != right:
        if table == perhaps[0]:
            seen = f"table is {table}, its logical id."
        elif table in {one.physical_id for one in changes}:
            seen = f"table is {table[:80]}, the physical id of another resource."
        else:
            seen = f"table is {table[:80]!r}."
        raise Incorrect(
            seen,
            f"the physical id of {perhaps[0]}: the name of the table as DynamoDB has it now.",
            "A new table has another name and no items. The one of this name would be deleted.",
        )


def _changed(pair: tuple[str, str], what: str, replacement: str, recreation: str, by_id: Mapping[str, Change]) -> None:
    id, property = pair
    change = by_id.get(id)
    if change is None or change.replacement != replacement:
        if change is None:
            seen = f"{what} names {id[:40]!r}, which the change set does not have."
        else:
            seen = f"{id} stands in the change set with Replacement {change.replacement}."
        raise Incorrect(
            seen,
            f"the logical id of the resource with Replacement {replacement}, and the property that causes it.",
            "True means that a new one is made and the old one deleted. Conditional means that it depends on what "
            "exactly changes in the property, and that CloudFormation decides when it acts.",
        )
    causing = [one.property for one in change.causes if one.recreation == recreation]
    if property not in causing:
        known = {one.property: one.recreation for one in change.causes}
        if property in known:
            seen = f"{property} of {id} has RequiresRecreation {known[property]}."
        else:
            seen = f"{id} has no change of {property[:40]!r}."
        raise Incorrect(
            seen,
            f"a property of {id} with RequiresRecreation {recreation}.",
            "The cause is what you change back. Nobody has to give the whole deployment up.",
        )


# -- 6: a failed deployment ------------------------------------------------------------------------------------

CANCELLED = "cancelled"


def first_failure(events: Sequence[Event], stack: str) -> Event | None:
    """The first event in which a resource itself failed, and was not cancelled; None if none did."""
    own = (one for one in events if one.logical_id != stack and one.status.endswith("_FAILED"))
    return next((one for one in own if CANCELLED not in one.reason.lower()), None)


def failure(*, failed: str, code: str, event: str, events: Sequence[Event], stack: str) -> None:
    """`failed` is the logical id of what failed first, `code` the handler's error code, `event` the event's id. The
    events are those of one deployment, oldest first."""
    first = first_failure(events, stack)
    if first is None:
        raise Uncheckable(f"{stack} has no failed deployment. Run the round's cells first.")
    if failed != first.logical_id:
        mine = [one for one in events if one.logical_id == failed]
        ended = next((one for one in mine if one.status.endswith("_FAILED")), None)
        if failed == stack:
            seen = f"{failed} is the stack: that it failed is the result."
        elif ended is not None:
            seen = f"{failed} says {ended.reason!r}: it was stopped because another one had failed."
        elif mine:
            seen = f"{failed} did not fail: its last event is {mine[-1].status}."
        else:
            seen = f"failed is {failed[:40]!r}, which the events do not name."
        raise Incorrect(
            seen,
            "the logical id of the resource that failed first, and of itself.",
            "CloudFormation works on many at once. When one fails, it stops the others, and reports them as failed, "
            "too. Read from the oldest event on.",
        )
    if event != first.id:
        other = next((one for one in events if one.id == event), None)
        if other is None:
            seen = f"event is {event[:60]!r}, no event of this deployment."
        else:
            seen = f"That is the event {other.status} of {other.logical_id}."
        raise Incorrect(
            seen,
            f"the EventId of the CREATE_FAILED of {first.logical_id}.",
            "One event has the reason. Everything after it is consequence.",
        )
    right = first.reason.rpartition("HandlerErrorCode: ")[2].rstrip(")")
    if code != right:
        raise Incorrect(
            f"code is {code[:60]!r}.",
            "what stands behind HandlerErrorCode in the reason.",
            "It tells the kind of failure: InvalidRequest is the template's, AccessDenied the deployer's, Throttling "
            "and NotStabilized are worth another try.",
        )


# -- 8: layers -------------------------------------------------------------------------------------------------


def layers(
    *,
    sent_again: str,
    kept: str,
    thin_bytes: int,
    keys: Mapping[str, str],
    code_size: Mapping[str, int],
    changed: bool,
) -> None:
    """`sent_again` and `kept` are S3 keys: the package that a changed line sent again whole, and the one that was there
    already. `thin_bytes` is the size of the function that has a layer. `keys` and `code_size` are by logical ids."""
    if not changed:
        raise Uncheckable("The stack was deployed only once. Run the round's cells first.")
    if sent_again != keys["InZip"]:
        named = next((id for id, key in keys.items() if key == sent_again), "")
        seen = f"sent_again is the package of {named}." if named else f"sent_again is {sent_again[:50]!r}, no package."
        raise Incorrect(
            seen,
            "the S3 key of the package that has code and dependency in one, and so was sent whole for one line.",
            "The SAM CLI names a package after its contents: one changed byte, and all of it is new.",
        )
    if kept != keys["Tax"]:
        named = next((id for id, key in keys.items() if key == kept), "")
        seen = f"kept is the package of {named}." if named else f"kept is {kept[:50]!r}, no package of the stack."
        raise Incorrect(
            seen,
            "the S3 key of the package that was in the bucket already.",
            "Same contents, same name: it was not sent, and the layer got no new version.",
        )
    if thin_bytes != code_size["Thin"]:
        other = next((id for id, size in code_size.items() if size == thin_bytes), "")
        raise Incorrect(
            f"thin_bytes is {thin_bytes}" + (f": that is {other}." if other else "."),
            "the CodeSize of the function Thin, in bytes.",
            "CodeSize is the function's own package. Its layers come on top, and count in the limit as well.",
        )
