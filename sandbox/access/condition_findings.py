"""Findings on the conditions of a statement: operators, keys, values, and whether they can do what they seem to.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
"""

from __future__ import annotations

import base64
import binascii
import ipaddress
import re
from dataclasses import dataclass

from sandbox.access import catalog, conditions
from sandbox.access.catalog import ConditionKey
from sandbox.access.elements import is_date
from sandbox.access.principal_findings import GITHUB, keys_of
from sandbox.access.request import fold
from sandbox.access.resource_findings import REGIONS, check_variables
from sandbox.access.review import Place, Review, each_of

#: The operators' families, by the beginning of their names.
_FAMILIES = ("String", "Numeric", "Date", "Bool", "Binary", "IpAddress", "NotIpAddress", "Arn", "Null")
#: What the operators of a key's type are called, and the families that fit it.
_FITTING = {
    "String": ("String", {"String"}),
    "ARN": ("ARN", {"Arn", "String"}),
    "Bool": ("Boolean", {"Bool"}),
    "Date": ("Date", {"Date"}),
    "Numeric": ("Numeric", {"Numeric"}),
    "IPAddress": ("IP address", {"IpAddress", "NotIpAddress"}),
    "Binary": ("Binary", {"Binary"}),
}
#: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html#condition-keys-sensitive
_SENSITIVE = frozenset(
    fold(key)
    for key in [
        "aws:PrincipalAccount",
        "aws:PrincipalOrgID",
        "aws:ResourceAccount",
        "aws:ResourceOrgID",
        "aws:SourceAccount",
        "aws:SourceOrgID",
        "aws:SourceVpc",
        "aws:SourceVpce",
        "aws:VpceAccount",
        "aws:VpceOrgID",
    ]
)
#: What the caller may set as it likes, by the page of the global keys.
_UNTRUSTWORTHY = ("aws:referer", "aws:useragent")
#: Keys that are safe only beside another.
_PAIRS = {
    "aws:vpcsourceip": ("aws:SourceVpc",),
    "aws:ec2instancesourceprivateipv4": ("aws:Ec2InstanceSourceVpc",),
}
#: Keys whose values are service principals, and how those look.
_SERVICE = re.compile(r"[a-z0-9-]+(?:\.[a-z0-9-]+)*\.(?:amazonaws|amazon)\.com(?:\.cn)?")
_VIA_SERVICE = re.compile(r"[a-z0-9-]+\.[a-z]{2}[a-z-]*-\d+\.amazonaws\.com(?:\.cn)?")
_SERVICE_KEYS = ("aws:calledvia", "aws:calledviafirst", "aws:calledvialast", "aws:principalservicename")
_KMS_KEY = re.compile(r"arn:aws[a-z-]*:kms:[a-z0-9*?-]+:[\d*?]+:key/.+")
_VPC = re.compile(r"vpc-(?:[0-9a-z]{8}|[0-9a-z]{17})")
_VPCE = re.compile(r"vpce-(?:[0-9a-z]{8}|[0-9a-z]{17})")
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)


@dataclass(frozen=True, slots=True)
class _Test:
    """One operator with one key in a statement."""

    statement: Place
    allows: bool
    operator: str
    bare: str
    family: str
    several: str | None
    if_exists: bool
    key: str
    name: Place
    values: Place

    @property
    def folded(self) -> str:
        return fold(self.key)

    @property
    def negated(self) -> bool:
        return "Not" in self.bare

    @property
    def like(self) -> bool:
        return self.bare in ("StringLike", "StringNotLike")

    @property
    def texts(self) -> list[str]:
        return [_text(each) for each in self.values.each()]


def _text(place: Place) -> str:
    value = place.node.value
    return str(value).lower() if isinstance(value, bool) else "" if value is None else str(value)


def check_conditions(review: Review, statement: Place) -> None:
    """Look at a statement's Condition."""
    condition = statement.member("Condition")
    if condition is None:
        return
    if condition.node.kind != "object":
        review.add("DATA_TYPE_MISMATCH", condition, data_type="Object")
        return
    if not condition.node.members:
        review.add("EMPTY_OBJECT_CONDITION", condition)
    effect = statement.member("Effect")
    allows = effect is not None and effect.text == "Allow"
    tests: list[_Test] = []
    for operator, block in condition.members():
        if _operator(review, condition.key(operator), operator, block):
            bare, several, if_exists = conditions.split(operator)
            family = next((each for each in _FAMILIES if bare.startswith(each)), "")
            _same_keys(review, block)
            for key, values in block.members():
                name = block.key(key)
                tests.append(_Test(statement, allows, operator, bare, family, several, if_exists, key, name, values))
    for test in tests:
        known = _key(review, test)
        _values(review, test)
        if known is not None:
            _kind(review, test, known)
            _support(review, test, known)
        _meaning(review, test)
    _together(review, statement, allows)


