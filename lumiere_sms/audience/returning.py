"""Numbers that come back after their owner was erased: a refusal that is known by its keyed hash alone is theirs again.

Hashes are made only where a tenant has such refusals.
"""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import LiteralString
from uuid import UUID

from lumiere_sms.database.connection import Connection
from lumiere_sms.database.secrets import number_macs

_AT_ONCE = 10_000


def take_back(connection: Connection, user_id: UUID, numbers: Iterable[str]) -> list[tuple[str, str]]:
    """Give suppressions their numbers again; return these, each with the reason.

    Called wherever numbers come in, before it is asked who may be texted.
    """
    if not _has_nameless(connection, user_id):
        return []
    taken: list[tuple[str, str]] = []
    for some in _in_parts(numbers):
        macs = number_macs(connection, user_id, some)
        binds = {"user_id": user_id, "numbers": list(macs), "macs": list(macs.values())}
        taken += [(row["phone_number"], row["reason"]) for row in connection.execute(_TAKE, binds)]
    return taken


def nameless(connection: Connection, user_id: UUID, numbers: Iterable[str]) -> set[str]:
    """Return which numbers are refused already by their keyed hash alone; that changes nothing."""
    if not _has_nameless(connection, user_id):
        return set()
    known = set[str]()
    for some in _in_parts(numbers):
        by_mac = {mac: number for number, mac in number_macs(connection, user_id, some).items()}
        found = connection.execute(_KNOWN, {"user_id": user_id, "macs": list(by_mac)})
        known |= {by_mac[bytes(row["number_mac"])] for row in found}
    return known


def _has_nameless(connection: Connection, user_id: UUID) -> bool:
    found = connection.execute(_ANY, {"user_id": user_id}).fetchone()
    return bool(found and found["has_nameless"])


def _in_parts(numbers: Iterable[str]) -> Iterator[list[str]]:
    waiting = iter(numbers)
    while some := list(dict.fromkeys(islice(waiting, _AT_ONCE))):
        yield some


_ANY: LiteralString = """
    SELECT EXISTS (SELECT FROM suppressions WHERE user_id = %(user_id)s AND number_mac IS NOT NULL) AS has_nameless
"""
_KNOWN: LiteralString = """
    SELECT number_mac FROM suppressions WHERE user_id = %(user_id)s AND number_mac = ANY (%(macs)b::bytea[])
"""
_TAKE: LiteralString = """
    UPDATE suppressions SET phone_number = came.phone_number, number_mac = NULL
    FROM unnest(%(numbers)s::text[], %(macs)b::bytea[]) AS came (phone_number, number_mac)
    WHERE suppressions.user_id = %(user_id)s AND suppressions.number_mac = came.number_mac
      AND NOT EXISTS (
          SELECT FROM suppressions AS named
          WHERE named.user_id = %(user_id)s AND named.phone_number = came.phone_number)
    RETURNING suppressions.phone_number, suppressions.reason
"""
