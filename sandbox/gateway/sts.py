"""STS: the operations that make temporary credentials, and those that tell whose credentials are.

Whether a principal may assume a role is decided before, with every call (its trust policy is the role's resource
policy); only who comes with a web identity, unsigned, is judged here. moto's own STS makes sessions of roles that do
not exist and gives everyone the same example credentials; a signature could not be verified with those.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from sandbox.access import grammar
from sandbox.access.policy import MalformedPolicy
from sandbox.access.request import Principal as Asker
from sandbox.access.request import Values
from sandbox.authorisation import web_identity
from sandbox.authorisation.organization import RESOURCE_CONTROL, Organization
from sandbox.authorisation.trust import decide_trust
from sandbox.clock import Clock
from sandbox.gateway import moto_adapter, moto_iam, refusals
from sandbox.gateway.call import AwsError, Call, Operation, Principal, SessionDetails, SessionPolicy
from sandbox.gateway.moto_adapter import Role
from sandbox.gateway.sessions import MAX_TOKEN_BYTES, Session, Sessions, assumed

#: https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html
MIN_SESSION_SECONDS = 900
MAX_SESSION_SECONDS = 43_200
DEFAULT_SESSION_SECONDS = 3_600
#: A session that was made with a role's session lasts an hour at most (role chaining).
MAX_CHAINED_SECONDS = 3_600
#: https://docs.aws.amazon.com/STS/latest/APIReference/API_GetSessionToken.html, API_GetFederationToken.html
MAX_USER_SESSION_SECONDS = 129_600

#: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html (session policies, session tags)
MAX_SESSION_POLICY_CHARACTERS = 2_048
MAX_SESSION_POLICY_ARNS = 10
MAX_SESSION_TAGS = 50
MAX_TAG_KEY, MAX_TAG_VALUE = 128, 256
#: What fits into the packed form of session tags. AWS does not publish it; nine tags of 252 characters were measured
#: as 498 %: https://github.com/aws-actions/configure-aws-credentials/issues/1898
PACKED_TAG_CHARACTERS = 455

_NAME = re.compile(r"[\w+=,.@-]{2,64}", re.ASCII)
_FEDERATED_NAME = re.compile(r"[\w+=,.@-]{2,32}", re.ASCII)
_EXTERNAL_ID = re.compile(r"[\w+=,.@:/-]{2,1224}", re.ASCII)
_TAG_TEXT = re.compile(r"[\w\x20\xa0\u2000-\u200a\u3000.:/=+@-]*")
_ROLE_ARN = re.compile(r"arn:[\w-]+:iam::\d{12}:role/[\x21-\x7e]{1,1000}", re.ASCII)

_NO_MFA = "the codes of a second factor are not checked"


class Sts:
    """The service sts. `keys_of` finds the public keys of an OpenID Connect issuer."""

    name = "sts"
    whole = True
    refused: Mapping[str, str] = {
        "AssumeRoleWithSAML": "it can't verify the assertion of an identity provider",
        "AssumeRoot": "centralized root access is not built",
        "DecodeAuthorizationMessage": "no authorization message is encoded here: a denial says its reason",
        "GetDelegatedAccessToken": "there is no delegation request that it could belong to",
        "GetWebIdentityToken": "AWS as an identity provider for others is not built",
    }

    def __init__(
        self, clock: Clock, sessions: Sessions, organization: Organization, keys_of: web_identity.KeysOf
    ) -> None:
        self._clock = clock
        self._sessions = sessions
        self._organization = organization
        self._keys_of = keys_of
        self.operations: Mapping[str, Operation] = {
            "AssumeRole": self._assume_role,
            "AssumeRoleWithWebIdentity": self._assume_role_with_web_identity,
            "GetAccessKeyInfo": self._get_access_key_info,
            "GetCallerIdentity": self._get_caller_identity,
            "GetFederationToken": self._get_federation_token,
            "GetSessionToken": self._get_session_token,
        }

    # -- roles -----------------------------------------------------------------------------------------

    def _assume_role(self, call: Call) -> Mapping[str, Any]:
        params, caller = call.params, call.principal
        _expect_no_mfa(call)
        if params.get("ProvidedContexts"):
            raise refusals.unsupported("sts", "AssumeRole", "there is no IAM Identity Center that gives contexts")
        if caller.session is not None and caller.session.via == "GetFederationToken":
            raise _denied("Cannot call AssumeRole with federation credentials")
        _expect("externalId", params.get("ExternalId"), _EXTERNAL_ID)
        name = _expect("roleSessionName", str(params.get("RoleSessionName", "")), _NAME)
        role_arn = _role_arn(params)
        seconds = _seconds(params, DEFAULT_SESSION_SECONDS, MAX_SESSION_SECONDS)
        role = moto_adapter.find_role(role_arn)
        if role is None:
            # AWS does not tell a caller whether a role that he may not assume exists.
            raise _denied(f"User: {caller.arn} is not authorized to perform: sts:AssumeRole on resource: {role_arn}")
        chained = caller.kind == "AssumedRole"
        _expect_allowed_duration(seconds, role, chained=chained)
        tags, transitive = _session_tags(params, caller.session if chained else None)
        policies = _session_policies(params, _account_of(role))
        details = SessionDetails(
            via="AssumeRole",
            issued=call.time,
            policies=policies,
            tags=tags,
            transitive=transitive,
            source_identity=_source_identity(params, caller, role_arn),
            chained=chained,
        )
        packed = _packed(params)
        session = self._sessions.start(assumed(role, name, details), seconds, _token_bytes(params))
        answer = _role_answer(session)
        if packed is not None:
            answer["PackedPolicySize"] = packed
        if details.source_identity is not None:
            answer["SourceIdentity"] = details.source_identity
        return answer

    def _assume_role_with_web_identity(self, call: Call) -> Mapping[str, Any]:
        params = call.params
        if params.get("ProviderId"):
            raise refusals.unsupported(
                "sts", "AssumeRoleWithWebIdentity", "access tokens of OAuth 2.0 (ProviderId) can't be checked"
            )
        name = _expect("roleSessionName", str(params.get("RoleSessionName", "")), _NAME)
        role_arn = _role_arn(params)
        seconds = _seconds(params, DEFAULT_SESSION_SECONDS, MAX_SESSION_SECONDS)
        account = role_arn.split(":")[4]
        denial = _denied("Not authorized to perform sts:AssumeRoleWithWebIdentity")
        if not self._organization.has(account):
            raise denial
        now = self._clock.datetime()
        token = str(params.get("WebIdentityToken", ""))
        identity = web_identity.identify(token, account, self._keys_of, now)
        # Only now is it known who calls: CloudTrail is to name him.
        caller = f"{identity.provider_arn}:{identity.audience}:{identity.subject}"
        call.principal = Principal(account, identity.provider_arn, caller, "WebIdentity")
        role = moto_adapter.find_role(role_arn)
        if role is None:
            raise denial
        context: dict[str, Values] = {
            "aws:CurrentTime": now,
            "aws:EpochTime": int(now.timestamp()),
            "aws:PrincipalIsAWSService": False,
            "aws:RequestedRegion": call.region,
            "aws:ResourceAccount": account,
            "aws:SecureTransport": True,
            "aws:SourceIp": call.source_ip,
            "aws:UserAgent": call.user_agent,
            "sts:RoleSessionName": name,
            **identity.context,
        }
        decision = decide_trust(
            role,
            Asker("WebIdentity", identity.provider_arn),
            "sts:AssumeRoleWithWebIdentity",
            context,
            self._organization.levels(account, RESOURCE_CONTROL),
        )
        if not decision.allowed:
            raise denial
        _expect_allowed_duration(seconds, role, chained=False)
        details = SessionDetails(
            via="AssumeRoleWithWebIdentity",
            issued=call.time,
            policies=_session_policies(params, account),
            provider=identity.provider_arn,
            claims=identity.kept,
        )
        packed = _packed(params)
        session = self._sessions.start(assumed(role, name, details), seconds, _token_bytes(params))
        answer = {
            **_role_answer(session),
            "SubjectFromWebIdentityToken": identity.subject,
            "Audience": identity.audience,
            "Provider": identity.provider_arn,
        }
        if packed is not None:
            answer["PackedPolicySize"] = packed
        return answer

    # -- users -----------------------------------------------------------------------------------------

    def _get_session_token(self, call: Call) -> Mapping[str, Any]:
        _expect_no_mfa(call)
        user = _long_term_user(call)
        seconds = _seconds(call.params, MAX_SESSION_SECONDS, MAX_USER_SESSION_SECONDS)
        details = SessionDetails("GetSessionToken", call.time, user_arn=user.arn)
        principal = Principal(user.account, user.arn, user.user_id, "IAMUser", session=details)
        return self._sessions.start(principal, seconds, _token_bytes(call.params)).shape()

    def _get_federation_token(self, call: Call) -> Mapping[str, Any]:
        params, user = call.params, _long_term_user(call)
        name = _expect("name", str(params.get("Name", "")), _FEDERATED_NAME)
        seconds = _seconds(params, MAX_SESSION_SECONDS, MAX_USER_SESSION_SECONDS)
        tags, _ = _session_tags(params, None)
        details = SessionDetails(
            via="GetFederationToken",
            issued=call.time,
            # Without a session policy a federated user has no permissions.
            policies=_session_policies(params, user.account) or (),
            tags=tags,
            user_arn=user.arn,
        )
        packed = _packed(params)
        principal = Principal(
            account=user.account,
            arn=f"arn:aws:sts::{user.account}:federated-user/{name}",
            user_id=f"{user.account}:{name}",
            kind="FederatedUser",
            session=details,
        )
        session = self._sessions.start(principal, seconds, _token_bytes(params))
        answer = {**session.shape(), "FederatedUser": {"FederatedUserId": principal.user_id, "Arn": principal.arn}}
        if packed is not None:
            answer["PackedPolicySize"] = packed
        return answer

    # -- whose credentials -----------------------------------------------------------------------------

    def _get_caller_identity(self, call: Call) -> Mapping[str, Any]:
        return {"UserId": call.principal.user_id, "Account": call.principal.account, "Arn": call.principal.arn}

    def _get_access_key_info(self, call: Call) -> Mapping[str, Any]:
        access_key = str(call.params.get("AccessKeyId", ""))
        session = self._sessions.find(access_key)
        if session is not None:
            return {"Account": session.principal.account}
        key = moto_adapter.find_key(access_key)
        if key is None:
            raise AwsError("ValidationError", f"Invalid access key id: {access_key}")
        return {"Account": key.account}


# -- answers -------------------------------------------------------------------------------------------


def _role_answer(session: Session) -> dict[str, Any]:
    principal = session.principal
    return {
        **session.shape(),
        "AssumedRoleUser": {"AssumedRoleId": principal.user_id, "Arn": principal.arn},
    }


# -- what a session is asked to be -----------------------------------------------------------------------


def _long_term_user(call: Call) -> Principal:
    """The user who calls, with his own key. https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_sts-comparison.html"""
    if call.principal.kind != "IAMUser" or call.principal.session is not None:
        raise _denied(f"Cannot call {call.operation} with session credentials")
    return call.principal


def _account_of(role: Role) -> str:
    return role.arn.split(":")[4]


def _role_arn(params: Mapping[str, Any]) -> str:
    role_arn = str(params.get("RoleArn", ""))
    if not 20 <= len(role_arn) <= 2048:
        bound, word = (20, "greater") if len(role_arn) < 20 else (2048, "less")
        raise _invalid("roleArn", role_arn, f"Member must have length {word} than or equal to {bound}")
    if not _ROLE_ARN.fullmatch(role_arn):
        raise AwsError("ValidationError", f"{role_arn} is invalid")
    return role_arn


def _seconds(params: Mapping[str, Any], default: int, most: int) -> int:
    asked = params.get("DurationSeconds")
    seconds = default if asked is None else int(asked)
    if not MIN_SESSION_SECONDS <= seconds <= most:
        bound, word = (MIN_SESSION_SECONDS, "greater") if seconds < MIN_SESSION_SECONDS else (most, "less")
        raise _invalid("durationSeconds", str(seconds), f"Member must have value {word} than or equal to {bound}")
    return seconds


def _token_bytes(params: Mapping[str, Any]) -> int:
    size = int(params.get("MinimumSessionTokenSize") or 0)
    if not 0 <= size <= MAX_TOKEN_BYTES:
        bound, word = (0, "greater") if size < 0 else (MAX_TOKEN_BYTES, "less")
        raise _invalid("minimumSessionTokenSize", str(size), f"Member must have value {word} than or equal to {bound}")
    return size


def _expect_allowed_duration(seconds: int, role: Role, *, chained: bool) -> None:
    if seconds > role.max_session_seconds:
        raise AwsError(
            "ValidationError", "The requested DurationSeconds exceeds the MaxSessionDuration set for this role."
        )
    if chained and seconds > MAX_CHAINED_SECONDS:
        raise AwsError(
            "ValidationError",
            "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining.",
        )


def _expect_no_mfa(call: Call) -> None:
    for parameter in ("SerialNumber", "TokenCode"):
        if call.params.get(parameter):
            raise refusals.unsupported("sts", call.operation, f"{_NO_MFA} ({parameter})")


def _session_policies(params: Mapping[str, Any], account: str) -> tuple[SessionPolicy, ...] | None:
    """https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies.html#policies_session"""
    inline = params.get("Policy")
    arns = [str(each.get("arn", "")) for each in params.get("PolicyArns") or ()]
    if not inline and not arns:
        return None
    if len(arns) > MAX_SESSION_POLICY_ARNS:
        raise _invalid(
            "policyArns", str(len(arns)), f"Member must have length less than or equal to {MAX_SESSION_POLICY_ARNS}"
        )
    if len(inline or "") + sum(map(len, arns)) > MAX_SESSION_POLICY_CHARACTERS:
        raise _invalid(
            "policy", "...", f"Member must have length less than or equal to {MAX_SESSION_POLICY_CHARACTERS}"
        )
    found = []
    if inline:
        try:
            grammar.check(str(inline), "session")
        except MalformedPolicy as malformed:
            raise AwsError("MalformedPolicyDocument", malformed.reason) from malformed
        found.append(SessionPolicy("session policy", str(inline)))
    for arn in arns:
        if moto_iam.managed_policy(account, arn) is None:
            raise AwsError("MalformedPolicyDocument", f"Policy {arn} does not exist or is not attachable.")
        found.append(SessionPolicy(arn))
    return tuple(found)