def _operator(review: Review, name: Place, operator: str, block: Place) -> bool:
    """Whether the operator is one, with an object of keys."""
    bare, several, if_exists = conditions.split(operator)
    if bare not in conditions.OPERATORS and bare != "Null":
        review.add("INVALID_CONDITION_OPERATOR", name, operator=operator)
        return False
    if bare == "Null" and if_exists:
        review.add("NULL_WITH_IF_EXISTS", name)
    if bare == "Null" and several:
        review.add("NULL_WITH_QUALIFIER", name)
    if block.node.kind != "object":
        review.add("DATA_TYPE_MISMATCH", block, data_type="Object")
        return False
    if not block.node.members:
        review.add("EMPTY_OBJECT_CONDITION", block)
    return True


def _same_keys(review: Review, block: Place) -> None:
    first: dict[str, str] = {}
    for key, _ in block.members():
        if fold(key) in first:
            places = (block.key(first[fold(key)]), block.key(key))
            review.add("DUPLICATE_KEYS_WITH_DIFFERENT_CASE", *places, key=key)
        first.setdefault(fold(key), key)


# -- keys ----------------------------------------------------------------------------------------------


def _key(review: Review, test: _Test) -> ConditionKey | None:
    known = catalog.condition_key(test.key)
    if known is not None:
        return known
    prefix, colon, rest = test.key.partition(":")
    shown = {"key": test.key}
    if not colon or not rest or not prefix:
        review.add("INVALID_CONDITION_KEY_FORMAT", test.name)
    elif test.folded == "aws:arn":
        review.add("UNSUPPORTED_GLOBAL_CONDITION_KEY", test.name)
    elif test.folded.rstrip("/") in [fold(each).rstrip("/") for each in catalog.TAG_PREFIXES]:
        review.add("MISSING_TAG_KEY_IN_CONDITION", test.name, key=test.key.rstrip("/") + "/")
    elif fold(prefix) == "aws":
        review.add("INVALID_GLOBAL_CONDITION_KEY", test.name, **shown)
    elif not catalog.key_services(test.key):
        review.add("INVALID_SERVICE", test.name, service=prefix)
    else:
        review.add("INVALID_SERVICE_CONDITION_KEY", test.name, service=prefix, **shown)
    return None


def _kind(review: Review, test: _Test, known: ConditionKey) -> None:
    """Whether the operator is one for such a key."""
    shown = {"key": test.key}
    if test.family == "Null":
        return
    allowed, fitting = _FITTING[known.type]
    either = test.folded == "aws:epochtime" and test.family == "Numeric"
    if test.like and known.type == "ARN":
        code = "STRING_LIKE_OPERATOR_WITH_ARN_CONDITION_KEYS"
        review.add(
            code, test.name, allowed="ArnNotLike" if test.negated else "ArnLike", operator=test.operator, **shown
        )
    elif test.family not in fitting and not either and test.folded != "aws:federatedprovider":
        review.add("TYPE_MISMATCH", test.name, allowed=allowed, operator=test.operator, **shown)
    if known.multivalued and test.several is None:
        review.add("MISSING_QUALIFIER", test.name, **shown)
    if not known.multivalued and test.several == "ForAllValues" and test.allows:
        review.add("FORALLVALUES_WITH_SINGLE_VALUED_KEY", test.name, **shown)
    if test.several == "ForAnyValue" and "." in test.key and test.folded.endswith(":aud"):
        review.add("FORANYVALUE_WITH_AUDIENCE_CLAIM_TYPE", test.name, **shown)


