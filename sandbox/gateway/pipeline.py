"""The gateway: one endpoint, and the one way that every call takes through it.

Decode (service, operation, parameters), identify (signature to principal), authorise, answer (a service of ours,
else moto), record (CloudTrail).
"""

from __future__ import annotations

import dataclasses
import functools
import logging
import secrets
import threading
import uuid
from collections.abc import Callable, Mapping
from typing import Any

import boto3

from sandbox.authorisation.issuer import Issuer
from sandbox.authorisation.organization import ACCESS_ROLE, ACCESS_ROLE_TRUST, Organization
from sandbox.authorisation.organization_operations import Organizations
from sandbox.authorisation.trust import trusts_service
from sandbox.clock import Clock
from sandbox.deliveries.s3_operations import S3Notifications
from sandbox.deliveries.subscriptions import check_messaging
from sandbox.gateway import (
    decode,
    moto_adapter,
    moto_cognito,
    moto_deletions,
    moto_deliveries,
    moto_ec2,
    moto_events,
    moto_iam,
    moto_oidc,
    moto_partiql,
    moto_policies,
    moto_secrets,
    moto_stepfunctions,
    moto_tables,
    moto_tags,
    refusals,
    signature,
    wire,
)
from sandbox.gateway.answer import Answer, Answerer, Asked
from sandbox.gateway.authorise import AllowAll, Authoriser
from sandbox.gateway.call import DEFAULT_ACCOUNT, DEFAULT_REGION, MEMBER_ACCOUNT, AwsError, Call, Principal, Service
from sandbox.gateway.canonical import canonical
from sandbox.gateway.control import Control, Resolve
from sandbox.gateway.identify import Key, identify, malformed
from sandbox.gateway.message import Request, Response
from sandbox.gateway.owner import answering_account, expect_bucket_owner
from sandbox.gateway.record import Trail, is_read_only
from sandbox.gateway.server import Server
from sandbox.gateway.services import LABS_SERVICES
from sandbox.gateway.sessions import Sessions
from sandbox.gateway.sts import Sts
from sandbox.isolation import isolated_session, local_config

log = logging.getLogger(__name__)

#: Looks at a call that is allowed, before it is answered; raises AwsError if it can't be (a malformed policy, say).
Check = Callable[[Call], None]

#: Called after each call that succeeded, with what one of our services returned (None if moto answered).
Listener = Callable[[Call, Mapping[str, Any] | None], None]

#: The sandbox itself: it acts for nobody, and nobody judges it.
PLATFORM = "coldstart.amazonaws.com"

for _part in (
    moto_cognito,
    moto_deletions,
    moto_iam,
    moto_oidc,
    moto_policies,
    moto_secrets,
    moto_tables,
    moto_tags,
    moto_deliveries,
    moto_ec2,
    moto_events,
    moto_partiql,
    moto_stepfunctions,
):
    _part.install()


def preload() -> None:
    """Load what the labs use, before the first request (or before forking). Starts no thread."""
    moto_adapter.preload(LABS_SERVICES)
    moto_adapter.operation_names(Organizations.name)
    for service in ("sqs", "sns", "lambda"):
        _session().client(service, endpoint_url="http://127.0.0.1:9", config=local_config(service))


@functools.cache
def _session() -> boto3.Session:
    """What the gateway's own clients are made of; each is given its credentials."""
    return isolated_session({"AWS_ACCESS_KEY_ID": "-", "AWS_SECRET_ACCESS_KEY": "-"}, DEFAULT_REGION)


