"""What deciding costs: the evaluator alone, the worst of bad input, and the whole gateway beside moto's own server."""

from __future__ import annotations

import gc
import json
import statistics
import time
from collections.abc import Callable
from typing import Any

from sandbox import access
from sandbox.access.decision import Policies, Source
from tests.bench.figures import Figure, Ours, ours
from tests.bench.peers import MotoServer, client

TABLE = "arn:aws:dynamodb:us-east-1:123456789012:table/orders"
ROLE = "arn:aws:iam::123456789012:role/bench-reader"


def document(number: int) -> dict[str, Any]:
    """One of ten policies as roles have them: three statements, one of them with conditions."""
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": f"Queue{number}",
                "Effect": "Allow",
                "Action": ["sqs:SendMessage", "sqs:ReceiveMessage", "sqs:Delete*"],
                "Resource": [f"arn:aws:sqs:us-east-1:123456789012:queue-{number}-*"],
            },
            {
                "Sid": f"Table{number}",
                "Effect": "Allow",
                "Action": ["dynamodb:GetItem", "dynamodb:Query", "dynamodb:PutItem"],
                "Resource": [TABLE if number == 9 else f"{TABLE}-{number}", f"{TABLE}-{number}/index/*"],
            },
            {
                "Sid": f"Objects{number}",
                "Effect": "Deny",
                "Action": "s3:*",
                "Resource": "*",
                "Condition": {
                    "StringNotEquals": {"aws:RequestedRegion": ["us-east-1", "eu-west-1"]},
                    "Bool": {"aws:SecureTransport": "false"},
                },
            },
        ],
    }


def decision(rounds: int) -> list[Figure]:
    """One warm decision over ten policies, of which the last allows."""
    identity = [
        Source("identity", f"policy-{number}", access.parse(json.dumps(document(number))), "role/bench-reader")
        for number in range(10)
    ]
    policies = Policies(identity=identity)
    session = "arn:aws:sts::123456789012:assumed-role/bench-reader/bench"
    principal = access.Principal("AssumedRole", session, "123456789012", ROLE)
    context = access.Context({"aws:RequestedRegion": "us-east-1", "aws:SecureTransport": True})
    taken = []
    for number in range(rounds + 100):
        # Another resource each time: nothing is gained by remembering an answer.
        request = access.Request(principal, "dynamodb:Query", f"{TABLE}-9/index/{number}", context)
        began = time.perf_counter()
        decided = access.decide(request, policies)
        taken.append((time.perf_counter() - began) * 1000)
        if not decided.allowed:
            raise RuntimeError(f"denied: {decided.reason} at {number}")
    detail = f"{rounds} decisions, ten policies of three statements"
    return [Figure("decision p50", statistics.median(taken[100:]), "ms", 0.3, detail=detail)]


def bad_input(rounds: int) -> list[Figure]:
    """The slowest refusal or decision over documents that nobody should write."""
    wild = json.dumps(_allow("s3:GetObject", f"arn:aws:s3:::{'a*' * 500_000}b"))
    large = "[" + '"x",' * 2_500_000 + '"x"]'
    deep = '{"Statement":' * 50_000 + "1" + "}" * 50_000
    resource = "arn:aws:s3:::bucket/" + "a" * 1_000
    keys = {f"aws:RequestTag/{number}": [str(number)] for number in range(1_900)}
    crowded = _allow("s3:GetObject", "*")
    crowded["Statement"][0]["Condition"] = {"StringLike": keys}
    cases: dict[str, Callable[[], object]] = {
        "10 MB": lambda: _refused(large),
        "deep nesting": lambda: _refused(deep),
        "a million characters": lambda: _refused(wild),
        "as many stars as fit": lambda: _decided(
            _allow("s3:GetObject", "arn:aws:s3:::" + "a*" * 1_000 + "b"), resource
        ),
        "1,900 conditions": lambda: _decided(crowded, resource),
        "look-alikes": lambda: _decided(_allow("ſ3:GetObject", "*"), resource),
    }
    # What earlier measurements left in this process is not looked through again, as in a sandbox (sandbox/nursery.py).
    gc.collect()
    gc.freeze()
    slowest, name = 0.0, ""
    for case, run in cases.items():
        for _ in range(rounds):
            began = time.perf_counter()
            run()
            took = (time.perf_counter() - began) * 1000
            if took > slowest:
                slowest, name = took, case
    return [Figure("worst bad input", slowest, "ms", 50.0, detail=f"{name}; {rounds} rounds of {len(cases)} cases")]


