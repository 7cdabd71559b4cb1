"""moto's inside, as the gateway uses it (moto_*.py beside it read its state and change its ways; nothing else does).

tests/gateway/test_moto_contract.py holds all that is used of it.

moto keeps its state in module-level registries, so a process holds one sandbox. This module decodes requests by
moto's models, lets moto answer them, makes its time follow a clock, and reads and writes its IAM store.
"""

from __future__ import annotations

import functools
import importlib
import json
import os
import re
import secrets
import string
import sys
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from types import ModuleType
from typing import Any, cast
from urllib.parse import parse_qs, parse_qsl, unquote_plus

from sandbox.gateway.call import DEFAULT_ACCOUNT, DEFAULT_REGION, MEMBER_ACCOUNT
from sandbox.gateway.message import Request, Response, WsgiEnvironment
from sandbox.gateway.shifted_time import Now, TimeOfPackage


class NotInMoto(Exception):
    """moto has no such service or operation, or not all of it. The text says what is missing."""


# -- changes to moto, made as its modules are imported -------------------------------------------------


def _deny_lambda(module: ModuleType) -> None:
    def refuse(self: object, *_: Any, **__: Any) -> Any:
        raise NotInMoto("a function was about to be invoked by moto, which runs none")

    module.LambdaFunction.invoke = refuse
    module.LambdaBackend.invoke = refuse


def _load_managed_policies(module: ModuleType) -> None:
    module.load_iam_aws_managed_policies = lambda: True  # type: ignore[attr-defined]
    read = module.IAMBackend._init_aws_policies
    first: dict[str, list[Any]] = {}

    def policies_of_account(self: Any) -> list[Any]:
        # moto would read AWS's 1,500 policies again for each account: 60 ms and 16 MB. Their texts are shared.
        if self.partition not in first:
            first[self.partition] = read(self)
        return [_own_copy(policy, self.account_id) for policy in first[self.partition]]

    module.IAMBackend._init_aws_policies = policies_of_account


def _own_copy(policy: Any, account: str) -> Any:
    own = _copy(policy)
    own.account_id = account
    own.tags = {}
    own.versions = [_copy(version) for version in policy.versions]
    return own


def _copy(original: Any) -> Any:
    # A fifth of copy.copy's time.
    made = object.__new__(type(original))
    made.__dict__.update(original.__dict__)
    return made


class _Unchecked:
    """Stands for moto's checks of policies: sandbox.authorisation.documents has made them, as each service does."""

    def __init__(self, document: str) -> None:
        pass

    def validate(self) -> None:
        pass


def _leave_policies_unchecked(module: ModuleType) -> None:
    # moto's refuse policies without Version, which are good as inline and trust policies.
    module.IAMPolicyDocumentValidator = _Unchecked  # type: ignore[attr-defined]
    module.IAMTrustPolicyDocumentValidator = _Unchecked  # type: ignore[attr-defined]


def _announce_messages(module: ModuleType) -> None:
    add_message = module.Queue.add_message

    def add_and_announce(self: Any, message: Any) -> Any:
        result = add_message(self, message)
        for listener in _queue_listeners:
            listener(self.name)
        return result

    module.Queue.add_message = add_and_announce


def _read_only_what_was_decoded(module: ModuleType) -> None:
    # Where a request has no form and no query string, moto takes text in its body, or its headers, for one: a secret's
    # name, or another operation's, in a JSON string would be what is done. `data` is the same dictionary.
    def read(self: Any) -> Any:
        return self._querystring

    def write(self: Any, value: Any) -> None:
        if getattr(_current, "protocol", "query") not in ("query", "ec2"):
            value.clear()
            value.update(parse_qs(self.parsed_url.query, keep_blank_values=True))
        self._querystring = value

    module.BaseResponse.querystring = property(read, write)


def _read_forms_of_form_protocols(module: ModuleType) -> None:
    # The Content-Type of an object in S3 is its own business.
    module.BackendRequest.want_form_data_parsed = property(
        lambda self: getattr(_current, "protocol", "query") in ("query", "ec2")
    )


