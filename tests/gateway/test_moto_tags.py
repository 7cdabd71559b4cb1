"""Who may set tags that begin with `aws:`."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError

from sandbox.gateway.pipeline import Gateway
from tests.gateway.conftest import Clients

TAGS = {"TagSet": [{"Key": "aws:cloudformation:stack-name", "Value": "a <b> & c"}, {"Key": "team", "Value": ""}]}


def test_a_user_sets_none_of_aws_on_a_bucket(clients: Clients) -> None:
    s3 = clients("s3")
    s3.create_bucket(Bucket="tagged-by-user")
    with pytest.raises(ClientError, match="System tags"):
        s3.put_bucket_tagging(Bucket="tagged-by-user", Tagging=TAGS)


def test_a_service_in_his_name_does(gateway: Gateway, clients: Clients) -> None:
    learner = gateway.find_key(gateway.learner["AWS_ACCESS_KEY_ID"])
    assert learner is not None
    forwarded = gateway.forward_access(learner.principal, "cloudformation.amazonaws.com", 3600)
    s3 = clients("s3", forwarded)
    s3.create_bucket(Bucket="tagged-by-service")
    s3.put_bucket_tagging(Bucket="tagged-by-service", Tagging=TAGS)
    assert s3.get_bucket_tagging(Bucket="tagged-by-service")["TagSet"] == TAGS["TagSet"]
