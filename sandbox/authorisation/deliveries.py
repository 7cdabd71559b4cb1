"""What services deliver to queues, topics, functions and buses by themselves: decided by the policies of where it goes.

https://docs.aws.amazon.com/IAM/latest/UserGuide/confused-deputy.html
"""

from __future__ import annotations

from collections.abc import Mapping

from sandbox.access import Context, Request, Values, decide
from sandbox.access.decision import Decision
from sandbox.authorisation.in_force import PoliciesInForce
from sandbox.authorisation.need import Need
from sandbox.authorisation.organization import Organization
from sandbox.clock import Clock
from sandbox.gateway import call as gateway
from sandbox.gateway import moto_adapter, moto_deliveries
from sandbox.gateway.call import AwsError, Call
from sandbox.gateway.moto_resources import arn_of

#: The members of a bucket's NotificationConfiguration: list, ARN, its service, and what S3 calls the destination.
_DESTINATIONS = (
    ("QueueConfigurations", "QueueArn", "sqs", "queue"),
    ("TopicConfigurations", "TopicArn", "sns", "topic"),
    ("LambdaFunctionConfigurations", "LambdaFunctionArn", "lambda", "Lambda"),
)
#: https://github.com/aws/aws-cli/issues/8162
_WHY = {
    "absent": "The destination {} does not exist",
    "denied": "Permissions on the destination {} do not allow S3 to publish notifications from this bucket",
}


class Deliveries:
    """Judges deliveries (`allows`, for moto_deliveries.judge_by) and the set-up of a bucket's (`check`, for
    Gateway.before_answer).
    """

    def __init__(self, clock: Clock, in_force: PoliciesInForce, organization: Organization | None = None) -> None:
        self._clock = clock
        self._in_force = in_force
        self._organization = organization

    def allows(
        self,
        principal: str,
        action: str,
        resource: str,
        context: Mapping[str, str],
        role_arn: str | None = None,
        *,
        also: str | None = None,
    ) -> bool:
        """Whether `principal` may, a service (`sns.amazonaws.com`) or the root of an account.

        With a role, the service must be trusted by it, and the role be allowed. `also` is a second name of the
        resource, if policies may have either: one must be allowed, and no Deny may fit the other.
        """
        if role_arn is None:
            return self._decide(_sender(principal), Need(action, resource), context).allowed
        role = moto_adapter.find_role(role_arn)
        if role is None:
            return False
        service = _sender(moto_deliveries.EVENTS)
        if not self._decide(service, Need("sts:AssumeRole", role_arn), context).allowed:
            return False
        account = role_arn.split(":")[4]
        session = gateway.Principal(
            account=account,
            arn=f"arn:aws:sts::{account}:assumed-role/{role.name}/{service.arn.partition('.')[0]}",
            user_id=f"{role.role_id}:{service.arn.partition('.')[0]}",
            kind="AssumedRole",
            role_arn=role_arn,
        )
        named = {key: value for key, value in context.items() if not key.startswith("aws:Source")}
        decisions = [self._decide(session, Need(action, name), named) for name in (resource, also) if name is not None]
        denied = any(one.reason == "explicit" for one in decisions)
        return not denied and any(one.allowed for one in decisions)

    def _decide(self, principal: gateway.Principal, need: Need, source: Mapping[str, str]) -> Decision:
        now = self._clock.datetime()
        context: dict[str, Values] = {
            "aws:CurrentTime": now,
            "aws:EpochTime": int(now.timestamp()),
            "aws:SecureTransport": True,
            "aws:ViaAWSService": False,
            **source,
            **self._in_force.principal_context(principal),
            **self._in_force.resource_context(need),
        }
        account = source.get("aws:SourceAccount", "")
        if self._organization is not None and self._organization.has(account):
            context["aws:SourceOrgID"] = self._organization.id
            context["aws:SourceOrgPaths"] = self._organization.paths(account)
        request = Request(self._in_force.caller(principal), need.action, need.resource, Context(context))
        return decide(request, self._in_force.policies(principal, need))

    def check(self, call: Call) -> None:
        """AwsError if a bucket is to notify what does not take it: S3 tries when it is told.

        https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketNotificationConfiguration.html
        """
        if call.service != "s3" or call.operation != "PutBucketNotificationConfiguration":
            return
        bucket = str(call.params.get("Bucket", ""))
        owner = moto_adapter.bucket_account(bucket)
        if owner is None or call.params.get("SkipDestinationValidation"):
            return
        wrong: dict[str, str] = {}
        configuration = call.params.get("NotificationConfiguration") or {}
        for listed, member, service, kind in _DESTINATIONS:
            for each in configuration.get(listed) or []:
                target = arn_of(str(each.get(member, "")))
                if target is None or target.service != service:
                    continue
                found = moto_deliveries.objection(moto_deliveries.S3, target, f"arn:aws:s3:::{bucket}", owner)
                if found == "denied" and service == "lambda":
                    wrong[target.text] = f"Not authorized to invoke function [{target.text}]"
                elif found is not None:
                    wrong[target.text] = _WHY[found].format(kind)
        if wrong:
            details: dict[str, str] = {}
            for number, (destination, why) in enumerate(wrong.items(), 1):
                details |= {f"ArgumentName{number}": destination, f"ArgumentValue{number}": why}
            message = "Unable to validate the following destination configurations"
            raise AwsError("InvalidArgument", message, 400, **details)


def _sender(name: str) -> gateway.Principal:
    if name.startswith("arn:"):
        account = name.split(":")[4]
        return gateway.Principal(account=account, arn=name, user_id=account, kind="Root")
    return gateway.Principal(account="", arn=name, user_id=name, kind="AWSService")