def _session_tags(params: Mapping[str, Any], calling: SessionDetails | None) -> tuple[dict[str, str], frozenset[str]]:
    """The tags of a new session and the keys that go on from it; `calling` is the session that asks, of a role.

    Keys are told apart without case. https://docs.aws.amazon.com/IAM/latest/UserGuide/id_session-tags.html
    """
    passed = [(str(tag.get("Key", "")), str(tag.get("Value", ""))) for tag in params.get("Tags") or ()]
    wanted = [str(key) for key in params.get("TransitiveTagKeys") or ()]
    if len(passed) > MAX_SESSION_TAGS:
        raise _invalid("tags", str(len(passed)), f"Member must have length less than or equal to {MAX_SESSION_TAGS}")
    for number, (key, value) in enumerate(passed, 1):
        _expect_tag(number, key, value)
    keys = {key.lower() for key, _ in passed}
    if len(keys) < len(passed):
        raise AwsError(
            "InvalidParameterValue", "Duplicate tag keys found. Please note that Tag keys are case insensitive."
        )
    if not {key.lower() for key in wanted} <= keys:
        raise AwsError(
            "InvalidParameterValue", "The specified transitive tag key must be included in the requested tags."
        )
    inherited = {} if calling is None else {key: calling.tags[key] for key in calling.transitive}
    if keys & {key.lower() for key in inherited}:
        raise AwsError(
            "InvalidParameterValue",
            "One of the specified transitive tag keys can't be set because it conflicts with a transitive tag key from "
            "the calling session.",
        )
    going_on = {key.lower() for key in wanted}
    transitive = frozenset([*inherited, *(key for key, _ in passed if key.lower() in going_on)])
    return {**inherited, **dict(passed)}, transitive


