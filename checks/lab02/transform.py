"""What SAM's transform made of a template, and which resource needs which: from the documents alone."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence

from sandbox.templates import Template, dependencies
from sandbox.templates.document import Document
from sandbox.templates.references import references
from sandbox.views.templates import Expansion, Need

SERVERLESS = "AWS::Serverless::"
#: What the transform makes for the events of functions that name no API of their own.
#: https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/sam-specification-generated-resources.html
IMPLICIT: Mapping[str, str] = {
    "ServerlessHttpApi": "AWS::Serverless::HttpApi",
    "ServerlessRestApi": "AWS::Serverless::Api",
}


def made_of(original: Document, processed: Document) -> list[Expansion]:
    """Each resource of the original with those that came of it, in the original's order; what nobody wrote is last."""
    written = {name: str(resource["Type"]) for name, resource in original["Resources"].items()}
    made: dict[str, list[tuple[str, str]]] = {}
    for id, resource in processed["Resources"].items():
        made.setdefault(_source(id, written), []).append((id, str(resource["Type"])))
    found = [Expansion(name, kind, tuple(_first(name, made.get(name, ())))) for name, kind in written.items()]
    others = [name for name in made if name not in written]
    return [
        *found,
        *(Expansion(name, IMPLICIT.get(name, "made by the transform"), tuple(made[name]), False) for name in others),
    ]


def _source(id: str, written: Mapping[str, str]) -> str:
    """The resource that a generated one is named after: the longest serverless name that its own begins with."""
    if id in written:
        return id
    names = [name for name, kind in written.items() if kind.startswith(SERVERLESS)]
    fitting = [name for name in [*names, *IMPLICIT] if id.startswith(name)]
    return max(fitting, key=len, default=id)


def _first(name: str, made: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """The one that kept the name comes first."""
    return sorted(made, key=lambda one: one[0] != name)


def needs_of(document: Document) -> list[Need]:
    """Which resource of a processed template needs which, and the property that says so."""
    template = Template.of(document)
    found: list[Need] = []
    for name, needed in dependencies(template).items():
        resource = template.resources[name]
        for property, value in resource.properties.items():
            named = {one.name for one in references(value)} & needed
            found += [Need(name, other, property) for other in needed if other in named]
        found += [Need(name, other, "DependsOn") for other in resource.depends_on if other in needed]
    return found


def cycle_in(needs: Sequence[Need]) -> list[str]:
    """The names along a shortest cycle, in its order; empty if there is none."""
    graph: dict[str, list[str]] = {}
    for one in needs:
        graph.setdefault(one.resource, []).append(one.needs)
    found = [path for start in graph if (path := _back_to(start, graph))]
    return min(found, key=len, default=[])


def _back_to(start: str, graph: Mapping[str, Sequence[str]]) -> list[str]:
    """The shortest way from a resource through what it needs back to itself; empty if there is none."""
    paths, seen = deque([[start]]), {start}
    while paths:
        path = paths.popleft()
        for other in graph.get(path[-1], ()):
            if other == start:
                return path
            if other not in seen:
                seen.add(other)
                paths.append([*path, other])
    return []