class Gateway:
    """The endpoint of one sandbox. A process has one at a time: moto's state is the process's.

    `learner` and `judge` are the credentials (AWS_* variables) of the two administrators that every sandbox begins
    with. `seed` is what services take their random choices from; secrets never come from it.
    """

    def __init__(self, clock: Clock, *, seed: int = 0, control: bool = True) -> None:
        self.clock = clock
        self.seed = seed
        self.authoriser: Authoriser = AllowAll()
        self.endpoint_url = ""
        self._checks: list[Check] = [expect_bucket_owner, check_messaging]
        self._listeners: list[Listener] = []
        self._server: Server | None = None
        self._names: Server | None = None
        self._closed = False
        moto_adapter.begin(clock.now)
        try:
            self.organization = Organization(clock)
            self.issuer = Issuer(clock)
            self._control = Control(clock, open_=control)
            self._control.add(self.issuer.resolve)
            self._answerer = Answerer(clock)
            self._sessions = Sessions(clock)
            self._trail = Trail(clock)
            self.add(Sts(clock, self._sessions, self.organization, self.issuer.keys))
            self.add(Organizations(self.organization, self._open_account))
            self.add(S3Notifications(clock))
            self.add(self._trail)
            self.learner = self._administrator("learner")
            self.judge = self._administrator("coldstart-judge")
            self._open_account(MEMBER_ACCOUNT, ACCESS_ROLE)
        except BaseException:
            moto_adapter.end()
            raise
        self._internal = {
            "AWS_ACCESS_KEY_ID": "AKIA" + secrets.token_hex(8).upper(),
            "AWS_SECRET_ACCESS_KEY": moto_adapter.new_secret(),
        }
        self._internal_key = Key(
            self._internal["AWS_SECRET_ACCESS_KEY"],
            Principal(
                account=DEFAULT_ACCOUNT,
                arn=PLATFORM,
                user_id=PLATFORM,
                kind="AWSService",
                access_key=self._internal["AWS_ACCESS_KEY_ID"],
            ),
        )
        self._clients: dict[tuple[str, str, str, int], Any] = {}
        self._client_lock = threading.Lock()

    # -- composing -------------------------------------------------------------------------------------

    def add(self, service: Service) -> None:
        """Let a service of ours answer its operations."""
        self._answerer.add(service)

    def before_answer(self, check: Check) -> None:
        """Put `check` between authorising and answering."""
        self._checks.append(check)

    def on_call(self, listener: Listener) -> None:
        """Call `listener` after each call that succeeded, on the thread that answered it."""
        self._listeners.append(listener)

    def on_message(self, listener: Callable[[str], None]) -> None:
        """Call `listener` with an SQS queue's name whenever a message has come into it, by whatever road. Be quick."""
        moto_adapter.on_message(listener)

    def resolve_by(self, resolve: Resolve) -> None:
        """Let `resolve` answer `/_sandbox/resolve` for the names that it knows."""
        self._control.add(resolve)

    def judge_deliveries(self, judge: moto_deliveries.Judge) -> None:
        """Let `judge` decide what services deliver to queues, topics, functions and event buses. Without one, all."""
        moto_deliveries.judge_by(judge)

    def deliver_to(self, functions: moto_deliveries.Functions) -> None:
        """Let services deliver to functions."""
        moto_deliveries.deliver_to(functions)

    def announce_by(self, announce: moto_events.Announce) -> None:
        """Let events of services (`aws.s3`) go to `announce`."""
        moto_events.announce_by(announce)

    def serve(self, port: int = 0) -> str:
        """Listen on 127.0.0.1 (OSError if the port is taken); the endpoint's URL."""
        if self._server is not None:
            raise RuntimeError(f"the gateway serves at {self.endpoint_url} already")
        self._server = Server(self.handle, port)
        self.endpoint_url = self._server.url
        return self.endpoint_url

    def serve_names(self) -> str:
        """Resolve names on a listener of its own, which does nothing else: what DNS is to an account. Its URL."""
        if self._names is None:
            self._names = Server(self._control.handle_names)
        return self._names.url

    def close(self) -> None:
        """Stop answering, drop all connections, give moto back."""
        if self._closed:
            return
        self._closed = True
        self._answerer.close()
        for server in (self._server, self._names):
            if server is not None:
                server.close()
        self.issuer.close()
        moto_deliveries.judge_by(None)
        moto_deliveries.deliver_to(None)
        moto_events.announce_by(None)
        moto_adapter.end()

    def refusal(self, call: Call) -> AwsError | None:
        """The error for a call that is refused by its name, whoever makes it; None for others."""
        return self._answerer.refusal(call)

    # -- for services ----------------------------------------------------------------------------------

    def issue_session(
        self, role_arn: str, session_name: str, seconds: int, service: str | None = None
    ) -> dict[str, str]:
        """A new session of a role, as AWS_* variables; AwsError NoSuchEntity if there is no such role.

        `service` is the AWS service that calls with it, if it does not lend it to a customer's code.
        """
        return self._sessions.start_role_session(role_arn, session_name, seconds, service).variables()

    def forward_access(self, principal: Principal, service: str, seconds: int) -> dict[str, str]:
        """Credentials (AWS_* variables) with which a service calls on in a caller's name and with his rights."""
        if principal.arn == PLATFORM:
            return self._internal
        return self._sessions.forward(principal, service, seconds).variables()

    def platform_session(self, account: str, seconds: int) -> dict[str, str]:
        """Credentials (AWS_* variables) of the sandbox itself in an account of its own, which no learner sees."""
        platform = dataclasses.replace(self._internal_key.principal, account=account)
        return self._sessions.start(platform, seconds).variables()

    def principal_of(self, access_key: str) -> Principal | None:
        """Who signs with an access key; None for a key that there is not, or an inactive one."""
        key = self.find_key(access_key)
        return key.principal if key is not None else None

    def permits(self, access_key: str, action: str, resource: str) -> bool:
        """Whether the principal behind an access key may; False for a key that there is not."""
        principal = self.principal_of(access_key)
        return principal is not None and self.authoriser.permits(principal, action, resource)

    def role_trusts(self, role_arn: str, service_principal: str) -> bool:
        """Whether a role exists and its trust policy lets the service (lambda.amazonaws.com, say) assume it."""
        role = moto_adapter.find_role(role_arn)
        return role is not None and trusts_service(role, service_principal, self.clock.datetime())

    def client(
        self,
        service: str,
        credentials: Mapping[str, str] | None = None,
        region: str = DEFAULT_REGION,
        *,
        attempts: int = 3,
    ) -> Any:
        """A boto3 client of this endpoint, by default with the rights of the sandbox itself. Cached, thread-safe."""
        if not self.endpoint_url:
            raise RuntimeError("the gateway does not serve yet: call serve() first")
        given = self._internal if credentials is None else credentials
        key = (service, given["AWS_ACCESS_KEY_ID"], region, attempts)
        with self._client_lock:
            client = self._clients.get(key)
            if client is None:
                if len(self._clients) > 256:
                    self._clients.clear()
                client = _session().client(
                    service,
                    region_name=region,
                    endpoint_url=self.endpoint_url,
                    aws_access_key_id=given["AWS_ACCESS_KEY_ID"],
                    aws_secret_access_key=given["AWS_SECRET_ACCESS_KEY"],
                    aws_session_token=given.get("AWS_SESSION_TOKEN"),
                    config=local_config(service, attempts=attempts),
                )
                self._clients[key] = client
            return client

    def next_visible_at(self, region: str, queue: str, account: str = DEFAULT_ACCOUNT) -> float | None:
        """When the next hidden message of an SQS queue comes in sight, Unix seconds; None if none is hidden."""
        return moto_adapter.next_visible_at(region, queue, account)

    # -- the pipeline ----------------------------------------------------------------------------------

    def handle(self, request: Request) -> Response:
        """The response to one HTTP request."""
        if request.path == "/_sandbox" or request.path.startswith("/_sandbox/"):
            return self._control.handle(request)
        request_id = str(uuid.uuid4())
        service, protocol = "s3", "rest-xml"
        try:
            try:
                claim, unreadable = signature.read_claim(request, DEFAULT_REGION), None
            except signature.Malformed as error:
                claim, unreadable = None, str(error)
            target = decode.target(request, claim)
            service, protocol = target.service, target.protocol
            if unreadable is not None:
                raise malformed(service, protocol, unreadable)
            response = self._call(request, claim, target, request_id)
        except AwsError as failure:
            response = wire.error(service, protocol, failure, request_id)
        except Exception as error:
            log.exception("%s %s could not be answered", request.method, request.path)
            fault = AwsError("InternalFailure", f"coldstart failed ({type(error).__name__}: {error})", 400)
            response = wire.error(service, protocol, fault, request_id)
        return response

    def _call(
        self, request: Request, claim: signature.Claim | None, target: decode.Target, request_id: str
    ) -> Response:
        operation = target.operation or target.named
        principal, secret = identify(
            request, claim, target.service, operation, target.protocol, self.find_key, self.clock
        )
        if not target.operation:
            raise self._no_operation(target)
        request = canonical(_plain(request, claim, secret, target), target)
        if target.service == "s3" and operation in ("PutObject", "UploadPart"):
            signature.expect_checksums(request)
        call = Call(
            service=target.service,
            operation=operation,
            params=decode.parameters(request, target),
            principal=principal,
            account=principal.account,
            region=target.region,
            request_id=request_id,
            time=self.clock.datetime(),
            source_ip=request.source_ip,
            user_agent=request.headers.get("user-agent", ""),
            trace=request.headers.get("x-amzn-trace-id", ""),
            read_only=is_read_only(operation),
        )
        call.account = answering_account(call)
        try:
            self.authoriser.authorise(call)
            for check in self._checks:
                check(call)
            answer = self._answerer.answer(Asked(call, target.protocol, target.signing_name, request))
        except AwsError as failure:
            self._trail.add(call, (failure.code, failure.message))
            raise
        self._trail.add(call, answer.error)
        if answer.error is None:
            self._tell(call, answer)
        return answer.response

    def _no_operation(self, target: decode.Target) -> AwsError:
        try:
            moto_adapter.service_model(target.service)
        except moto_adapter.NotInMoto:
            return refusals.unsupported(target.service, target.named, "there is no such service")
        if target.service in refusals.SERVICES:
            return refusals.unsupported(target.service, target.named, refusals.SERVICES[target.service])
        return refusals.unknown(target.service, target.named, target.protocol)

    def _tell(self, call: Call, answer: Answer) -> None:
        for listener in self._listeners:
            try:
                listener(call, answer.result)
            except Exception:
                log.exception("a listener failed on %s:%s", call.service, call.operation)

    def find_key(self, access_key: str) -> Key | None:
        """An active access key by its id; None if there is none."""
        if access_key == self._internal["AWS_ACCESS_KEY_ID"]:
            return self._internal_key
        session = self._sessions.find_key(access_key)
        if session is not None:
            return session
        found = moto_adapter.find_key(access_key)
        if found is None or not found.active:
            return None
        return Key(
            found.secret,
            Principal(
                account=found.account,
                arn=found.user_arn,
                user_id=found.user_id,
                kind="IAMUser",
                access_key=access_key,
            ),
        )

    @staticmethod
    def _open_account(account: str, role_name: str) -> None:
        moto_adapter.open_account(account, role_name, ACCESS_ROLE_TRUST)

    @staticmethod
    def _administrator(name: str) -> dict[str, str]:
        key = moto_adapter.create_administrator(name)
        return {
            "AWS_ACCESS_KEY_ID": key.access_key_id,
            "AWS_SECRET_ACCESS_KEY": key.secret,
            "AWS_DEFAULT_REGION": DEFAULT_REGION,
            "AWS_REGION": DEFAULT_REGION,
        }


def _plain(request: Request, claim: signature.Claim | None, secret: str, target: decode.Target) -> Request:
    """The request with its body as it was before the SDK packed it; AwsError for one that arrives damaged."""
    declared = request.headers.get("x-amz-content-sha256", "")
    if not declared.startswith(signature.STREAMING_PREFIX):
        if target.service != "s3":
            body = decode.unpack(request)
            return request if body is request.body else request.with_body(body, {"content-encoding": None})
        signature.expect_payload(request, declared)
        return request
    try:
        chunks = signature.decode_chunks(claim, secret, request)
    except signature.BadChunk as error:
        code = "SignatureDoesNotMatch" if error.forged else "IncompleteBody"
        raise AwsError(code, str(error), 403 if error.forged else 400) from error
    encodings = [name.strip() for name in request.headers.get("content-encoding", "").split(",")]
    rest = ",".join(name for name in encodings if name and name != "aws-chunked")
    return request.with_body(
        chunks.content,
        {
            "content-encoding": rest or None,
            "x-amz-content-sha256": signature.UNSIGNED_PAYLOAD,
            "x-amz-decoded-content-length": None,
            "x-amz-trailer": None,
            **chunks.trailers,
        },
    )