def _allow(action: str, resource: str) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": action, "Resource": resource}]}


def _refused(text: str) -> None:
    try:
        access.parse(text)
    except access.MalformedPolicy:
        return
    raise RuntimeError("a document that should be refused was taken")


def _decided(policy: dict[str, Any], resource: str) -> None:
    try:
        source = Source("identity", "bad", access.parse(policy))
    except access.MalformedPolicy:
        return
    principal = access.Principal("User", "arn:aws:iam::123456789012:user/bench", "123456789012")
    if access.decide(access.Request(principal, "s3:GetObject", resource), Policies(identity=[source])).allowed:
        raise RuntimeError("a look-alike or a pattern that does not match was allowed")


def overhead(rounds: int) -> list[Figure]:
    """The same calls through boto3, ours (signature, ten policies, record) and moto's own server, in turn."""
    block = 50
    peer = MotoServer()
    with ours() as sandbox:
        peer.start()
        try:
            callers = {
                "ours": _reader(sandbox),
                "moto": (client("dynamodb", peer.endpoint), client("sqs", peer.endpoint)),
            }
            urls = {}
            administrator = client("dynamodb", sandbox.endpoint, sandbox.credentials)
            queues = client("sqs", sandbox.endpoint, sandbox.credentials)
            for name, (tables, queue) in {"ours": (administrator, queues), "moto": callers["moto"]}.items():
                tables.create_table(
                    TableName="orders",
                    KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
                    AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
                    BillingMode="PAY_PER_REQUEST",
                )
                tables.put_item(TableName="orders", Item={"id": {"S": "1"}})
                urls[name] = queue.create_queue(QueueName="queue-9-orders")["QueueUrl"]
            taken: dict[tuple[str, str], list[float]] = {}
            for turn in range(max(rounds // block, 1) + 1):
                for name, (tables, queue) in callers.items():
                    for _ in range(block):
                        began = time.perf_counter()
                        found = tables.get_item(TableName="orders", Key={"id": {"S": "1"}})
                        between = time.perf_counter()
                        queue.get_queue_attributes(QueueUrl=urls[name], AttributeNames=["QueueArn"])
                        ended = time.perf_counter()
                        if "Item" not in found:
                            raise RuntimeError(f"{name} has lost the item")
                        if turn:
                            taken.setdefault((name, "GetItem"), []).append((between - began) * 1000)
                            taken.setdefault((name, "GetQueueAttributes"), []).append((ended - between) * 1000)
        finally:
            peer.stop()
    figures = []
    for operation in ("GetItem", "GetQueueAttributes"):
        a, b = (statistics.median(taken[name, operation]) for name in ("ours", "moto"))
        detail = f"{a:.2f} ms against moto's {b:.2f} ms, {len(taken['ours', operation])} calls each in turn"
        figures.append(Figure(f"{operation} p50 over moto's own server", a - b, "ms", 1.0, detail=detail))
    return figures


def _reader(sandbox: Ours) -> tuple[Any, Any]:
    """Clients with a session of a role that has ten policies."""
    iam = client("iam", sandbox.endpoint, sandbox.credentials)
    trust = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": {"AWS": "123456789012"}, "Action": "sts:AssumeRole"}],
    }
    iam.create_role(RoleName="bench-reader", AssumeRolePolicyDocument=json.dumps(trust))
    for number in range(10):
        policy = document(number)
        policy["Statement"][0]["Action"].append("sqs:GetQueueAttributes")
        iam.put_role_policy(RoleName="bench-reader", PolicyName=f"policy-{number}", PolicyDocument=json.dumps(policy))
    sts = client("sts", sandbox.endpoint, sandbox.credentials)
    given = sts.assume_role(RoleArn=ROLE, RoleSessionName="bench")["Credentials"]
    session = {
        "AWS_ACCESS_KEY_ID": given["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": given["SecretAccessKey"],
        "AWS_SESSION_TOKEN": given["SessionToken"],
    }
    return client("dynamodb", sandbox.endpoint, session), client("sqs", sandbox.endpoint, session)


MEASURES: dict[str, tuple[Callable[[Any], list[Figure]], Any, Any]] = {
    "decision": (decision, 5000, 500),
    "bad-input": (bad_input, 5, 1),
    "overhead": (overhead, 1000, 100),
}