def _support(review: Review, test: _Test, known: ConditionKey) -> None:
    """Whether the statement's actions know the key. Actions with wildcards are not looked at, as AWS says."""
    if test.family == "Null" or test.if_exists:
        return
    if test.folded.startswith("aws:resourcetag/"):
        _tagged(review, test)
        return
    if fold(known.name) in catalog.global_condition_keys():
        return
    named = [each for each in each_of(test.statement.member("Action")) if each.text and "*" not in each.text]
    found = [(each, catalog.action(each.text or "")) for each in named]
    actions = [(each, one) for each, one in found if one is not None]
    if "." in test.key.partition(":")[0] and not any(known.name in one.all_condition_keys for _, one in actions):
        # A claim that the reference does not list: nothing is known of it.
        return
    unsupported = [each for each, one in actions if known.name not in one.all_condition_keys]
    if unsupported:
        listed = ", ".join(each.text or "" for each in unsupported)
        code = "UNSUPPORTED_ACTION_FOR_CONDITION_KEY"
        review.add(code, *unsupported, test.values, actions=listed, key=test.key)


def _tagged(review: Review, test: _Test) -> None:
    """aws:ResourceTag with services that don't know it."""
    effect = "ALLOW" if test.allows else "DENY"
    shown = {"key": test.key}
    if test.statement.member("NotAction") is not None:
        review.add(f"{effect}_NOTACTION_WITH_UNSUPPORTED_TAG_CONDITION_KEY_FOR_SERVICE", test.name, **shown)
        return
    supported: dict[str, bool] = {}
    for pattern in each_of(test.statement.member("Action")):
        service, colon, _ = (pattern.text or "").partition(":")
        if not colon or "*" in service or fold(service) not in catalog.services():
            continue
        knows = not review.look() or any(
            one is not None and "aws:ResourceTag/${TagKey}" in one.all_condition_keys
            for one in map(catalog.action, catalog.matching(pattern.text or ""))
        )
        supported[fold(service)] = supported.get(fold(service), False) or knows
    without = sorted(service for service, knows in supported.items() if not knows)
    if without:
        code = f"{effect}_WITH_UNSUPPORTED_TAG_CONDITION_KEY_FOR_SERVICE"
        review.add(code, test.name, services=", ".join(without), **shown)


# -- values --------------------------------------------------------------------------------------------


def _values(review: Review, test: _Test) -> None:
    values = test.values.each()
    shown = {"key": test.key}
    if not values:
        code = "EMPTY_ARRAY_CONDITION"
        if test.several:
            code += f"_{test.several.upper()}"
        elif test.if_exists:
            code += "_IFEXISTS"
        review.add(code, test.values, **shown)
        return
    kinds = {value.node.kind for value in values}
    if kinds & {"object", "array", "null"}:
        review.add("DATA_TYPE_MISMATCH", test.values, data_type="String")
        return
    if len(kinds) > 1:
        review.add("INVALID_CONDITION_DATA_TYPE", test.values)
    if test.family in ("Bool", "Null") and len(values) > 1:
        review.add("INVALID_CONDITION_MULTIPLE_BOOLEAN", test.values)
    for value in values:
        text = _text(value)
        if check_variables(review, value, text):
            if test.family not in ("String", "Arn"):
                review.add("INVALID_VARIABLE_FOR_OPERATOR", value)
            continue
        _value(review, test, value, text)
    if test.folded == "aws:sourceip" and test.family in ("IpAddress", "NotIpAddress"):
        _private(review, test)
    limits = test.bare.startswith(("NumericLess", "NumericGreater"))
    if limits and len(values) > 1:
        which = "greatest" if "Less" in test.bare else "least"
        review.add("REDUNDANT_CONDITION_VALUE_NUM", test.values, operator=test.operator, which=which, **shown)


def _value(review: Review, test: _Test, place: Place, text: str) -> None:
    """Whether a value is one of the operator's type; and of the key's form, where it has one."""
    if test.family in ("Bool", "Null") and fold(text) not in ("true", "false"):
        review.add("TYPE_MISMATCH_BOOLEAN", place, operator=test.operator)
    elif test.family == "Numeric" and not _NUMBER.fullmatch(text):
        review.add("TYPE_MISMATCH_NUMBER", place, operator=test.operator)
    elif test.family == "Date" and text.isascii() and text.isdecimal() and len(text) > 4:
        review.add("INVALID_DATE_VALUE", place, date=text)
    elif test.family == "Date" and not is_date(text):
        review.add("TYPE_MISMATCH_DATE", place)
    elif test.family == "Binary" and not _is_base64(text):
        review.add("TYPE_MISMATCH_STRING", place, operator=test.operator)
    elif test.family in ("IpAddress", "NotIpAddress"):
        _network(review, test, place, text)
    if "*" in text or "?" in text:
        if test.bare in ("StringEquals", "StringNotEquals", "StringEqualsIgnoreCase", "StringNotEqualsIgnoreCase"):
            review.add("WILDCARD_WITHOUT_LIKE_OPERATOR", place)
        if test.like and test.folded in _SENSITIVE and text != "*":
            review.add("WILDCARD_USAGE_TOO_PERMISSIVE", place, key=test.key)
        return
    if test.family in ("String", "Arn"):
        _form(review, test, place, text)


