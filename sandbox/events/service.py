"""The EventBridge service: events to rules, rules to targets, and schedules.

Buses, their policies and tags are moto's; what a later part brings is refused by name.
https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_Operations.html
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sandbox.clock import Clock
from sandbox.compute.background import Background
from sandbox.events.api_destinations import ApiDestinations
from sandbox.events.buses import DEFAULT_BUS, Buses
from sandbox.events.connections import Connections
from sandbox.events.delivery import Delivery, Metrics
from sandbox.events.event import make_event
from sandbox.events.http_calls import Resolve
from sandbox.events.put_events import PutEvents
from sandbox.events.rules import Rules
from sandbox.events.targets import Compute, Logs, StartExecution, Targets
from sandbox.events.timetable import Place, Timetable
from sandbox.gateway import moto_events
from sandbox.gateway.call import Operation
from sandbox.gateway.moto_deliveries import Judge

#: Threads for events of services: with one they come in their order.
WORKERS = 1

_ARCHIVES = "events are neither archived nor replayed yet"
_PARTNERS = "there are no partners here that would send events"
_ENDPOINTS = "global endpoints are not built"

REFUSED: Mapping[str, str] = {
    **dict.fromkeys(
        (
            "CancelReplay",
            "CreateArchive",
            "DeleteArchive",
            "DescribeArchive",
            "DescribeReplay",
            "ListArchives",
            "ListReplays",
            "StartReplay",
            "UpdateArchive",
        ),
        _ARCHIVES,
    ),
    **dict.fromkeys(
        (
            "ActivateEventSource",
            "CreatePartnerEventSource",
            "DeactivateEventSource",
            "DeletePartnerEventSource",
            "DescribeEventSource",
            "DescribePartnerEventSource",
            "ListEventSources",
            "ListPartnerEventSourceAccounts",
            "ListPartnerEventSources",
            "PutPartnerEvents",
        ),
        _PARTNERS,
    ),
    **dict.fromkeys(
        ("CreateEndpoint", "DeleteEndpoint", "DescribeEndpoint", "ListEndpoints", "UpdateEndpoint"), _ENDPOINTS
    ),
}


class EventBridge:
    """The service `events`. `start_execution` starts state machines; `resolve` tells where an AWS URL is answered."""

    name = "events"
    whole = False

    def __init__(
        self,
        clock: Clock,
        compute: Compute,
        logs: Logs,
        metrics: Metrics,
        client: Callable[[str, str], Any],
        judge: Judge,
        start_execution: StartExecution,
        resolve: Resolve,
    ) -> None:
        connections = Connections()
        destinations = ApiDestinations(connections)
        targets = Targets(clock, compute, logs, client, judge, start_execution, destinations, resolve)
        self._clock = clock
        self._delivery = Delivery(clock, targets, metrics)
        self._buses = Buses(self._delivery, targets)
        self._background = Background(clock, "events", WORKERS)
        self._timetable = Timetable(clock, self._due)
        rules = Rules(targets, self._changed)
        self.operations: Mapping[str, Operation] = {
            **rules.operations,
            **PutEvents(clock, self._buses).operations,
            **connections.operations,
            **destinations.operations,
        }
        self.refused: Mapping[str, str] = REFUSED

    def send(
        self,
        source: str,
        detail_type: str,
        detail: Mapping[str, Any],
        *,
        account: str,
        region: str,
        resources: Sequence[str] = (),
        at: float | None = None,
    ) -> None:
        """Put an event of a service (`aws.s3`) on an account's default bus; `at` is its time, Unix seconds."""
        event = make_event(
            source,
            detail_type,
            detail,
            account=account,
            region=region,
            at=self._clock.now() if at is None else at,
            ingested=self._clock.now(),
            resources=resources,
        )
        # Not on the service's own thread, which may hold what delivering takes.
        self._background.do(lambda: self._buses.put(event, account, region))

    def close(self) -> None:
        """Deliver no more events of services, and none to HTTP endpoints."""
        self._background.close()
        self._delivery.close()

    # -- schedules ---------------------------------------------------------------------------------------------

    def _changed(self, rule: Any, deleted: bool) -> None:
        if rule.event_bus_name == DEFAULT_BUS:
            planned = None if deleted or rule.state == "DISABLED" else rule.scheduled_expression
            self._timetable.plan((rule.account_id, rule.region_name, rule.name), planned)

    def _due(self, place: Place, at: float) -> None:
        """https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-run-lambda-schedule.html"""
        account, region, name = place
        bus = moto_events.find_bus(account, region, DEFAULT_BUS)
        rule = moto_events.find_rule(bus, name)
        if rule is None:
            return
        event = make_event(
            "aws.events", "Scheduled Event", {}, account=account, region=region, at=at, resources=(rule.arn,)
        )
        self._buses.trigger(rule, event)
