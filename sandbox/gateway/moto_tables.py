"""What moto's DynamoDB gets wrong of tables: encryption, class and billing mode are forgotten, tags doubled, streams
stay enabled.

https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_UpdateTable.html
tests/gateway/test_moto_tables.py holds what is used of moto here.
"""

from __future__ import annotations

from types import ModuleType
from typing import Any

from sandbox.gateway import moto_adapter

_NO_THROUGHPUT = {"ReadCapacityUnits": 0, "WriteCapacityUnits": 0}


def install() -> None:
    """Have moto do it."""
    moto_adapter.after_import("moto.dynamodb.responses", _keep_settings)
    moto_adapter.after_import("moto.dynamodb.models.table", _tell_class)
    moto_adapter.after_import("moto.dynamodb.models", _change_tables)


def _keep_settings(responses: ModuleType) -> None:
    handler = responses.DynamoHandler
    create, update = handler.create_table, handler.update_table

    def create_table(self: Any) -> Any:
        create(self)
        return _kept(self)

    def update_table(self: Any) -> Any:
        update(self)
        return _kept(self)

    def _kept(self: Any) -> Any:
        table = self.dynamodb_backend.get_table(self.body["TableName"])
        table_class, encryption = self.body.get("TableClass"), self.body.get("SSESpecification")
        if table_class:
            table.table_class = table_class
        if encryption:
            default = table._get_default_encryption_key
            key = encryption.get("KMSMasterKeyId") or default(table.account_id, table.region_name)
            table.sse_specification = {**encryption, "KMSMasterKeyId": key}
        if self.body.get("BillingMode") == "PAY_PER_REQUEST":
            table.throughput = dict(_NO_THROUGHPUT)
        return responses.DynamoResult(table.describe())

    handler.create_table, handler.update_table = create_table, update_table


def _tell_class(models: ModuleType) -> None:
    describe = models.Table.describe

    def described(self: Any, base_key: str = "TableDescription") -> dict[str, Any]:
        answer: dict[str, Any] = describe(self, base_key)
        if getattr(self, "table_class", None):
            answer[base_key]["TableClassSummary"] = {"TableClass": self.table_class}
        return answer

    models.Table.describe = described


def _change_tables(models: ModuleType) -> None:
    backend = models.DynamoDBBackend
    tag = backend.tag_resource

    def update_table_streams(self: Any, table: Any, stream_specification: dict[str, Any]) -> None:
        # A stream that was disabled can be followed by a new one.
        wanted = stream_specification.get("StreamEnabled") or stream_specification.get("StreamViewType")
        if wanted and table.stream_specification.get("StreamEnabled"):
            raise models.StreamAlreadyEnabledException
        table.set_stream_specification(stream_specification)

    def tag_resource(self: Any, arn: str, tags: dict[str, str]) -> None:
        self.untag_resource(arn, list(tags))
        tag(self, arn, tags)

    backend.update_table_streams, backend.tag_resource = update_table_streams, tag_resource