def _form(review: Review, test: _Test, place: Place, text: str) -> None:
    if test.folded == "aws:sourcevpc" and not _VPC.fullmatch(text):
        review.add("INVALID_VPC_FORMAT", place)
    elif test.folded == "aws:sourcevpce" and not _VPCE.fullmatch(text):
        review.add("INVALID_VPCE_FORMAT", place)
    elif test.folded == "aws:requestedregion" and text not in REGIONS:
        review.add("INVALID_REGION", place, region=text)
    elif test.folded in (*_SERVICE_KEYS, "iam:passedtoservice") and not _SERVICE.fullmatch(text):
        review.add("INVALID_SERVICE_PRINCIPAL_FORMAT", place, format="service-name.amazonaws.com")
    elif test.folded == "kms:viaservice" and not _VIA_SERVICE.fullmatch(text):
        review.add("INVALID_SERVICE_PRINCIPAL_FORMAT", place, format="service-name.AWS_region.amazonaws.com")
    elif test.folded == "s3:x-amz-server-side-encryption-aws-kms-key-id" and not _KMS_KEY.fullmatch(text):
        review.add("INVALID_KMS_KEY_VALUE", place, key=test.key)


def _is_base64(text: str) -> bool:
    try:
        base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return False
    return True


def _network(review: Review, test: _Test, place: Place, text: str) -> None:
    network = _parsed(text)
    if network is None:
        review.add("TYPE_MISMATCH_IP_RANGE", place, operator=test.operator)
    elif "/" in text and str(network.network_address) != str(ipaddress.ip_address(text.partition("/")[0])):
        review.add("IMPROVE_IP_RANGE", place, address=str(network))


def _parsed(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    try:
        return ipaddress.ip_network(text, strict=False) if len(text) < 64 else None
    except ValueError:
        return None


#: What is_private would take too: documentation and other special ranges are not what a policy means by private.
_PRIVATE = tuple(
    ipaddress.ip_network(each)
    for each in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "127.0.0.0/8", "169.254.0.0/16", "fc00::/7")
)


def _is_private(network: ipaddress.IPv4Network | ipaddress.IPv6Network) -> bool:
    first, last = int(network.network_address), int(network.broadcast_address)
    return any(
        network.version == each.version and int(each.network_address) <= first and last <= int(each.broadcast_address)
        for each in _PRIVATE
    )


def _private(review: Review, test: _Test) -> None:
    networks = [network for network in map(_parsed, test.texts) if network is not None]
    private = [network for network in networks if _is_private(network)]
    if not private:
        return
    code = "PRIVATE_NOT_IP_ADDRESS" if test.negated else "PRIVATE_IP_ADDRESS"
    review.add(code if len(private) == len(networks) else f"{code}_SUBSET", test.values)


# -- what a condition comes to -------------------------------------------------------------------------


def _meaning(review: Review, test: _Test) -> None:
    shown = {"key": test.key}
    if test.folded in _UNTRUSTWORTHY:
        review.add("UNTRUSTWORTHY_CONDITION_KEY", test.name, **shown)
    if test.folded == "s3:prefix" and test.family == "String" and test.allows == test.negated:
        review.add("S3_PREFIX_IN_NEGATIVE_CONTEXT", test.name)
    bucket = review.resource_type in ("AWS::S3::Bucket", "AWS::S3::AccessPoint")
    if test.folded == "s3:resourceaccount" and bucket:
        review.add("IRRELEVANT_CONDITION_KEY_IN_POLICY", test.name, resource_type=review.resource_type, **shown)
    if test.folded == f"{GITHUB}:sub" and test.like and test.allows:
        for value in test.values.each():
            if _too_wide_for_github(_text(value)) and f"{GITHUB}:ref" not in _folded_keys(test.statement):
                review.add("SPECIFIC_GITHUB_REPO_AND_BRANCH_RECOMMENDED", value)
    if test.like and test.texts and all(text and not text.strip("*") for text in test.texts):
        _matches_everything(review, test)


