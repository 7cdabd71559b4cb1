"""Descriptions of secrets: moto's Secrets Manager would keep one that is to be empty.

https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_UpdateSecret.html
tests/gateway/test_moto_secrets.py holds what is used of moto here.
"""

from __future__ import annotations

from types import ModuleType
from typing import Any

from sandbox.gateway import moto_adapter


def install() -> None:
    """Let moto's Secrets Manager take an empty description."""
    moto_adapter.after_import("moto.secretsmanager.models", _empty_descriptions)


def _empty_descriptions(models: ModuleType) -> None:
    backend = models.SecretsManagerBackend
    update = backend.update_secret

    def update_secret(self: Any, secret_id: str, *given: Any, **named: Any) -> Any:
        answer = update(self, secret_id, *given, **named)
        if named.get("description") == "":
            self.secrets[secret_id].description = ""
        return answer

    backend.update_secret = update_secret
