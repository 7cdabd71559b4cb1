"""moto's engine of the Amazon States Language, and what it must be told: whose rights, whose time, whose end.

moto has the engine, but leaves it off: it calls an endpoint of its own with nobody's credentials, waits by the wall,
keeps every thread that it ever started, and lets an execution that fails inside run for ever. Here tasks act through
the gateway with the role of the machine, waits are of sandbox time, and executions are logged as the machine says.
The engine is loaded with the first call to Step Functions: a second, and some 20 MB.
https://docs.aws.amazon.com/step-functions/latest/dg/concepts-amazon-states-language.html

tests/test_state_machines.py holds what is used of moto here.
"""

from __future__ import annotations

import enum
import functools
import json
import logging
import re
import sys
import threading
import uuid
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from types import ModuleType, SimpleNamespace
from typing import Any, NoReturn, Protocol

from botocore.exceptions import ClientError

from sandbox.gateway import machine_definitions, moto_adapter, moto_machine_time
from sandbox.waiting import Waiting

log = logging.getLogger(__name__)

_PARSER = "moto.stepfunctions.parser"
_ASL = f"{_PARSER}.asl"
_STATES = f"{_ASL}.component.state"
_TASKS = f"{_STATES}.exec.state_task"


class Machines(Protocol):
    """What state machines need of the sandbox."""

    waiting: Waiting

    def now(self) -> float:
        """Sandbox time, Unix seconds."""

    def client(self, service: str, region: str, role_arn: str) -> Any:
        """A boto3 client with the rights of a machine's role. ClientError if the role can't be assumed."""

    def assumes(self, role_arn: str, region: str) -> bool:
        """Whether Step Functions may assume a role in a Region."""

    def may_log(self, role_arn: str) -> bool:
        """Whether a role may have executions logged."""

    def log(self, group_arn: str, stream: str, time_ms: int, message: str) -> None:
        """Write one event of an execution's log."""


_machines: Machines | None = None


def run_by(machines: Machines | None) -> None:
    """Let executions run in these surroundings; with None no execution can be started."""
    global _machines
    _machines = machines
    moto_machine_time.wait_by(machines.waiting if machines is not None else None)


def _surroundings() -> Machines:
    if _machines is None:
        raise RuntimeError("no sandbox runs state machines")
    return _machines


def install() -> None:
    """Have moto changed when it loads Step Functions, and its engine when that is loaded."""
    changes: Mapping[str, Callable[[ModuleType], None]] = {
        "moto.stepfunctions.responses": _use_the_engine,
        f"{_PARSER}.models": _start_well,
        f"{_PARSER}.utils": _forget_threads,
        f"{_PARSER}.backend.execution_worker": _end_in_any_case,
        f"{_ASL}.utils.boto_client": _act_with_the_role,
        f"{_ASL}.utils.json_path": _find_as_paths_say,
        f"{_TASKS}.state_task_lambda": _name_errors_of_functions,
    }
    for name, change in changes.items():
        moto_adapter.after_import(name, change)
    moto_machine_time.install()


# -- loading -----------------------------------------------------------------------------------------------


def _use_the_engine(responses: ModuleType) -> None:
    def get_backend(account: str, region: str) -> Any:
        return _engine().stepfunctions_parser_backends[account][region]

    def stop_execution(self: Any) -> Any:
        # moto's lets fall what the caller says of it, and tells no time.
        execution = self.stepfunction_backend.describe_execution(self._get_param("executionArn"))
        if execution.stop_date is None:
            error, cause = self._get_param("error"), self._get_param("cause")
            execution.stop(_now(), error, cause)
            execution.stop_date, execution.error, execution.cause = _now(), error, cause
        return responses.ActionResult({"stopDate": execution.stop_date})

    responses.get_backend = get_backend  # type: ignore[attr-defined]
    responses.StepFunctionResponse.stop_execution = stop_execution


def _now() -> datetime:
    return datetime.fromtimestamp(_surroundings().now(), UTC)


_loading = threading.Lock()


class _JobStatus(enum.Enum):
    """Stands for moto's, whose package would load EC2 and ECS: a second and 120 MB."""

    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"


def _engine() -> Any:
    with _loading:
        loaded = sys.modules.get(f"{_PARSER}.models")
        if loaded is not None:
            return loaded
        package, utils = ModuleType("moto.batch"), ModuleType("moto.batch.utils")
        utils.JobStatus = _JobStatus  # type: ignore[attr-defined]
        stand_ins = {} if "moto.batch" in sys.modules else {"moto.batch": package, "moto.batch.utils": utils}
        sys.modules.update(stand_ins)
        try:
            import moto.stepfunctions.parser.models as engine
        finally:
            for name in stand_ins:
                sys.modules.pop(name, None)
        # What went wrong stands in an execution's history: not on the console too.
        logging.getLogger(_PARSER).setLevel(logging.CRITICAL)
        # Where authorising looks for the machines' tags.
        sys.modules["moto.stepfunctions.models"].stepfunctions_backends = (  # type: ignore[attr-defined]
            engine.stepfunctions_parser_backends
        )
        return engine


