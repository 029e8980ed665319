"""Keys of a tenant: what its keyed hashes of numbers and its links are made with.

They are made at first use and kept in the database. Where LUMIERE_SMS_SECRET is set, it is mixed in, so that who has
the database alone can neither make a link nor try numbers against the hashes. It must then be the same for every
daemon and command, and never change: beside each key stands a proof of the secret that it was first used with, and
with another one it is not given out. Links that people have would not be known any more.
"""

import hmac
import os
from collections.abc import Collection
from hashlib import sha256
from typing import Literal, LiteralString, get_args
from uuid import UUID

from lumiere_sms.database.connection import Connection
from lumiere_sms.database.identifiers import new_id
from lumiere_sms.errors import ConfigurationError

Purpose = Literal["number", "link"]
PURPOSES: tuple[Purpose, ...] = get_args(Purpose)

_BYTES = 32
_PROOF = b"the secret that this key was first used with"


def key_of(connection: Connection, user_id: UUID, purpose: Purpose) -> bytes:
    """Return a tenant's key for a purpose, made if there is none yet; two who make it at once get the same.

    The secret that the database was opened with is mixed in.
    Raises: ConfigurationError where it is not the one that it was.
    """
    secret = connection.secret
    binds = {"user_id": user_id, "purpose": purpose}
    found = connection.execute(_FIND, binds).fetchone()
    if found is None:
        made = os.urandom(_BYTES)
        proof = _proof(_mixed(made, secret))
        connection.execute(_MAKE, {**binds, "id": new_id(), "key": made, "proof": proof})
        found = connection.execute(_FIND, binds).fetchone()
    assert found is not None, "it was just made, here or by another"
    key = _mixed(bytes(found["key"]), secret)
    if not hmac.compare_digest(_proof(key), bytes(found["proof"])):
        raise ConfigurationError(
            _OTHER if secret else _UNSET, hint="set it to what it was, or unset it if it was not set"
        )
    return key


def has_key(connection: Connection, user_id: UUID, purpose: Purpose) -> bool:
    """Say whether a tenant's key for a purpose was made."""
    return connection.execute(_FIND, {"user_id": user_id, "purpose": purpose}).fetchone() is not None


def number_macs(connection: Connection, user_id: UUID, numbers: Collection[str]) -> dict[str, bytes]:
    """Return the keyed hash of each phone number: a plain one could be tried with all the numbers that there are.

    Raises: ConfigurationError as `key_of`.
    """
    key = key_of(connection, user_id, "number") if numbers else b""
    return {number: hmac.digest(key, number.encode(), sha256) for number in numbers}


def _mixed(key: bytes, secret: str) -> bytes:
    return hmac.digest(key, secret.encode(), sha256)


def _proof(key: bytes) -> bytes:
    return hmac.digest(key, _PROOF, sha256)


_OTHER = "LUMIERE_SMS_SECRET is not the one that this business's links and hashes were made with"
_UNSET = "LUMIERE_SMS_SECRET is not set, and this business's links and hashes were made with one"
_FIND: LiteralString = "SELECT key, proof FROM secrets WHERE user_id = %(user_id)s AND purpose = %(purpose)s"
_MAKE: LiteralString = """
    INSERT INTO secrets (user_id, id, purpose, key, proof)
    VALUES (%(user_id)s, %(id)s, %(purpose)s, %(key)b, %(proof)b)
    ON CONFLICT (user_id, purpose) DO NOTHING
"""