def _expect_tag(number: int, key: str, value: str) -> None:
    if not 1 <= len(key) <= MAX_TAG_KEY or not _TAG_TEXT.fullmatch(key):
        raise _invalid(
            f"tags.{number}.member.key",
            key,
            f"Member must have length less than or equal to {MAX_TAG_KEY}, "
            r"and satisfy regular expression pattern: [\p{L}\p{Z}\p{N}_.:/=+\-@]+",
        )
    if len(value) > MAX_TAG_VALUE or not _TAG_TEXT.fullmatch(value):
        raise _invalid(
            f"tags.{number}.member.value",
            value,
            f"Member must have length less than or equal to {MAX_TAG_VALUE}, "
            r"and satisfy regular expression pattern: [\p{L}\p{Z}\p{N}_.:/=+\-@]*",
        )
    if key.lower().startswith("aws:"):
        raise AwsError("InvalidParameterValue", f"Tag keys that begin with 'aws:' are reserved: {key}")


def _source_identity(params: Mapping[str, Any], caller: Principal, role_arn: str) -> str | None:
    """Set once, it stays through all sessions of a chain.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_temp_control-access_monitor.html
    """
    asked = _expect("sourceIdentity", params.get("SourceIdentity"), _NAME) if params.get("SourceIdentity") else None
    if asked is not None and asked.lower().startswith("aws:"):
        raise _invalid("sourceIdentity", asked, "the prefix aws: is reserved")
    held = caller.session.source_identity if caller.session is not None else None
    if held is None:
        return asked
    if asked is not None and asked != held:
        raise _denied(
            f"User: {caller.arn} is not authorized to perform: sts:SetSourceIdentity on resource: {role_arn}: the "
            f"source identity of a session can't be changed"
        )
    return held


