"""Templates as they are given: from S3, too long, malformed, hostile."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.templates.stacks.conftest import Cloud, queues, text, wait_for

BUCKET = "given-templates"


@pytest.fixture(scope="module", autouse=True)
def bucket(cloud: Cloud) -> None:
    s3 = cloud.client("s3")
    s3.create_bucket(Bucket=BUCKET)
    s3.put_object(Bucket=BUCKET, Key="a/queue.json", Body=text(queues(A={})).encode())


@pytest.mark.parametrize(
    "url",
    [
        f"https://{BUCKET}.s3.amazonaws.com/a/queue.json",
        f"https://{BUCKET}.s3.us-east-1.amazonaws.com/a/queue.json",
        f"https://{BUCKET}.s3-eu-west-1.amazonaws.com/a/queue.json",
        f"https://{BUCKET}.s3.dualstack.us-east-1.amazonaws.com/a/queue.json",
        f"https://s3.amazonaws.com/{BUCKET}/a/queue.json",
        f"https://s3.us-east-1.amazonaws.com/{BUCKET}/a%2Fqueue.json",
        f"{{endpoint}}/{BUCKET}/a/queue.json",
    ],
)
def test_every_form_of_an_s3_url_is_read(cloud: Cloud, url: str) -> None:
    url = url.replace("{endpoint}", cloud.sandbox.gateway.endpoint_url)
    found = cloud.cloudformation.validate_template(TemplateURL=url)
    assert found["Parameters"] == []


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("https://example.com/a/queue.json", "TemplateURL must be a supported URL"),
        ("ftp://s3.amazonaws.com/a/b", "TemplateURL must be a supported URL"),
        (f"https://s3.amazonaws.com/{BUCKET}/missing.json", "S3 error: The specified key does not exist"),
        ("https://s3.amazonaws.com/no-such-bucket-anywhere/x.json", "S3 error: The specified bucket does not exist"),
    ],
)
def test_what_is_no_template_in_s3(cloud: Cloud, url: str, words: str) -> None:
    with pytest.raises(ClientError, match=words):
        cloud.cloudformation.create_stack(StackName=cloud.name(), TemplateURL=url)


def test_a_template_is_given_in_one_way(cloud: Cloud) -> None:
    url = f"https://s3.amazonaws.com/{BUCKET}/a/queue.json"
    for given in ({}, {"TemplateURL": url, "TemplateBody": text(queues(A={}))}):
        with pytest.raises(ClientError, match="Either Template URL or Template Body must be specified"):
            cloud.cloudformation.create_stack(StackName=cloud.name(), **given)


def test_a_long_template_must_come_from_s3_and_ends_at_a_million(cloud: Cloud) -> None:
    s3 = cloud.client("s3")
    template = queues(A={})
    for length, key in ((60_000, "long.json"), (1_000_001, "longer.json")):
        template["Metadata"] = {"Text": "x" * length}
        s3.put_object(Bucket=BUCKET, Key=key, Body=text(template).encode())
    with pytest.raises(ClientError, match="length less than or equal to 51200"):
        cloud.create(template)
    base = f"https://s3.amazonaws.com/{BUCKET}"
    name = cloud.name()
    cloud.cloudformation.create_stack(StackName=name, TemplateURL=f"{base}/long.json")
    assert cloud.rest(name) == "CREATE_COMPLETE"
    with pytest.raises(ClientError, match="may not exceed 1000000 bytes"):
        cloud.cloudformation.create_stack(StackName=cloud.name(), TemplateURL=f"{base}/longer.json")


BOMB = "a: &a [x,x,x,x,x,x,x,x]\n" + "".join(
    f"{chr(98 + n)}: &{chr(98 + n)} [{','.join([f'*{chr(97 + n)}'] * 8)}]\n" for n in range(12)
)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("x" * 40_000, "Template format error: unsupported structure"),
        (BOMB, "YAML aliases are not allowed"),
        ("[" * 5_000, "Template format error"),
        ('{"a":' * 5_000, "Template format error"),
        ("{", "JSON not well-formed"),
        ("Resources: {A: {Type: 'AWS::SQS::Queue', Properties: {Nope: !Ref Nothing}}}", r"\[Nothing\]"),
        ("Resources: {A: {Type: 'AWS::SQS::Queue', DependsOn: A}}", r"Circular dependency between resources: \[A\]"),
        ("Resources: {A: {Type: 'AWS::Batch::JobQueue'}}", r"not supported by this sandbox: \[AWS::Batch::JobQueue\]"),
        ("Transform: Mine\nResources: {A: {Type: 'AWS::SQS::Queue'}}", "Macros are not supported"),
        (
            "Resources: {A: {Type: 'AWS::SQS::Queue'}}\nOutputs: {B: {Value: !GetAtt A.Nothing}}",
            "Requested attribute Nothing does not exist in schema for AWS::SQS::Queue",
        ),
        ("Resources: {A: {Type: 'AWS::SQS::Queue', DeletionPolicy: Snapshot}}", "does not support deletion policy"),
        ("Resources: {A: {Type: 'AWS::SQS::Queue', CreationPolicy: {}}}", "CreationPolicy is not supported"),
    ],
)
def test_bad_templates_are_refused_in_cloudformations_words(cloud: Cloud, body: str, words: str) -> None:
    name = cloud.name()
    for call in (
        lambda: cloud.cloudformation.create_stack(StackName=name, TemplateBody=body),
        lambda: cloud.cloudformation.create_change_set(
            StackName=name, ChangeSetName="c", ChangeSetType="CREATE", TemplateBody=body
        ),
    ):
        with pytest.raises(ClientError, match=words):
            call()
    with pytest.raises(ClientError, match="does not exist"):
        cloud.stack(name)


def test_a_template_that_deletes_what_it_uses_fails_and_the_next_works(cloud: Cloud) -> None:
    """The queue that the policy is about is removed from the template while the policy still names it."""
    policy = {"Version": "2012-10-17", "Statement": []}
    template: dict[str, Any] = queues(A={})
    template["Resources"]["Policy"] = {
        "Type": "AWS::SQS::QueuePolicy",
        "Properties": {"Queues": [{"Ref": "A"}], "PolicyDocument": {**policy, "Statement": [statement()]}},
    }
    name = cloud.create(template)
    assert cloud.status(name) == "CREATE_COMPLETE"
    cloud.sqs.delete_queue(QueueUrl=cloud.resources(name)["A"])
    template["Resources"]["Policy"]["Properties"]["PolicyDocument"]["Version"] = "2008-10-17"
    assert cloud.update(name, template).startswith("UPDATE_ROLLBACK_")
    identifier = cloud.stack(name)["StackId"]
    cloud.cloudformation.delete_stack(StackName=name)
    assert cloud.rest(identifier) == "DELETE_COMPLETE"
    assert cloud.status(cloud.create(queues(A={}), name)) == "CREATE_COMPLETE"


def statement() -> dict[str, Any]:
    principal = {"AWS": "arn:aws:iam::123456789012:root"}
    return {"Effect": "Allow", "Principal": principal, "Action": "sqs:SendMessage", "Resource": "*"}


def test_many_stacks_come_up_at_once(cloud: Cloud) -> None:
    names = [cloud.name() for _ in range(12)]
    with ThreadPoolExecutor(12) as pool:
        list(pool.map(lambda name: cloud.create(queues(A={}, B={}, C={}), name), names))
        assert {cloud.status(name) for name in names} == {"CREATE_COMPLETE"}
        list(pool.map(lambda name: cloud.cloudformation.delete_stack(StackName=name), names))
    wait_for(lambda: not [one for one in cloud.queues() if one.split("-")[0] in names], "all queues to go")


def test_one_of_several_creations_of_a_name_wins(cloud: Cloud) -> None:
    name = cloud.name()

    def create(_: int) -> str:
        try:
            return str(cloud.cloudformation.create_stack(StackName=name, TemplateBody=text(queues(A={})))["StackId"])
        except ClientError as error:
            return str(error.response["Error"]["Code"])

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(create, range(8)))
    assert sorted(one.startswith("arn:") for one in answers) == [False] * 7 + [True]
    assert cloud.rest(name) == "CREATE_COMPLETE"
    assert len([one for one in cloud.queues() if one.startswith(f"{name}-A")]) == 1


def test_500_resources_are_the_most(cloud: Cloud) -> None:
    with pytest.raises(ClientError, match="Number of resources, 501, is greater than maximum allowed, 500"):
        cloud.create(json.dumps(queues(**{f"Q{number}": {} for number in range(501)}), separators=(",", ":")))


def test_a_client_that_goes_away_changes_nothing(cloud: Cloud) -> None:
    """The request is sent, and the connection closed before the answer: the stack comes up all the same."""
    import http.client
    from urllib.parse import urlencode, urlsplit

    from botocore.auth import SigV4Auth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials

    name = cloud.name()
    parts = urlsplit(cloud.sandbox.gateway.endpoint_url)
    body = urlencode(
        {"Action": "CreateStack", "Version": "2010-05-15", "StackName": name, "TemplateBody": text(queues(A={}))}
    )
    keys = cloud.sandbox.gateway.learner
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    request = AWSRequest("POST", cloud.sandbox.gateway.endpoint_url + "/", data=body, headers=headers)
    SigV4Auth(
        Credentials(keys["AWS_ACCESS_KEY_ID"], keys["AWS_SECRET_ACCESS_KEY"]), "cloudformation", "us-east-1"
    ).add_auth(request)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port)
    connection.request("POST", "/", body, dict(request.headers.items()))
    connection.close()

    def there() -> bool:
        try:
            return cloud.status(name) == "CREATE_COMPLETE"
        except ClientError:
            return False

    wait_for(there, "the stack to come up")


def test_what_a_parameter_names_must_be_there(cloud: Cloud) -> None:
    template = queues(A={})
    template["Parameters"] = {"Network": {"Type": "AWS::EC2::VPC::Id"}}

    def given(value: str) -> dict[str, Any]:
        return {"Parameters": [{"ParameterKey": "Network", "ParameterValue": value}]}

    with pytest.raises(ClientError, match="parameter value vpc-00000000 for parameter name Network does not exist"):
        cloud.create(template, **given("vpc-00000000"))
    vpc = cloud.client("ec2").describe_vpcs()["Vpcs"][0]["VpcId"]
    assert cloud.status(cloud.create(template, **given(vpc))) == "CREATE_COMPLETE"


def test_a_nested_templates_address_is_told_as_s3s(cloud: Cloud) -> None:
    """`sam delete` and `sam sync` take it apart, and know no other."""
    url = f"{cloud.sandbox.gateway.endpoint_url}/{BUCKET}/a/queue.json"
    name = cloud.create(
        {"Resources": {"Inner": {"Type": "AWS::CloudFormation::Stack", "Properties": {"TemplateURL": url}}}}
    )
    assert cloud.status(name) == "CREATE_COMPLETE"
    told = cloud.cloudformation.get_template(StackName=name)["TemplateBody"]
    properties = told["Resources"]["Inner"]["Properties"]
    assert properties == {"TemplateURL": f"https://s3.us-east-1.amazonaws.com/{BUCKET}/a/queue.json"}
