"""EC2: rules of security groups as resources of their own, for groups that name each other.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-ec2-securitygroupingress.html
"""

from __future__ import annotations

from sandbox.templates.types import ec2_rules
from sandbox.templates.types.resource_type import ResourceType, Work

EC2 = "ec2"


def _group(work: Work) -> dict[str, str]:
    """The group by its id or, in the default network, by its name."""
    if work["GroupId"] is not None:
        return {"GroupId": str(work["GroupId"])}
    return {"GroupName": str(work["GroupName"])}


def _rule_type(way: str) -> ResourceType:
    def create(work: Work) -> str:
        answer = work.call(
            EC2,
            f"AuthorizeSecurityGroup{way}",
            **_group(work),
            IpPermissions=[ec2_rules.permission(dict(work.properties))],
        )
        return str(answer["SecurityGroupRules"][0]["SecurityGroupRuleId"])

    def update(work: Work) -> None:
        permissions = [ec2_rules.permission(dict(work.properties))]
        work.call(EC2, f"UpdateSecurityGroupRuleDescriptions{way}", **_group(work), IpPermissions=permissions)

    def delete(work: Work) -> None:
        work.call(
            EC2,
            f"RevokeSecurityGroup{way}",
            **_group(work),
            IpPermissions=[ec2_rules.permission(dict(work.properties))],
        )

    return ResourceType(
        f"AWS::EC2::SecurityGroup{way}",
        create=create,
        update=update,
        delete=delete,
        attributes=lambda work: {"Id": work.physical_id},
    )


TYPES = (_rule_type("Ingress"), _rule_type("Egress"))