def _speed_up_responses(module: ModuleType) -> None:
    # Every call lists its class's methods anew, 11 % of moto's time; and every call makes up a request id.
    module.method_names_from_class = functools.cache(module.method_names_from_class)  # type: ignore[attr-defined]

    def current_request_id(headers: dict[str, Any] | None = None) -> str:
        request_id: str = getattr(_current, "request_id", "")
        if headers is not None:
            headers["x-amzn-requestid"] = request_id
        return request_id

    module.gen_amzn_requestid_long = current_request_id  # type: ignore[attr-defined]


def _use_current_request_id(module: ModuleType) -> None:
    original = module.SerializationContext.__init__

    def with_current_id(self: Any, request_id: str | None = None) -> None:
        original(self, request_id or getattr(_current, "request_id", None))

    module.SerializationContext.__init__ = with_current_id


def _quicken_core(module: ModuleType) -> None:
    # SQS asks this five times for each message of a queue in each SendMessage; by way of datetimes that takes long.
    by_way_of_datetime = module.unix_time

    def unix_time(moment: Any = None) -> float:
        return _time.now() if moment is None else cast(float, by_way_of_datetime(moment))

    module.unix_time = unix_time  # type: ignore[attr-defined]
    # Each model's own loader would look through all of botocore's folders first, 15 ms a service.
    module.create_loader = functools.cache(module.create_loader)  # type: ignore[attr-defined]


def _let_objects_go(module: ModuleType) -> None:
    # moto keeps each object that it has ever made in a list of its class, for its dashboard: messages that were
    # deleted, and the whole IAM of a sandbox that has ended. Its S3 goes by these lists when it closes values.
    keeping = module.BaseModel.__new__

    def new(cls: Any, *given: Any, **named: Any) -> Any:
        return keeping(cls) if cls.__module__.startswith("moto.s3.") else object.__new__(cls)

    module.BaseModel.__new__ = new


def _leave_out_cors(module: ModuleType) -> None:
    # Every answer would let every web page read it.
    module.DISABLE_GLOBAL_CORS = True  # type: ignore[attr-defined]


class _LazyBackends:
    """Stands for `moto.ec2.ec2_backends` in moto's SSM: loading EC2 takes a second and 120 MB."""

    def __getitem__(self, account: str) -> Any:
        return importlib.import_module("moto.ec2").ec2_backends[account]


def _import_ssm() -> None:
    if "moto.ec2" in sys.modules or "moto.ssm.models" in sys.modules:
        return
    stand_in = ModuleType("moto.ec2")
    stand_in.ec2_backends = _LazyBackends()  # type: ignore[attr-defined]
    sys.modules["moto.ec2"] = stand_in
    try:
        importlib.import_module("moto.ssm.models")
    finally:
        del sys.modules["moto.ec2"]


_current = threading.local()
_queue_listeners: list[Callable[[str], None]] = []
_time = TimeOfPackage(
    "moto",
    after_import={
        "moto.awslambda.models": _deny_lambda,
        "moto.core.common_models": _let_objects_go,
        "moto.iam.models": _load_managed_policies,
        "moto.sqs.models": _announce_messages,
        "moto.core.responses": _speed_up_responses,
        "moto.core.serialize": _use_current_request_id,
        "moto.core.utils": _quicken_core,
        "moto.moto_server.werkzeug_app": _leave_out_cors,
    },
)
_time.install()


def called_by_aws() -> bool:
    """Whether the call that this thread answers was made by an AWS service."""
    return bool(getattr(_current, "by_aws", False))


def after_import(module: str, change: Callable[[ModuleType], None]) -> None:
    """Have one of moto's modules changed when it is imported, or now if it is."""
    _time.after(module, change)


after_import("moto.iam.models", _leave_policies_unchecked)
after_import("moto.core.responses", _read_only_what_was_decoded)
after_import("moto.moto_server.werkzeug_app", _read_forms_of_form_protocols)

