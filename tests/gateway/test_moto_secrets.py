"""A secret's description can be taken away."""

from __future__ import annotations

from tests.gateway.conftest import Clients


def test_an_empty_description_is_none_and_the_value_stays(clients: Clients) -> None:
    secrets = clients("secretsmanager")
    secrets.create_secret(Name="described", SecretString="value", Description="of before")
    secrets.update_secret(SecretId="described", Description="")
    assert not secrets.describe_secret(SecretId="described").get("Description")
    assert secrets.get_secret_value(SecretId="described")["SecretString"] == "value"