# -- rights ------------------------------------------------------------------------------------------------


def _act_with_the_role(module: ModuleType) -> None:
    def boto_client_for(region: str, service: str, state_credentials: Any = None) -> Any:
        return _surroundings().client(service, region, str(getattr(state_credentials, "role_arn", "")))

    module.boto_client_for = boto_client_for  # type: ignore[attr-defined]


def _start_well(module: ModuleType) -> None:
    backend = module.StepFunctionsParserBackend
    create, update, start = backend.create_state_machine, backend.update_state_machine, backend.start_execution
    delete = backend.delete_state_machine

    def create_state_machine(self: Any, name: str, definition: str, roleArn: str, *rest: Any, **settings: Any) -> Any:
        _check_definition(definition, settings.get("sm_type"))
        _check_role(roleArn, self.region_name, settings.get("loggingConfiguration"))
        return create(self, name, definition, roleArn, *rest, **settings)

    def check(definition: str) -> None:
        try:
            module.AmazonStateLanguageParser.parse(definition)
        except Exception as error:
            bad = machine_definitions.Bad(f"SCHEMA_VALIDATION_FAILED: {error}")
            _refuse(bad.code, bad.message)

    def update_state_machine(
        self: Any, arn: str, definition: str | None = None, role_arn: str | None = None, **settings: Any
    ) -> Any:
        machine = self.describe_state_machine(arn)
        if definition is not None:
            _check_definition(definition, machine.type)
        logging_configuration = settings.get("logging_configuration")
        if role_arn is not None or logging_configuration is not None:
            _check_role(role_arn or machine.roleArn, self.region_name, logging_configuration)
        return update(self, arn, definition, role_arn, **settings)

    def start_execution(self: Any, state_machine_arn: str, name: str | None = None, *rest: Any, **details: Any) -> Any:
        if name:
            self._validate_name(name)
        return start(self, state_machine_arn, name or str(uuid.uuid4()), *rest, **details)

    def delete_state_machine(self: Any, arn: str) -> None:
        # Its executions end with it, sooner or later.
        for machine in [each for each in self.state_machines if each.arn == arn]:
            for execution in [each for each in machine.executions if each.stop_date is None]:
                execution.stop(_now(), None, None)
        delete(self, arn)

    backend.delete_state_machine = delete_state_machine
    backend._validate_definition = staticmethod(check)
    backend.create_state_machine = create_state_machine
    backend.update_state_machine = update_state_machine
    backend.start_execution = start_execution
    _log_executions(sys.modules[f"{_PARSER}.backend.execution"])


def _refuse(kind: str, message: str) -> NoReturn:
    from moto.core.exceptions import AWSError

    raise type(kind, (AWSError,), {"TYPE": kind, "STATUS": 400})(message)


def _check_definition(definition: str, kind: str | None) -> None:
    """What the engine would fail at when it comes to it is refused here."""
    try:
        machine_definitions.check(definition, kind)
    except machine_definitions.Bad as error:
        _refuse(error.code, error.message)


def _check_role(role_arn: str, region: str, logs: Mapping[str, Any] | None) -> None:
    """https://docs.aws.amazon.com/step-functions/latest/dg/procedure-create-iam-role.html,
    https://docs.aws.amazon.com/step-functions/latest/dg/cw-logs.html
    """
    machines = _surroundings()
    if not machines.assumes(role_arn, region):
        _refuse(
            "AccessDeniedException",
            "Neither the global service principal states.amazonaws.com, nor the regional one is authorized to assume "
            "the provided role.",
        )
    if logs and logs.get("level", "OFF") != "OFF":
        if _group_of(logs) is None:
            _refuse(
                "InvalidLoggingConfiguration",
                "Invalid Logging Configuration: Must specify exactly one Log Destination.",
            )
        if not machines.may_log(role_arn):
            _refuse(
                "AccessDeniedException",
                "The state machine IAM Role is not authorized to access the Log Destination",
            )


def _name_errors_of_functions(module: ModuleType) -> None:
    """The errors of Lambda itself, not of a function, have names of their own, by which Retry and Catch tell them.

    https://docs.aws.amazon.com/step-functions/latest/dg/bp-lambda-serviceexception.html
    """
    name = module.StateTaskLambda._from_error

    def from_error(self: Any, env: Any, ex: Exception) -> Any:
        failure = name(self, env, ex)
        if isinstance(ex, ClientError):
            code = str(ex.response["Error"]["Code"])
            # What Lambda's model does not know (AccessDeniedException) is known by the client's general name.
            known = code in moto_adapter.service_model("lambda").shape_names
            failure.error_name.error_name = f"Lambda.{code if known else 'AWSLambdaException'}"
            failure.event_details["lambdaFunctionFailedEventDetails"]["error"] = failure.error_name.error_name
        return failure

    module.StateTaskLambda._from_error = from_error


# -- paths -------------------------------------------------------------------------------------------------

#: What makes a path lead to any number of values: wildcards, descents, slices, filters, several indices.
_INDEFINITE = re.compile(r"\*|\.\.|\[[^\]']*[:?,]")