# Only now: the hooks above must see these imports.
import moto.backends  # noqa: E402
from moto.core.base_backend import BackendDict  # noqa: E402
from moto.core.model import OperationModel, ServiceModel  # noqa: E402
from moto.core.parse import PROTOCOL_PARSERS, default_timestamp_parser  # noqa: E402
from moto.core.request import Request as MotoRequest  # noqa: E402
from moto.core.routing import get_service_router  # noqa: E402
from moto.core.serialize import SerializationContext, get_serializer_class  # noqa: E402
from moto.core.utils import get_service_model  # noqa: E402
from moto.moto_api._internal import mock_random  # noqa: E402
from moto.moto_server.werkzeug_app import (  # noqa: E402
    DomainDispatcherApplication,
    MotoRequestHandler,
    create_backend_app,
)
from werkzeug.datastructures import Headers, MultiDict  # noqa: E402
from werkzeug.exceptions import NotFound  # noqa: E402

__all__ = ["MotoRequestHandler", "NotInMoto", "OperationModel", "ServiceModel"]

# -- one sandbox a process -----------------------------------------------------------------------------

_lock = threading.Lock()
_in_use = False
_pristine = True


def begin(now: Now) -> None:
    """Take moto for a sandbox whose time is `now`: empty state, secrets that no seed gives away.

    RuntimeError if another sandbox of this process still has it.
    """
    global _in_use, _pristine
    with _lock:
        if _in_use:
            raise RuntimeError("this process already has a sandbox: close it first (moto's state is the process's)")
        _in_use = True
    _time.now = now
    # moto would prefer it to the account of a call.
    os.environ.pop("MOTO_ACCOUNT_ID", None)
    mock_random.seed(os.urandom(32))
    if not _pristine:
        # reset() makes each backend anew, and then lets go of it: EC2's, with its images, takes half a second.
        for backends in [one for one in BackendDict._instances if one.service_name == "ec2"]:  # type: ignore[misc]
            backends.clear()
        BackendDict.reset()
    _pristine = False


def end() -> None:
    """Give moto back."""
    global _in_use
    _queue_listeners.clear()
    with _lock:
        _in_use = False


def on_message(listener: Callable[[str], None]) -> None:
    """Call `listener` with the queue's name whenever a message has come into a queue, by whatever road."""
    _queue_listeners.append(listener)


# -- models: decode and encode -------------------------------------------------------------------------


@functools.cache
def service_model(service: str) -> ServiceModel:
    """The model of one AWS service by botocore's name; NotInMoto if there is no such service."""
    try:
        return get_service_model(service)
    except Exception as error:
        raise NotInMoto(f"AWS has no service named {service!r}") from error


@functools.cache
def operation_names(service: str) -> frozenset[str]:
    return frozenset(service_model(service).operation_names)


@functools.cache
def operation_model(service: str, operation: str) -> OperationModel:
    model: OperationModel = service_model(service).operation_model(operation)
    return model


def route(service: str, request: Request) -> tuple[str, dict[str, Any]] | None:
    """A REST service's operation for a request, and the parameters in its path; None if nothing matches."""
    try:
        operation, parameters = get_service_router(service).match(MotoRequest(request.environ()))
    except (NotFound, NotImplementedError):
        return None
    return str(operation.name), parameters


def parse(model: OperationModel, protocol: str, request: Request, path_parameters: Mapping[str, Any]) -> dict[str, Any]:
    """The operation's parameters in botocore's shape. A request that is none raises what its parser raises."""
    values: MultiDict[str, str] = MultiDict(request.query_pairs())
    if protocol in ("query", "ec2") and request.body:
        values.update(form_pairs(request.body))
    parser = PROTOCOL_PARSERS[protocol](model, timestamp_parser=_moment)
    return dict(
        parser.parse(
            {
                "method": request.method,
                "values": values,
                "headers": Headers(list(request.headers.items())),
                "body": request.body,
                "url_path": request.path,
                "url_params": dict(path_parameters),
            }
        ),
    )