def _too_wide_for_github(subject: str) -> bool:
    """Whether a subject pattern leaves the repository or the branch open: `repo:octo/app:*`, `repo:octo/*`."""
    return "*" in subject or "?" in subject


def _matches_everything(review: Review, test: _Test) -> None:
    """A pattern of stars only says no more than whether the key is there."""
    shown = {"key": test.key, "operator": test.operator}
    if test.several == "ForAnyValue" and test.negated:
        review.add("REDUNDANT_STATEMENT_DUE_TO_WILDCARD_IN_CONDITION", test.name, **shown)
    elif test.several == "ForAllValues" or (test.if_exists and not test.negated):
        if not test.negated:
            review.add("REDUNDANT_KEY_DUE_TO_WILDCARD_IN_CONDITION", test.name, **shown)
    elif test.negated:
        review.add("EQUIVALENT_TO_NULL_TRUE", test.name, **shown)
    else:
        review.add("EQUIVALENT_TO_NULL_FALSE", test.name, **shown)


def _folded_keys(statement: Place) -> set[str]:
    return {fold(key) for key, _ in keys_of(statement)}


def _together(review: Review, statement: Place, allows: bool) -> None:
    """Keys that need one another."""
    keys = {fold(key): (key, place) for key, place in keys_of(statement)}
    for key, needed in _PAIRS.items():
        if key in keys and not any(fold(each) in keys for each in needed):
            name, place = keys[key]
            code = "MISSING_PAIRED_CONDITION_KEYS"
            review.add(code, place, keys=", ".join(needed), key=name)
    if allows and "dynamodb:attributes" in keys and "dynamodb:select" not in keys:
        review.add("DYNAMODB_ATTRIBUTES_WITHOUT_SELECT", keys["dynamodb:attributes"][1])
    if review.policy_type == "RESOURCE_CONTROL_POLICY" and not allows:
        _services_spared(review, statement, keys)


#: https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_rcps_examples.html
_OF_PRINCIPAL = ("aws:principalaccount", "aws:principalarn", "aws:principalorgid", "aws:principalorgpaths")
_OF_SOURCE = ("aws:sourceaccount", "aws:sourcearn", "aws:sourceorgid", "aws:sourceorgpaths")


def _services_spared(review: Review, statement: Place, keys: dict[str, tuple[str, Place]]) -> None:
    """Resource control policies bear on services too, which have no organization."""
    spared = _tested(statement, "BoolIfExists", "aws:PrincipalIsAWSService")
    for key in _OF_PRINCIPAL:
        if key in keys and "false" not in spared:
            name, place = keys[key]
            review.add("RCP_MISSING_RELATED_PRINCIPAL_CONDITION_KEY", place, key=name)
    tested = [key for key in _OF_SOURCE if key in keys and not _only_null(statement, keys[key][0])]
    there = _tested(statement, "Null", "aws:SourceAccount") + _tested(statement, "Null", "aws:SourceArn")
    for key in tested:
        name, place = keys[key]
        if "true" not in spared + _tested(statement, "Bool", "aws:PrincipalIsAWSService"):
            review.add("RCP_MISSING_RELATED_SERVICE_PRINCIPAL_CONDITION_KEY", place, key=name)
        if "false" not in there:
            review.add("RCP_MISSING_SERVICE_CONDITION_KEY_NULL_CHECK", place, key=name)


def _tested(statement: Place, operator: str, key: str) -> list[str]:
    """The values with which an operator tests a key."""
    condition = statement.member("Condition")
    block = condition.member(operator) if condition is not None else None
    found: list[str] = []
    for name, values in block.members() if block is not None else ():
        if fold(name) == fold(key):
            found += [_text(each) for each in values.each()]
    return found


def _only_null(statement: Place, key: str) -> bool:
    """Whether a key is tested with Null and nothing else."""
    condition = statement.member("Condition")
    assert condition is not None
    return not any(key in block.node.members for operator, block in condition.members() if operator != "Null")
