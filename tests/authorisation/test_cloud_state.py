"""From names to ARNs, and what else deriving a call's needs asks the state of the cloud."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox.authorisation.cloud_state import CloudState
from sandbox.authorisation.look_up import Kind
from sandbox.gateway.pipeline import Gateway
from tests.authorisation.conftest import TRUST, Clients

ACCOUNT = "123456789012"
HERE = (ACCOUNT, "us-east-1")


@pytest.fixture(scope="module")
def state(gateway: Gateway) -> CloudState:
    return CloudState(gateway.organization, {"mapping": "function"}.get)


def test_secrets_by_name_and_by_arn_with_and_without_the_suffix(state: CloudState, clients: Clients) -> None:
    arn = clients("secretsmanager").create_secret(Name="shop/db-main", SecretString="s")["ARN"]
    for given in ("shop/db-main", arn, arn[:-7]):
        assert state.arn(*HERE, "secretsmanager:Secret", given) == arn
    assert state.arn(*HERE, "secretsmanager:Secret", "shop/db") is None
    assert state.arn(ACCOUNT, "eu-west-1", "secretsmanager:Secret", "shop/db-main") is None


def test_keys_by_id_arn_alias_and_ciphertext(state: CloudState, clients: Clients) -> None:
    kms = clients("kms")
    key = kms.create_key()["KeyMetadata"]
    kms.create_alias(AliasName="alias/main", TargetKeyId=key["KeyId"])
    alias_arn = f"arn:aws:kms:us-east-1:{ACCOUNT}:alias/main"
    for given in (key["KeyId"], key["Arn"], "alias/main", alias_arn):
        assert state.arn(*HERE, "kms:key", given) == key["Arn"]
    assert state.arn(*HERE, "kms:key", "alias/absent") is None
    blob = kms.encrypt(KeyId=key["KeyId"], Plaintext=b"p")["CiphertextBlob"]
    assert state.arn(*HERE, "kms:ciphertext", blob.decode("latin-1")) == key["Arn"]
    assert state.arn(*HERE, "kms:ciphertext", "nonsense") is None


def test_what_iam_keeps_by_name(state: CloudState, clients: Clients) -> None:
    iam = clients("iam")
    made: dict[Kind, str] = {
        "iam:role": iam.create_role(RoleName="n", Path="/a/", AssumeRolePolicyDocument=TRUST)["Role"]["Arn"],
        "iam:user": iam.create_user(UserName="n", Path="/b/")["User"]["Arn"],
        "iam:group": iam.create_group(GroupName="n", Path="/c/")["Group"]["Arn"],
        "iam:instance-profile": iam.create_instance_profile(InstanceProfileName="n", Path="/d/")["InstanceProfile"][
            "Arn"
        ],
    }
    for kind, arn in made.items():
        assert state.arn(*HERE, kind, "n") == arn
        assert state.arn(*HERE, kind, "absent") is None
        assert state.arn("999999999999", "us-east-1", kind, "n") is None
    certificate = iam.upload_server_certificate(
        ServerCertificateName="c", Path="/e/", CertificateBody="body", PrivateKey="key"
    )["ServerCertificateMetadata"]["Arn"]
    assert state.arn(*HERE, "iam:server-certificate", "c") == certificate
    assert state.arn(*HERE, "iam:server-certificate", "absent") is None
    iam.add_role_to_instance_profile(InstanceProfileName="n", RoleName="n")
    assert state.arn(*HERE, "iam:instance-profile-role", "n") == made["iam:role"]
    key = iam.create_access_key(UserName="n")["AccessKey"]["AccessKeyId"]
    assert state.arn(*HERE, "iam:access-key", key) == made["iam:user"]


def test_a_role_that_was_deleted_and_made_again_is_found_anew(state: CloudState, clients: Clients) -> None:
    iam = clients("iam")
    iam.create_role(RoleName="again", AssumeRolePolicyDocument=TRUST)
    assert state.arn(*HERE, "iam:role", "again") == f"arn:aws:iam::{ACCOUNT}:role/again"
    iam.delete_role(RoleName="again")
    assert state.arn(*HERE, "iam:role", "again") is None
    iam.create_role(RoleName="again", Path="/elsewhere/", AssumeRolePolicyDocument=TRUST)
    assert state.arn(*HERE, "iam:role", "again") == f"arn:aws:iam::{ACCOUNT}:role/elsewhere/again"


def test_what_the_organization_keeps_by_id(state: CloudState, gateway: Gateway) -> None:
    organization = gateway.organization
    assert state.arn(*HERE, "organizations:organization", "") == organization.arn
    assert state.arn(*HERE, "organizations:account", "210987654321") == organization.nodes["210987654321"].arn
    assert state.arn(*HERE, "organizations:root", organization.root.id) == organization.root.arn
    assert state.arn(*HERE, "organizations:policy", "p-FullAWSAccess") == organization.policies["p-FullAWSAccess"].arn
    assert state.arn(*HERE, "organizations:account", "999999999999") is None


def test_streams_by_iterator_and_consumers_by_name(state: CloudState, clients: Clients) -> None:
    kinesis = clients("kinesis")
    kinesis.create_stream(StreamName="clicks", ShardCount=1)
    arn = f"arn:aws:kinesis:us-east-1:{ACCOUNT}:stream/clicks"
    shard = kinesis.list_shards(StreamName="clicks")["Shards"][0]["ShardId"]
    iterator = kinesis.get_shard_iterator(StreamName="clicks", ShardId=shard, ShardIteratorType="LATEST")
    assert state.arn(*HERE, "kinesis:shard-iterator", iterator["ShardIterator"]) == arn
    assert state.arn(*HERE, "kinesis:shard-iterator", "not base 64!") is None
    consumer = kinesis.register_stream_consumer(StreamARN=arn, ConsumerName="c")["Consumer"]["ConsumerARN"]
    assert state.arn(*HERE, "kinesis:consumer", f"{arn}/c") == consumer
    assert state.arn(*HERE, "kinesis:consumer", f"{arn}/absent") is None


def test_what_ec2_keeps_by_name(state: CloudState, clients: Clients) -> None:
    ec2 = clients("ec2")
    group = ec2.create_security_group(GroupName="web", Description="d")["GroupId"]
    address = ec2.allocate_address(Domain="vpc")
    prefix = f"arn:aws:ec2:us-east-1:{ACCOUNT}"
    assert state.arn(*HERE, "ec2:security-group", "web") == f"{prefix}:security-group/{group}"
    assert state.arn(*HERE, "ec2:elastic-ip", address["PublicIp"]) == f"{prefix}:elastic-ip/{address['AllocationId']}"
    template = ec2.create_launch_template(LaunchTemplateName="t", LaunchTemplateData={})["LaunchTemplate"]
    found = state.arn(*HERE, "ec2:launch-template", "t")
    assert found == f"{prefix}:launch-template/{template['LaunchTemplateId']}"
    assert state.arn(*HERE, "ec2:security-group", "absent") is None


def test_what_an_association_of_a_route_table_joins(state: CloudState, clients: Clients) -> None:
    ec2 = clients("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.3.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.3.1.0/24")["Subnet"]["SubnetId"]
    table = ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
    association = ec2.associate_route_table(RouteTableId=table, SubnetId=subnet)["AssociationId"]
    prefix = f"arn:aws:ec2:us-east-1:{ACCOUNT}"
    assert state.arn(*HERE, "ec2:associated-route-table", association) == f"{prefix}:route-table/{table}"
    assert state.arn(*HERE, "ec2:associated-subnet", association) == f"{prefix}:subnet/{subnet}"
    assert state.arn(*HERE, "ec2:associated-subnet", "rtbassoc-1") is None


@pytest.mark.parametrize("kind", ["cloudformation:stack", "codedeploy:deployment", "sqs:message-move-task"])
def test_what_nothing_here_keeps_is_not_known(state: CloudState, kind: Kind) -> None:
    assert state.arn(*HERE, kind, "any") is None


def test_partition_keys_of_tables_and_indexes(state: CloudState, clients: Clients) -> None:
    key = {"KeyType": "HASH"}
    clients("dynamodb").create_table(
        TableName="Orders",
        KeySchema=[{"AttributeName": "pk", **key}, {"AttributeName": "sk", "KeyType": "RANGE"}],
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk", "day")],
        GlobalSecondaryIndexes=[
            {
                "IndexName": "by-day",
                "KeySchema": [{"AttributeName": "day", **key}],
                "Projection": {"ProjectionType": "ALL"},
            }
        ],
        BillingMode="PAY_PER_REQUEST",
    )
    arn = f"arn:aws:dynamodb:us-east-1:{ACCOUNT}:table/Orders"
    assert state.partition_key(arn, None) == "pk"
    assert state.partition_key(arn, "by-day") == "day"
    assert state.partition_key(arn, "absent") is None
    assert state.partition_key(arn + "2", None) is None
    assert state.partition_key("Orders", None) is None


def test_buckets_and_objects(state: CloudState, clients: Clients, member: Clients) -> None:
    member("s3").create_bucket(Bucket="theirs")
    assert state.bucket_owner("theirs") == "210987654321"
    assert state.bucket_owner("nobodys") is None
    s3 = clients("s3")
    s3.create_bucket(Bucket="objects")
    s3.put_object(Bucket="objects", Key="plain", Body=b"")
    s3.put_object(Bucket="objects", Key="tagged", Body=b"", Tagging="a=b")
    assert state.object_has_tags("objects", "plain", None) is False
    assert state.object_has_tags("objects", "tagged", None) is True
    assert state.object_has_tags("objects", "absent", None) is None
    assert state.object_has_tags("nobodys", "plain", None) is None


def test_the_customers_key_that_encrypts_a_resource(state: CloudState, clients: Clients) -> None:
    kms = clients("kms")
    key = kms.create_key()["KeyMetadata"]
    kms.create_alias(AliasName="alias/data", TargetKeyId=key["KeyId"])
    own: dict[str, Any] = {}
    secrets, sqs, sns, ssm, s3 = (clients(name) for name in ("secretsmanager", "sqs", "sns", "ssm", "s3"))
    own["secret"] = secrets.create_secret(Name="k", SecretString="s", KmsKeyId="alias/data")["ARN"]
    sqs.create_queue(QueueName="k", Attributes={"KmsMasterKeyId": key["Arn"]})
    own["queue"] = f"arn:aws:sqs:us-east-1:{ACCOUNT}:k"
    own["topic"] = sns.create_topic(Name="k", Attributes={"KmsMasterKeyId": key["KeyId"]})["TopicArn"]
    ssm.put_parameter(Name="/k", Value="v", Type="SecureString", KeyId="alias/data")
    own["parameter"] = f"arn:aws:ssm:us-east-1:{ACCOUNT}:parameter/k"
    s3.create_bucket(Bucket="encrypted")
    rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key["Arn"]}}
    s3.put_bucket_encryption(Bucket="encrypted", ServerSideEncryptionConfiguration={"Rules": [rule]})
    s3.put_object(Bucket="encrypted", Key="o", Body=b"")
    own["bucket"] = "arn:aws:s3:::encrypted"
    own["object"] = "arn:aws:s3:::encrypted/o"
    assert {name: state.encryption_key(arn) for name, arn in own.items()} == dict.fromkeys(own, key["Arn"])


def test_aws_own_keys_ask_nobody_for_leave(state: CloudState, clients: Clients) -> None:
    kms, sqs, s3 = clients("kms"), clients("sqs"), clients("s3")
    aws_key = kms.describe_key(KeyId="alias/aws/s3")["KeyMetadata"]["KeyId"]
    sqs.create_queue(QueueName="aws-key", Attributes={"KmsMasterKeyId": aws_key})
    s3.create_bucket(Bucket="unencrypted")
    s3.put_object(Bucket="unencrypted", Key="o", Body=b"")
    secret = clients("secretsmanager").create_secret(Name="aws-key", SecretString="s")["ARN"]
    for arn in (
        f"arn:aws:sqs:us-east-1:{ACCOUNT}:aws-key",
        f"arn:aws:sqs:us-east-1:{ACCOUNT}:absent",
        secret,
        "arn:aws:s3:::unencrypted",
        "arn:aws:s3:::unencrypted/o",
        "arn:aws:s3:::nobodys/o",
        "*",
    ):
        assert state.encryption_key(arn) is None, arn


def test_boundaries_and_mapped_functions(state: CloudState, clients: Clients) -> None:
    boundary = "arn:aws:iam::aws:policy/ReadOnlyAccess"
    role = clients("iam").create_role(RoleName="limited", AssumeRolePolicyDocument=TRUST, PermissionsBoundary=boundary)[
        "Role"
    ]["Arn"]
    assert state.permissions_boundary(role) == boundary
    assert state.permissions_boundary(role + "2") is None
    assert state.mapped_function("mapping") == "function"
    assert state.mapped_function("other") is None