def _moment(value: Any) -> datetime:
    """A time as moto keeps it, naive and in UTC. For numbers its own way, over this machine's zone, takes long."""
    if isinstance(value, int | float):
        try:
            return datetime.fromtimestamp(value, UTC).replace(tzinfo=None)
        except (OverflowError, ValueError, OSError):
            pass
    moment: datetime = default_timestamp_parser(value)
    return moment


def form_pairs(body: bytes) -> list[tuple[str, str]]:
    """The names and values of a form's body."""
    return parse_qsl(body.decode(), keep_blank_values=True)


def form_pair(part: str) -> tuple[str, bool, str]:
    """The name of one part of a query string, whether it has a value, and the value."""
    name, equals, value = part.partition("=")
    return unquote_plus(name), bool(equals), unquote_plus(value)


def serialise(model: OperationModel, protocol: str, result: Any, request_id: str) -> Response:
    """A result in the service's own protocol."""
    serializer = get_serializer_class(model.service_model.service_name, protocol)(
        model, context=SerializationContext(request_id)
    )
    serialised = serializer.serialize(result)
    body = serialised["body"]
    return Response(
        serialised["status_code"],
        dict(serialised["headers"]),
        xml_text(body).encode() if isinstance(body, str) else body,
    )


#: What no document may hold, not even escaped: https://www.w3.org/TR/xml/#charsets
_NOT_IN_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def xml_text(text: str) -> str:
    """The text with the replacement character for what XML can't hold: no client could read the answer."""
    return _NOT_IN_XML.sub("\ufffd", text)


# -- answers -------------------------------------------------------------------------------------------

_dispatcher = DomainDispatcherApplication(create_backend_app)
_apps: dict[str, Callable[..., Iterable[bytes]]] = {}
_app_lock = threading.Lock()


@functools.cache
def _modules() -> frozenset[str]:
    return frozenset(moto.backends.list_of_moto_modules())


def _app(service: str, signing_name: str, environ: WsgiEnvironment) -> Callable[..., Iterable[bytes]]:
    app = _apps.get(service)
    if app is None:
        with _app_lock:
            if service == "ssm":
                _import_ssm()
            try:
                app = _dispatcher.get_application(_of_a_service(environ))
            except Exception as error:
                raise NotInMoto(f"the service {signing_name!r} is not among those it holds") from error
            _apps[service] = app
    return app


#: Paths that moto would take for its own: its state for all to read and reset, a machine's metadata.
_MOTO_PATHS = ("/moto-api", "/favicon.ico", "/latest/meta-data/", "/latest/api/")


def _of_a_service(environ: WsgiEnvironment) -> WsgiEnvironment:
    """For the choice of an application: the environment without a path that would lead to none of AWS's services."""
    if str(environ.get("PATH_INFO", "")).startswith(_MOTO_PATHS):
        return {**environ, "PATH_INFO": "/"}
    return environ


def _authorization(access_key: str, region: str, signing_name: str) -> str:
    scope = f"{access_key}/20200101/{region}/{signing_name}/aws4_request"
    return f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=verified"


def preload(services: Mapping[str, str]) -> None:
    """Load moto's parts for these services (botocore's name to signing name), so that first calls are quick."""
    for service, signing_name in services.items():
        service_model(service)
        if service == "lambda":
            get_service_router("lambda")
            continue
        _app(
            service,
            signing_name,
            {
                "HTTP_AUTHORIZATION": _authorization("-", DEFAULT_REGION, signing_name),
                "HTTP_X_AMZ_TARGET": "DynamoDB_20120810.ListTables",
                "HTTP_HOST": "127.0.0.1",
                "PATH_INFO": "/",
            },
        )
    for account in (DEFAULT_ACCOUNT, MEMBER_ACCOUNT):
        _iam(account)


