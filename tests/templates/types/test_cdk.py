"""What the CDK says of its templates is taken down, and changes nothing."""

from __future__ import annotations

from tests.templates.types.conftest import Bench


def test_metadata_of_the_cdk_is_a_resource_with_nothing_behind_it(bench: Bench) -> None:
    made = bench.create("AWS::CDK::Metadata", {"Analytics": "v2:deflate64:H4sIAAAA"}, "CDKMetadata")
    assert "CDKMetadata" in made.physical_id
    bench.delete(bench.update(made, {"Analytics": "v2:deflate64:changed"}))
