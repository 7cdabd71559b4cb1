"""Lambda: layer versions and who may use them.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/AWS_Lambda.html
"""

from __future__ import annotations

from sandbox.templates.types.resource_type import ResourceType, Work


def _create_layer(work: Work) -> str:
    given = work.fitted("lambda", "PublishLayerVersion", without=("LayerName",))
    answer = work.call("lambda", "PublishLayerVersion", LayerName=work.name("LayerName", 140), **given)
    return str(answer["LayerVersionArn"])


def _split(arn: str) -> tuple[str, int]:
    """The ARN of a layer, and the number of the version."""
    layer, _, number = arn.rpartition(":")
    return layer, int(number)


def _delete_layer(work: Work) -> None:
    layer, number = _split(work.physical_id)
    work.call("lambda", "DeleteLayerVersion", LayerName=layer, VersionNumber=number)


LAYER_VERSION = ResourceType(
    "AWS::Lambda::LayerVersion",
    create=_create_layer,
    delete=_delete_layer,
    attributes=lambda work: {"LayerVersionArn": work.physical_id},
)


def _create_permission(work: Work) -> str:
    layer, number = _split(work["LayerVersionArn"])
    statement = work.generated(100)
    work.call(
        "lambda",
        "AddLayerVersionPermission",
        LayerName=layer,
        VersionNumber=number,
        StatementId=statement,
        Action=work["Action"],
        Principal=work["Principal"],
        OrganizationId=work["OrganizationId"],
    )
    return f"{work['LayerVersionArn']}#{statement}"


def _delete_permission(work: Work) -> None:
    version, _, statement = work.physical_id.partition("#")
    layer, number = _split(version)
    work.call("lambda", "RemoveLayerVersionPermission", LayerName=layer, VersionNumber=number, StatementId=statement)


LAYER_VERSION_PERMISSION = ResourceType(
    "AWS::Lambda::LayerVersionPermission",
    create=_create_permission,
    delete=_delete_permission,
    attributes=lambda work: {"Id": work.physical_id},
)

TYPES = (LAYER_VERSION, LAYER_VERSION_PERMISSION)
