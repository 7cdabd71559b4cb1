"""Applications, their revisions, and tags.

https://docs.aws.amazon.com/codedeploy/latest/userguide/applications.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sandbox.delivery import revisions
from sandbox.delivery.errors import LAMBDA, OTHER_PLATFORMS, error, no_application, no_group, unsupported
from sandbox.delivery.names import check_description, check_name, tags_of
from sandbox.delivery.paging import page
from sandbox.delivery.store import Application, Group, Revision, Store
from sandbox.gateway.call import Call, Operation

#: https://docs.aws.amazon.com/codedeploy/latest/userguide/limits.html
MAX_APPLICATIONS = 1000
#: Names in one BatchGet...: https://docs.aws.amazon.com/codedeploy/latest/APIReference/API_BatchGetApplications.html
MAX_BATCH = 100
#: https://docs.aws.amazon.com/codedeploy/latest/APIReference/API_BatchGetApplicationRevisions.html
MAX_REVISIONS = 25

_SORTS = ("registerTime", "firstUsedTime", "lastUsedTime")


class Applications:
    """The operations on applications, revisions and tags."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.operations: Mapping[str, Operation] = {
            "CreateApplication": self._create,
            "GetApplication": self._get,
            "BatchGetApplications": self._batch_get,
            "ListApplications": self._list,
            "UpdateApplication": self._update,
            "DeleteApplication": self._delete,
            "RegisterApplicationRevision": self._register,
            "GetApplicationRevision": self._get_revision,
            "BatchGetApplicationRevisions": self._batch_get_revisions,
            "ListApplicationRevisions": self._list_revisions,
            "TagResource": self._tag,
            "UntagResource": self._untag,
            "ListTagsForResource": self._list_tags,
        }

    # -- applications ------------------------------------------------------------------------------------------

    def _create(self, call: Call) -> dict[str, Any]:
        params = call.params
        name = check_name(params.get("applicationName"), "Application", "Application")
        platform = params.get("computePlatform") or "Server"
        if platform in OTHER_PLATFORMS:
            raise unsupported(call, f"computePlatform {platform!r}: {OTHER_PLATFORMS[platform]}; 'Lambda' works")
        if platform != LAMBDA:
            raise error("InvalidComputePlatform", f"The compute platform {platform!r} is none of Lambda, Server, ECS")
        tags = tags_of(params.get("tags"))
        place = (call.account, call.region)
        with self._store.lock:
            applications = self._store.applications[place]
            if name in applications:
                raise error("ApplicationAlreadyExists", f"Application named {name} already exists")
            if len(applications) >= MAX_APPLICATIONS:
                raise error("ApplicationLimitExceeded", f"There are {MAX_APPLICATIONS} applications in this Region")
            made = applications[name] = Application(place, name, call.time, tags)
        return {"applicationId": made.id}

    def _get(self, call: Call) -> dict[str, Any]:
        return {"application": _described(self._named(call))}

    def _batch_get(self, call: Call) -> dict[str, Any]:
        names = call.params.get("applicationNames") or ()
        if not names:
            raise error("ApplicationNameRequired", "Application name is missing")
        if len(names) > MAX_BATCH:
            raise error("BatchLimitExceeded", f"{len(names)} applications are asked for; at most {MAX_BATCH} can be")
        place = (call.account, call.region)
        return {"applicationsInfo": [_described(self._store.application(place, name)) for name in names]}

    def _list(self, call: Call) -> dict[str, Any]:
        with self._store.lock:
            names = list(self._store.applications[call.account, call.region])
        return page(call.params, names, "applications")

    def _update(self, call: Call) -> None:
        with self._store.lock:
            application = self._named(call)
            given = call.params.get("newApplicationName")
            if given is None or given == application.name:
                return
            name = check_name(given, "Application", "Application")
            applications = self._store.applications[application.place]
            if name in applications:
                raise error("ApplicationAlreadyExists", f"Application named {name} already exists")
            del applications[application.name]
            application.name = name
            applications[name] = application

    def _delete(self, call: Call) -> None:
        name = call.params.get("applicationName")
        if not name:
            raise error("ApplicationNameRequired", "Application name is missing")
        with self._store.lock:
            # Deleting one that isn't there is no error. Deployments stay to be read.
            self._store.applications[call.account, call.region].pop(name, None)

    def _named(self, call: Call) -> Application:
        return self._store.application((call.account, call.region), call.params.get("applicationName"))

    # -- revisions ---------------------------------------------------------------------------------------------

    def _register(self, call: Call) -> None:
        application = self._named(call)
        check_description(call.params.get("description"))
        location = revisions.checked(call.params.get("revision"))
        with self._store.lock:
            known = revisions.of(application, location)
            if known is None:
                application.revisions.append(Revision(location, call.time, call.params.get("description")))
            elif call.params.get("description") is not None:
                known.description = call.params["description"]

    def _get_revision(self, call: Call) -> dict[str, Any]:
        application = self._named(call)
        location = revisions.checked(call.params.get("revision"))
        found = revisions.of(application, location)
        if found is None:
            raise error("RevisionDoesNotExist", f"The revision does not exist in the application {application.name}")
        return {
            "applicationName": application.name,
            "revision": found.location,
            "revisionInfo": _described_revision(application, found),
        }

    def _batch_get_revisions(self, call: Call) -> dict[str, Any]:
        application = self._named(call)
        given = call.params.get("revisions") or ()
        if not given:
            raise error("RevisionRequired", "Revision is missing")
        if len(given) > MAX_REVISIONS:
            message = f"{len(given)} revisions are asked for; at most {MAX_REVISIONS} can be"
            raise error("BatchLimitExceeded", message)
        found = [revisions.of(application, revisions.checked(location)) for location in given]
        return {
            "applicationName": application.name,
            "revisions": [
                {"revisionLocation": each.location, "genericRevisionInfo": _described_revision(application, each)}
                for each in found
                if each is not None
            ],
        }

    def _list_revisions(self, call: Call) -> dict[str, Any]:
        params = call.params
        application = self._named(call)
        sort, order = params.get("sortBy") or _SORTS[0], params.get("sortOrder") or "ascending"
        if sort not in _SORTS:
            raise error("InvalidSortBy", f"The column {sort!r} is none of {', '.join(_SORTS)}")
        if order not in ("ascending", "descending"):
            raise error("InvalidSortOrder", f"The order {order!r} is neither ascending nor descending")
        deployed = params.get("deployed") or "ignore"
        if deployed not in ("include", "exclude", "ignore"):
            raise error("InvalidDeployedStateFilter", f"{deployed!r} is none of include, exclude, ignore")
        bucket, prefix = params.get("s3Bucket"), params.get("s3KeyPrefix")
        if prefix is not None and bucket is None:
            raise error("BucketNameFilterRequired", "A bucket name is required, but was not provided")
        targets = [group.target_revision for group in list(application.groups.values())]

        def wanted(revision: Revision) -> bool:
            place = revision.location.get("s3Location") or {}
            if bucket is not None and place.get("bucket") != bucket:
                return False
            if prefix is not None and not str(place.get("key", "")).startswith(prefix):
                return False
            return deployed == "ignore" or (revision.location in targets) == (deployed == "include")

        attribute = {"registerTime": "registered", "firstUsedTime": "first_used", "lastUsedTime": "last_used"}[sort]

        def key(revision: Revision) -> float:
            moment = getattr(revision, attribute)
            return moment.timestamp() if moment is not None else 0.0

        found = sorted(filter(wanted, list(application.revisions)), key=key, reverse=order == "descending")
        return page(params, [each.location for each in found], "revisions")

    # -- tags --------------------------------------------------------------------------------------------------

    def tags_of(self, arn: str) -> Mapping[str, str]:
        """The tags of the application or group of an ARN; none if there is no such thing."""
        found = next((each for each in self._store.tagged() if each.arn == arn), None)
        return dict(found.tags) if found is not None else {}

    def _tag(self, call: Call) -> dict[str, Any]:
        found = self._by_arn(call)
        if not call.params.get("Tags"):
            raise error("TagRequired", "A tag was not specified.")
        added = tags_of(call.params["Tags"])
        with self._store.lock:
            tags = {**found.tags, **added}
            tags_of([{"Key": key, "Value": value} for key, value in tags.items()])
            found.tags = tags
        return {}

    def _untag(self, call: Call) -> dict[str, Any]:
        found = self._by_arn(call)
        keys = call.params.get("TagKeys")
        if not keys:
            raise error("TagRequired", "A tag was not specified.")
        with self._store.lock:
            found.tags = {key: value for key, value in found.tags.items() if key not in keys}
        return {}

    def _list_tags(self, call: Call) -> dict[str, Any]:
        tags = self._by_arn(call).tags
        return {"Tags": [{"Key": key, "Value": value} for key, value in tags.items()]}

    def _by_arn(self, call: Call) -> Application | Group:
        arn = call.params.get("ResourceArn")
        if not arn:
            raise error("ResourceArnRequired", "The ARN of a resource is required, but was not found.")
        fields = arn.split(":", 6)
        if len(fields) < 7 or fields[0] != "arn" or fields[2] != "codedeploy":
            raise error("InvalidArn", f"The specified ARN {arn} is not in a valid format.")
        if fields[5] not in ("application", "deploymentgroup"):
            raise error("ArnNotSupported", f"The specified ARN {arn} is not supported.")
        found = next((each for each in self._store.tagged() if each.arn == arn), None)
        if found is None:
            name = fields[6].rpartition("/")[2]
            raise no_application(name) if fields[5] == "application" else no_group(name)
        return found


def _described(application: Application) -> dict[str, Any]:
    return {
        "applicationId": application.id,
        "applicationName": application.name,
        "createTime": application.created,
        "linkedToGitHub": False,
        "computePlatform": LAMBDA,
    }


def _described_revision(application: Application, revision: Revision) -> dict[str, Any]:
    groups = [group.name for group in list(application.groups.values()) if group.target_revision == revision.location]
    described: dict[str, Any] = {"deploymentGroups": groups, "registerTime": revision.registered}
    for name, value in (
        ("description", revision.description),
        ("firstUsedTime", revision.first_used),
        ("lastUsedTime", revision.last_used),
    ):
        if value is not None:
            described[name] = value
    return described