def answer(
    service: str,
    operation: str,
    request: Request,
    *,
    access_key: str,
    protocol: str,
    signing_name: str,
    account: str,
    region: str,
    request_id: str,
    by_aws: bool = False,
) -> Response:
    """What moto answers in `account`; NotInMoto if it can't. Any other exception is a fault inside moto.

    `by_aws` says that an AWS service calls, in its own name or a caller's.
    """
    if service.replace("-", "") not in _modules():
        # moto goes by the signing name, and another service of that name would answer.
        raise NotInMoto(f"the service {service!r} is not among those it holds")
    if signing_name == "s3express":
        raise NotInMoto("there are no directory buckets (S3 Express One Zone)")
    environ = request.environ()
    # moto takes service and region from this header; presigned and anonymous requests have none.
    environ["HTTP_AUTHORIZATION"] = _authorization(access_key, region, signing_name)
    # And the account from this one, which a client may not choose.
    environ["HTTP_X_MOTO_ACCOUNT_ID"] = account
    # Some SDKs name a region in their user agent, and moto would prefer it. Empty headers break its parameters.
    environ.pop("HTTP_USER_AGENT", None)
    app = _app(service, signing_name, environ)
    started: list[Any] = []

    def start_response(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Callable[[bytes], None]:
        started[:] = [int(status.split(" ", 1)[0]), headers]
        return lambda data: None

    _current.request_id = request_id
    _current.protocol = protocol
    _current.by_aws = by_aws
    try:
        chunks = app(environ, start_response)
        try:
            payload = b"".join(chunks)
        finally:
            close = getattr(chunks, "close", None)
            if close is not None:
                close()
    except NotImplementedError as error:
        raise NotInMoto(str(error) or "not implemented") from error
    status, header_list = started
    if status >= 400 and payload[:64].lstrip().lower().startswith((b"<!doctype html", b"<html")):
        raise NotInMoto(f"nothing answers {request.method} {request.path}")
    return Response(status, dict(header_list), payload)


# -- IAM -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class UserKey:
    """A user's access key."""

    account: str
    access_key_id: str
    secret: str
    active: bool
    user_name: str
    user_arn: str
    user_id: str


@dataclass(frozen=True, slots=True)
class Role:
    """A role: what STS needs of it."""

    name: str
    arn: str
    role_id: str
    trust_policy: str
    max_session_seconds: int


@dataclass(frozen=True, slots=True)
class OidcProvider:
    """An OpenID Connect identity provider of an account. `url` is without its scheme."""

    arn: str
    url: str
    client_ids: tuple[str, ...]


ADMINISTRATOR_ACCESS = "arn:aws:iam::aws:policy/AdministratorAccess"


@functools.cache
def _iam_accounts() -> Any:
    """moto's IAM by account. Asked for one that is not there (but by `get`), it would make it."""
    return importlib.import_module("moto.iam.models").iam_backends


def _iam(account: str = DEFAULT_ACCOUNT) -> Any:
    return _iam_accounts()[account]["aws"]


def has_account(account: str) -> bool:
    """Whether there is such an account."""
    return account in _iam_accounts()


def open_account(account: str, role_name: str, trust_policy: str) -> None:
    """Make an account, with one role in it that may do everything."""
    backend = _iam(account)
    backend.create_role(role_name, trust_policy, "/", None, "", [], "3600")
    backend.attach_role_policy(ADMINISTRATOR_ACCESS, role_name)


def find_key(access_key_id: str) -> UserKey | None:
    """The user's key with this id, in whichever account, active or not."""
    for account, partitions in list(_iam_accounts().items()):
        backend = partitions.get("aws")
        key = backend.access_keys.get(access_key_id) if backend is not None else None
        if key is None or key.user_name is None:
            continue
        user = backend.users.get(key.user_name)
        if user is not None and key in user.access_keys:
            return UserKey(
                account, access_key_id, key.secret_access_key, key.status == "Active", user.name, user.arn, user.id
            )
    return None


def find_oidc_provider(account: str, url: str) -> OidcProvider | None:
    """The account's OpenID Connect provider with this URL (`https://...`)."""
    wanted = url.removeprefix("https://").rstrip("/")
    for provider in list(_iam(account).open_id_providers.values()):
        if provider.url.rstrip("/") == wanted:
            return OidcProvider(provider.arn, provider.url, tuple(provider.client_id_list))
    return None


def find_role(role_arn: str) -> Role | None:
    """The role with this ARN."""
    account = role_arn.split(":")[4] if role_arn.count(":") >= 5 else ""
    if not has_account(account):
        return None
    for role in list(_iam(account).roles.values()):
        if role.arn == role_arn:
            return Role(
                role.name,
                role.arn,
                role.id,
                role.assume_role_policy_document or "{}",
                int(role.max_session_duration or 3600),
            )
    return None


def create_administrator(user_name: str) -> UserKey:
    """A user with the policy AdministratorAccess and an access key, its secret from the system's randomness."""
    backend = _iam()
    backend.create_user(DEFAULT_REGION, user_name)
    backend.attach_user_policy(ADMINISTRATOR_ACCESS, user_name)
    key = backend.create_access_key(user_name)
    key.secret_access_key = new_secret()
    found = find_key(key.access_key_id)
    assert found is not None
    return found


def new_secret() -> str:
    """A secret access key: 40 characters that nobody can guess."""
    alphabet = string.ascii_letters + string.digits + "+/"
    return "".join(secrets.choice(alphabet) for _ in range(40))


# -- S3 and KMS: whose a thing is whose name does not tell ---------------------------------------------


def bucket_account(bucket: str) -> str | None:
    """The account that owns a bucket; None if there is no such bucket."""
    # A module that another thread is importing is there, and its stores are not yet.
    stores = getattr(sys.modules.get("moto.s3.models"), "s3_backends", None)
    owner = stores.bucket_accounts.get(bucket) if stores is not None else None
    return str(owner[1]) if owner is not None else None


#: Of what KMS encrypts, moto writes the key's id first.
_KEY_ID_BYTES = 36


def key_of_ciphertext(ciphertext: bytes, region: str) -> str | None:
    """The ARN of the KMS key that encrypted this; None if no account has it in that Region."""
    stores = getattr(sys.modules.get("moto.kms.models"), "kms_backends", None)
    if stores is None:
        return None
    key_id = ciphertext[:_KEY_ID_BYTES].decode("ascii", "replace")
    for account in list(stores):
        # Not by indexing: that makes what is asked for, or fails.
        backend = dict.get(stores[account], region)
        key = backend.keys.get(key_id) if backend is not None else None
        if key is not None:
            return str(key.arn)
    return None


# -- SQS -----------------------------------------------------------------------------------------------


def _queue(account: str, region: str, queue_name: str) -> Any:
    if not has_account(account):
        return None
    return importlib.import_module("moto.sqs.models").sqs_backends[account][region].queues.get(queue_name)


def queue_wait_seconds(region: str, queue_name: str, account: str = DEFAULT_ACCOUNT) -> int:
    """A queue's ReceiveMessageWaitTimeSeconds; 0 if there is no such queue."""
    queue = _queue(account, region, queue_name)
    return int(queue.receive_message_wait_time_seconds or 0) if queue is not None else 0


def next_visible_at(region: str, queue_name: str, account: str = DEFAULT_ACCOUNT) -> float | None:
    """When the next message of a queue that can't be seen yet comes in sight, Unix seconds; None if there is none."""
    queue = _queue(account, region, queue_name)
    if queue is None:
        return None
    times = [max(message.visible_at, message.delayed_until) / 1000 for message in list(queue._messages)]
    now = _time.now()
    return min((at for at in times if at > now), default=None)


def error_of(response: Response) -> tuple[str, str] | None:
    """Code and message of an error response in any protocol; None for success."""
    if response.status < 400:
        return None
    header = next((value for name, value in response.headers.items() if name.lower() == "x-amzn-errortype"), "")
    text = response.body[:4096].decode("utf-8", "replace")
    if text.lstrip().startswith("{"):
        try:
            content = json.loads(response.body)
        except ValueError:
            content = {}
        code = str(content.get("__type") or content.get("code") or header).split("#")[-1]
        return code or str(response.status), str(content.get("message") or content.get("Message") or "")
    return _between(text, "<Code>", "</Code>") or str(response.status), _between(text, "<Message>", "</Message>")


def _between(text: str, start: str, end: str) -> str:
    _, found, rest = text.partition(start)
    return rest.partition(end)[0] if found else ""
