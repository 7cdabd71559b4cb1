"""moto's user pools of Cognito: their tokens, signed by a key that each pool has for itself, and those keys.

moto signs every token of every pool by one key that anyone finds in its package, and lets it live for an hour whatever
the app client says. What authorises requests may not be had so cheaply.
https://docs.aws.amazon.com/cognito/latest/developerguide/amazon-cognito-user-pools-using-tokens-verifying-a-jwt.html
"""

from __future__ import annotations

import base64
import hashlib
import re
import sys
import threading
from collections.abc import Mapping
from types import ModuleType
from typing import Any

from sandbox.gateway import moto_adapter

_ISSUER = re.compile(r"https://cognito-idp\.([a-z0-9-]+)\.amazonaws\.com/([\w-]+_[0-9a-zA-Z]+)")
_SECONDS = {"seconds": 1, "minutes": 60, "hours": 3600, "days": 86_400}
#: How long tokens live by default, in seconds: an hour.
_LIFETIME = 3600

_lock = threading.Lock()


def install() -> None:
    """Have moto changed when it loads Cognito."""
    moto_adapter.after_import("moto.cognitoidp.models", _sign_by_own_keys)
    moto_adapter.after_import("moto.cognitoidp.models", _update_as_a_whole)


def keys(issuer: str) -> Mapping[str, Any] | None:
    """The public keys, by their id, of the user pool that is this issuer; None if it is none, or there is no such."""
    found = _ISSUER.fullmatch(issuer)
    module = sys.modules.get("moto.cognitoidp.models")
    if found is None or module is None:
        return None
    region, pool_id = found.groups()
    for account in list(module.cognitoidp_backends):
        # Not by indexing: that makes what is asked for, or fails.
        backend = dict.get(module.cognitoidp_backends[account], region)
        pool = backend.user_pools.get(pool_id) if backend is not None else None
        if pool is not None:
            return {_key_id(pool): _key(pool).public_key()}
    return None


def _key(pool: Any) -> Any:
    """The pool's private key, made when it is first asked for."""
    with _lock:
        if getattr(pool, "signing_key", None) is None:
            from cryptography.hazmat.primitives.asymmetric import rsa

            pool.signing_key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        return pool.signing_key


def _key_id(pool: Any) -> str:
    return base64.b64encode(hashlib.sha256(pool.id.encode()).digest()).decode()


def _lifetime(pool: Any, client_id: str, token_use: str) -> int:
    """How long a client's tokens live, in seconds.

    https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_CreateUserPoolClient.html
    """
    client = pool.clients.get(client_id)
    settings = client.extended_config if client is not None else {}
    kind = "IdToken" if token_use == "id" else "AccessToken"
    amount = settings.get(f"{kind}Validity")
    unit = (settings.get("TokenValidityUnits") or {}).get(kind) or "hours"
    return int(amount) * _SECONDS[unit] if amount else _LIFETIME


def _attributes(pool: Any, client_id: str, username: str) -> dict[str, Any]:
    """The user's attributes in an ID token: an app client that names none to read may read them all.

    https://docs.aws.amazon.com/cognito/latest/developerguide/user-pool-settings-attributes.html
    """
    client = pool.clients.get(client_id)
    if client is None or client.extended_config.get("ReadAttributes"):
        return {}
    found = {each["Name"]: each["Value"] for each in pool._get_user(username).attributes}
    verified = {name: found[name] == "true" for name in ("email_verified", "phone_number_verified") if name in found}
    return found | verified


def _sign_by_own_keys(module: ModuleType) -> None:
    create = module.CognitoIdpUserPool.create_jwt

    def create_jwt(
        self: Any,
        client_id: str,
        username: str,
        token_use: str,
        expires_in: int = _LIFETIME,
        extra_data: dict[str, Any] | None = None,
    ) -> tuple[str, int]:
        import jwt

        token, _ = create(self, client_id, username, token_use, expires_in, extra_data)
        claims = jwt.decode(token, options={"verify_signature": False})
        expires_in = _lifetime(self, client_id, token_use)
        claims["exp"] = claims["iat"] + expires_in
        if token_use == "id":
            claims = {**_attributes(self, client_id, username), **claims}
        return jwt.encode(claims, _key(self), algorithm="RS256", headers={"kid": _key_id(self)}), expires_in

    module.CognitoIdpUserPool.create_jwt = create_jwt


#: What only the creation of a user pool takes, and an update leaves as it is.
_FIXED = ("AliasAttributes", "UsernameAttributes", "UsernameConfiguration")


def _update_as_a_whole(module: ModuleType) -> None:
    """An update says all that is to be; what it does not say goes back to its default, but for what can't be changed.

    https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_UpdateUserPool.html
    """
    backend = module.CognitoIdpBackend
    update, delete = backend.update_user_pool, backend.delete_user_pool

    def update_user_pool(self: Any, user_pool_id: str, extended_config: dict[str, Any]) -> None:
        pool = self.describe_user_pool(user_pool_id)
        fixed = {name: pool.extended_config[name] for name in _FIXED if name in pool.extended_config}
        given = dict(extended_config)
        pool.name = given.pop("PoolName", None) or pool.name
        update(self, user_pool_id, {**given, **fixed})

    def delete_user_pool(self: Any, user_pool_id: str) -> None:
        if self.describe_user_pool(user_pool_id).extended_config.get("DeletionProtection") == "ACTIVE":
            raise module.InvalidParameterException(
                "The user pool cannot be deleted because deletion protection is activated. Deletion protection must "
                "be inactivated first."
            )
        delete(self, user_pool_id)

    def update_user_pool_client(self: Any, user_pool_id: str, client_id: str, extended_config: dict[str, Any]) -> Any:
        client = self.describe_user_pool_client(user_pool_id, client_id)
        name = {"ClientName": client.extended_config.get("ClientName")}
        new = module.CognitoIdpUserPoolClient(user_pool_id, client.generate_secret, {**name, **extended_config})
        client.extended_config = new.extended_config
        return client

    backend.update_user_pool = update_user_pool
    backend.delete_user_pool = delete_user_pool
    backend.update_user_pool_client = update_user_pool_client