def _find_as_paths_say(module: ModuleType) -> None:
    """A path that leads to one place gives what is there, any other a list, with nothing in it if there is nothing.

    moto goes by what it has found: `$.lines[0].price` gives it a list.
    https://docs.aws.amazon.com/step-functions/latest/dg/amazon-states-language-paths.html
    """
    parse = functools.lru_cache(maxsize=1024)(module.parse)

    def extract_json(path: str, data: Any) -> Any:
        found = [match.value for match in parse(path).find(data)]
        if _INDEFINITE.search(path):
            return found
        if not found:
            raise module.NoSuchJsonPathError(json_path=path, data=data)
        return found[0]

    module.extract_json = extract_json  # type: ignore[attr-defined]


# -- logs --------------------------------------------------------------------------------------------------


def _group_of(logs: Mapping[str, Any]) -> str | None:
    destinations = logs.get("destinations") or []
    if len(destinations) != 1:
        return None
    arn = (destinations[0].get("cloudWatchLogsLogGroup") or {}).get("logGroupArn")
    return str(arn) if arn else None


class _Log:
    """An execution's log, as the engine's event manager knows one.

    https://docs.aws.amazon.com/step-functions/latest/dg/cw-logs.html
    """

    class _Configuration:
        def __init__(self, include: bool) -> None:
            self.include_execution_data = include

    def __init__(self, machine: Any, execution_arn: str, group: str, enabled: Callable[..., bool]) -> None:
        given = machine.loggingConfiguration
        self.execution_arn = execution_arn
        self.configuration = self._Configuration(bool(given.get("includeExecutionData")))
        self._level = given.get("level")
        self._group = group
        self._enabled = enabled
        begun = _now()
        self._stream = f"states/{machine.name}/{begun:%Y-%m-%d-%H-%M}/{uuid.uuid4().hex[:8]}"

    def log_level_filter(self, history_event_type: Any) -> bool:
        return self._enabled(log_level=self._level, history_event_type=history_event_type)

    def publish_history_log(self, history_log: Mapping[str, Any]) -> None:
        now = int(_surroundings().now() * 1000)
        message = {
            "id": history_log["id"],
            "type": str(getattr(history_log["type"], "value", history_log["type"])),
            "details": history_log.get("details") or {},
            "redrive_count": "0",
            "previous_event_id": history_log["previous_event_id"],
            "event_timestamp": str(now),
            "execution_arn": self.execution_arn,
        }
        _surroundings().log(self._group, self._stream, now, json.dumps(message, separators=(",", ":"), default=str))


def _log_executions(module: ModuleType) -> None:
    begin = module.Execution.start
    enabled = sys.modules[f"{_ASL}.eval.event.logging"].is_logging_enabled_for

    def start(self: Any) -> None:
        logs = self.state_machine.loggingConfiguration or {}
        group = _group_of(logs)
        if logs.get("level", "OFF") != "OFF" and group is not None:
            self._cloud_watch_logging_session = _Log(self.state_machine, self.exec_arn, group, enabled)
        begin(self)

    reflect = module.BaseExecutionWorkerCommunication._reflect_execution_status

    def reflect_status(self: Any) -> None:
        execution = self.execution
        end = SimpleNamespace(exec_worker=execution.exec_worker)
        reflect(SimpleNamespace(execution=end))
        if hasattr(end, "output"):
            # moto would give a text as it is, which is no JSON, and nothing for null.
            end.output = json.dumps(end.output, separators=(",", ":"), ensure_ascii=False)
        # Its status comes last: with it all else is to be there.
        for name in ("output", "error", "cause", "stop_date", "exec_status"):
            if hasattr(end, name):
                setattr(execution, name, getattr(end, name))

    module.Execution.start = start
    module.BaseExecutionWorkerCommunication._reflect_execution_status = reflect_status


# -- ends --------------------------------------------------------------------------------------------------


class _Forgetful(list[Any]):
    """moto puts each of its threads into a list, and never takes one out."""

    def append(self, thread: Any) -> None:
        pass


def _forget_threads(module: ModuleType) -> None:
    module.TMP_THREADS = _Forgetful()  # type: ignore[attr-defined]


def _end_in_any_case(module: ModuleType) -> None:
    worker = module.ExecutionWorker
    run, surround = worker._execution_logic, worker._get_evaluation_environment

    def execution_logic(self: Any) -> None:
        try:
            run(self)
        except Exception as error:
            log.exception("an execution failed inside the engine")
            execution = self._execution_communication.execution
            execution.stop_date = _now()
            execution.error, execution.cause = "States.Runtime", f"{type(error).__name__}: {error}"
            execution.exec_status = sys.modules[f"{_PARSER}.api"].ExecutionStatus.FAILED
        finally:
            self.begun.set()

    def environment(self: Any) -> Any:
        self.env = surround(self)
        self.begun.set()
        return self.env

    def start(self: Any) -> None:
        # Until it has its surroundings an execution can be neither described nor stopped.
        self.begun = threading.Event()
        moto_machine_time.thread(self._execution_logic).start()
        self.begun.wait()

    worker._execution_logic = execution_logic
    worker._get_evaluation_environment = environment
    worker.start = start
