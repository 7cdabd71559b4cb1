"""Clients of OpenID Connect providers come and go."""

from __future__ import annotations

from tests.gateway.conftest import Clients


def test_a_client_is_added_once_and_removed(clients: Clients) -> None:
    iam = clients("iam")
    made = iam.create_open_id_connect_provider(Url="https://issuer.example.com", ClientIDList=["one"])
    named = {"OpenIDConnectProviderArn": made["OpenIDConnectProviderArn"]}

    def found() -> list[str]:
        return list(iam.get_open_id_connect_provider(**named)["ClientIDList"])

    for _ in range(2):
        iam.add_client_id_to_open_id_connect_provider(**named, ClientID="two")
    assert found() == ["one", "two"]
    for _ in range(2):
        iam.remove_client_id_from_open_id_connect_provider(**named, ClientID="one")
    assert found() == ["two"]
