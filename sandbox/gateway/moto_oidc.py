"""The clients (audiences) of an OpenID Connect provider, which moto takes at its creation only.

https://docs.aws.amazon.com/IAM/latest/APIReference/API_AddClientIDToOpenIDConnectProvider.html
tests/gateway/test_moto_oidc.py holds what is used of moto here.
"""

from __future__ import annotations

from types import ModuleType
from typing import Any

from sandbox.gateway import moto_adapter


def install() -> None:
    """Let moto's IAM answer AddClientIDToOpenIDConnectProvider and RemoveClientIDFromOpenIDConnectProvider."""
    moto_adapter.after_import("moto.iam.responses", _answer)


def _answer(responses: ModuleType) -> None:
    from moto.core.responses import EmptyResult

    def clients(self: Any) -> tuple[list[str], str]:
        arn, client = self._get_param("OpenIDConnectProviderArn"), self._get_param("ClientID")
        return self.backend.get_open_id_connect_provider(arn).client_id_list, str(client)

    def add(self: Any) -> Any:
        kept, client = clients(self)
        if client not in kept:
            kept.append(client)
        return EmptyResult()

    def remove(self: Any) -> Any:
        kept, client = clients(self)
        if client in kept:
            kept.remove(client)
        return EmptyResult()

    responses.IamResponse.add_client_id_to_open_id_connect_provider = add
    responses.IamResponse.remove_client_id_from_open_id_connect_provider = remove
