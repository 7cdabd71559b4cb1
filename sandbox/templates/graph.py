"""Which resource needs which: dependencies, cycles, and the order of creation and deletion.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-attribute-dependson.html
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from sandbox.templates.errors import TemplateError
from sandbox.templates.references import function_of, references
from sandbox.templates.template import Resource, Template

#: A resource's name, and the names of those that must be there before it.
Graph = Mapping[str, frozenset[str]]


def dependencies(template: Template, condition: Callable[[str], bool] | None = None) -> dict[str, frozenset[str]]:
    """What each resource needs by Ref, Fn::GetAtt, Fn::Sub and DependsOn, in the order of the template.

    With `condition`, resources whose condition is false are left out (DependsOn on one of them means nothing), and only
    the branches of Fn::If that are taken count. Without, everything does.
    """
    present = {
        name: resource
        for name, resource in template.resources.items()
        if condition is None or resource.condition is None or condition(resource.condition)
    }
    graph = {}
    for name, resource in present.items():
        named = {reference.name for reference in references(taken(expressions(resource), condition))}
        graph[name] = frozenset((named | set(resource.depends_on)) & present.keys())
    return graph


def expressions(resource: Resource) -> list[Any]:
    """The parts of a resource that may hold functions."""
    return [resource.properties, resource.metadata, resource.creation_policy, resource.update_policy]


def taken(value: Any, condition: Callable[[str], bool] | None) -> Any:
    """An expression with the branches of Fn::If that are taken in place of the function."""
    if condition is None:
        return value
    called = function_of(value)
    if called is not None and called[0] == "Fn::If":
        argument = called[1]
        if isinstance(argument, list) and len(argument) == 3 and isinstance(argument[0], str):
            return taken(argument[1 if condition(argument[0]) else 2], condition)
    if isinstance(value, dict):
        return {key: taken(inner, condition) for key, inner in value.items()}
    if isinstance(value, list):
        return [taken(inner, condition) for inner in value]
    return value


def reversed_graph(graph: Graph) -> dict[str, frozenset[str]]:
    """The graph of deletion: a resource goes once all that need it are gone."""
    needing: dict[str, set[str]] = {name: set() for name in graph}
    for name, needed in graph.items():
        for one in needed:
            if one in needing:
                needing[one].add(name)
    return {name: frozenset(names) for name, names in needing.items()}


def check_cycles(graph: Graph) -> None:
    """TemplateError if resources need each other. It names, as CloudFormation does, those on a cycle and behind one."""
    order = Order(graph)
    while ready := order.ready():
        for name in ready:
            order.start(name)
            order.finish(name)
    left = [name for name in graph if name not in order.finished]
    if left:
        raise TemplateError(f"Circular dependency between resources: [{', '.join(left)}]")


def waves(graph: Graph) -> list[list[str]]:
    """The resources in groups: those of a group need only those of the groups before it."""
    order, found = Order(graph), []
    while ready := order.ready():
        found.append(ready)
        for name in ready:
            order.start(name)
        for name in ready:
            order.finish(name)
    return found


class Order:
    """The course of a deployment over a graph: what may start now, as soon as what it needs is finished.

    What failed or was never started keeps those that need it from starting. Not for several threads at a time.
    """

    def __init__(self, graph: Graph, finished: Iterable[str] = ()) -> None:
        self._graph = graph
        self._needed_by = reversed_graph(graph)
        self.finished: set[str] = set()
        self._started: set[str] = set()
        self._waits = {name: sum(one in graph for one in needed) for name, needed in graph.items()}
        self._ready = [name for name in graph if not self._waits[name]]
        for name in finished:
            self.start(name)
            self.finish(name)

    def ready(self) -> list[str]:
        """The names that may start, in the order in which they became ready."""
        return [name for name in self._ready if name not in self._started]

    def start(self, name: str) -> None:
        """Notes that the name is being worked on: it is ready no more."""
        self._started.add(name)

    def finish(self, name: str) -> None:
        """Notes that the name is done; what waited only for it becomes ready."""
        if name in self.finished:
            return
        self.finished.add(name)
        self._ready = [one for one in self._ready if one not in self._started]
        for one in self._graph:
            if one in self._needed_by[name]:
                self._waits[one] -= 1
                if not self._waits[one]:
                    self._ready.append(one)

    @property
    def working(self) -> set[str]:
        """The names that are started and not finished."""
        return self._started - self.finished