def _packed(params: Mapping[str, Any]) -> int | None:
    """How much of the packed form's space session policies and tags take, in percent; None without any.

    How AWS packs is not published: policies are counted against their plain text's limit, tags against what was
    measured.
    """
    policy = len(params.get("Policy") or "") + sum(
        len(str(each.get("arn", ""))) for each in params.get("PolicyArns") or ()
    )
    tags = sum(len(str(tag.get("Key", ""))) + len(str(tag.get("Value", ""))) for tag in params.get("Tags") or ())
    if not policy and not tags:
        return None
    percent = max(1, policy * 100 // MAX_SESSION_POLICY_CHARACTERS + tags * 100 // PACKED_TAG_CHARACTERS)
    if percent > 100:
        what = "session tags" if tags else "session policies"
        raise AwsError("PackedPolicyTooLarge", f"Packed size of {what} consumes {percent}% of allotted space.")
    return percent


# -- errors ----------------------------------------------------------------------------------------------


def _expect(field: str, value: Any, pattern: re.Pattern[str]) -> str:
    if value is None:
        return ""
    text = str(value)
    if not pattern.fullmatch(text):
        raise _invalid(field, text, f"Member must satisfy regular expression pattern: {pattern.pattern}")
    return text


def _denied(message: str) -> AwsError:
    return AwsError("AccessDenied", message, 403)


def _invalid(field: str, value: str, rule: str) -> AwsError:
    return AwsError(
        "ValidationError",
        f"1 validation error detected: Value '{value}' at '{field}' failed to satisfy constraint: {rule}",
    )
