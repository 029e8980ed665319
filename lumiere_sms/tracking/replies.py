"""Takes in what people answer, wherever it came from: keeps it, tells which text it answers, and does what it asks for.

Each message counts once. A refusal holds from the moment at which it is taken in, whoever sent it and whether or not we
know them: the worst that a forged one does is a text less. Between a stop and a start of one number the later one
counts, by when they were received, however late the other is told. A start lifts only what the number itself refused,
by a reply or a link; after any other refusal a person looks at it.

An answer that refuses is no response to a text, nor is one that takes that back: what is compared by replies must not
gain by people who had enough.
"""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from hashlib import sha256
from typing import Any, LiteralString
from uuid import UUID

from lumiere_sms.audience.consents import confirm, pending_requests
from lumiere_sms.audience.returning import take_back
from lumiere_sms.audience.suppressions import Words, lift, suppress
from lumiere_sms.campaigns import answering
from lumiere_sms.database.audit import record
from lumiere_sms.database.connection import Connection
from lumiere_sms.database.identifiers import new_id
from lumiere_sms.database.sql import statement
from lumiere_sms.database.tenants import Tenant, hold_tenant, tenant_of
from lumiere_sms.database.time import database_time
from lumiere_sms.errors import StateError
from lumiere_sms.messages.keywords import Meaning, meaning_of
from lumiere_sms.providers.base import Reply

LONGEST_BODY = 10_000  # characters; a message of many parts has some 1,600
LONGEST_NAME = 64  # of a number, a short code, a sender
LONGEST_ID = 500  # what an index holds, and ten times what any provider gives
TEXTABLE = re.compile(r"\+[1-9][0-9]{6,14}", re.ASCII)  # E.164; short codes and names are not texted back

_NO_RESPONSES = frozenset({Meaning.STOP, Meaning.START})


def apply_replies(
    connection: Connection, user_id: UUID, replies: Sequence[Reply], *, provider: str, now: datetime | None
) -> Counter[str]:
    """Keep replies and do what they ask for; return how many new ones mean what.

    One that was taken in before changes nothing. Raises: nothing for what a message may hold.
    """
    if not replies:
        return Counter()
    hold_tenant(connection, user_id)
    tenant, at = tenant_of(connection, user_id), database_time(connection, now)
    answering.hold(connection, tenant, at=at)
    kept = [_clean(each, at) for each in replies]
    take_back(connection, user_id, [each.phone for each in kept if TEXTABLE.fullmatch(each.phone)])
    answered = {each.provider_message_id for each in kept if each.is_answered}
    new = _keep(connection, user_id, kept, provider=provider, now=now)
    act = partial(_act, connection, tenant, at=at, now=now)
    return Counter(str(act(row, is_answered=row["provider_message_id"] in answered)) for row in sorted(new, key=_turn))


def decide(
    connection: Connection, user_id: UUID, message_id: UUID, *, meaning: Meaning, by: str, now: datetime | None
) -> Meaning:
    """Do what a person says that a message means; return what it means now.

    Raises: StateError where there is no such message, or where it was a refusal: that is lifted with its person's word.
    """
    hold_tenant(connection, user_id)
    tenant, at = tenant_of(connection, user_id), database_time(connection, now)
    answering.hold(connection, tenant, at=at)
    row = connection.execute(_FIND, {"user_id": user_id, "id": message_id}).fetchone()
    if row is None:
        raise StateError("there is no such message", hint="lumiere-sms inbox list")
    if row["meaning"] == Meaning.STOP:
        raise StateError("it refused, and that holds", hint="lumiere-sms customer set PHONE --opt-in, if they told you")
    binds = {"user_id": user_id, "id": message_id, "meaning": meaning.value, "by": by, "at": at}
    connection.execute(_DECIDE, binds)
    about: dict[str, Any] = {"actor": by, "action": "reply.decide", "subject": str(message_id)}
    record(connection, user_id, before={"meaning": row["meaning"]}, after={"meaning": meaning.value}, now=now, **about)
    _do(connection, tenant, {**row, "meaning": meaning.value}, at=at, now=now, decided_by=by)
    return meaning


def storable(text: str) -> str:
    """Return a text without what PostgreSQL has no character for: what stands in its place says that something did."""
    return text.replace("\0", "\ufffd").encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _clean(reply: Reply, at: datetime) -> Reply:
    """Return a reply as it can be kept: no character that PostgreSQL has none for, and not from the future."""
    received = min(reply.received_at or at, at)
    return replace(
        reply,
        provider_message_id=storable(reply.provider_message_id)[:LONGEST_ID] or _key_of(reply, received),
        phone=storable(reply.phone).strip()[:LONGEST_NAME],
        sender=storable(reply.sender).strip()[:LONGEST_NAME],
        body=storable(reply.body)[:LONGEST_BODY],
        answers=storable(reply.answers),
        received_at=received,
    )


def _key_of(reply: Reply, received: datetime) -> str:
    """Return what tells a message apart that comes without a key, the same however often it comes."""
    said = "\0".join((reply.phone, reply.sender, received.isoformat(), storable(reply.body)))
    return f"unnamed {sha256(said.encode('utf-8', 'replace')).hexdigest()}"


def _keep(
    connection: Connection, user_id: UUID, replies: Sequence[Reply], *, provider: str, now: datetime | None
) -> list[dict[str, Any]]:
    columns = {
        "ids": [new_id() for _ in replies],
        "message_ids": [each.provider_message_id for each in replies],
        "phones": [each.phone for each in replies],
        "senders": [each.sender for each in replies],
        "bodies": [each.body for each in replies],
        "ats": [each.received_at for each in replies],
        "answers": [each.answers for each in replies],
        "meanings": [meaning_of(each.body).value for each in replies],
    }
    binds = {"user_id": user_id, "provider": provider, "now": now, **columns}
    return connection.execute(statement(__package__, "keep_replies"), binds).fetchall()


def _turn(row: Mapping[str, Any]) -> tuple[Any, ...]:
    """Return what messages are sorted by: the number, as everybody locks, then when they came; a stop last."""
    return row["phone_number"], row["received_at"], row["meaning"] == Meaning.STOP, row["id"]


def _act(
    connection: Connection,
    tenant: Tenant,
    row: Mapping[str, Any],
    *,
    at: datetime,
    now: datetime | None,
    is_answered: bool,
) -> str:
    """Do what a new message asks for; return what it means, all told."""
    if not TEXTABLE.fullmatch(row["phone_number"]):
        return str(row["meaning"])
    meaning = _do(connection, tenant, row, at=at, now=now, is_answered=is_answered)
    if meaning != row["meaning"]:
        connection.execute(_MEANS, {"user_id": tenant.id, "id": row["id"], "meaning": meaning.value})
    return meaning.value


def _do(
    connection: Connection,
    tenant: Tenant,
    row: Mapping[str, Any],
    *,
    at: datetime,
    now: datetime | None,
    is_answered: bool = False,
    decided_by: str = "",
) -> Meaning:
    """Do what a message means, note the response, answer it; return what it turned out to mean."""
    meaning, confirms, is_news = Meaning(row["meaning"]), None, True
    if not TEXTABLE.fullmatch(row["phone_number"]):
        return meaning
    is_overtaken = not decided_by and _is_overtaken(connection, tenant.id, row)
    match meaning:
        case Meaning.STOP:
            confirms = None if is_overtaken else _refuse(connection, tenant.id, row, by=decided_by)
            is_news = confirms is not None
        case Meaning.START:
            is_news = not is_overtaken and _lift(connection, tenant.id, row, by=decided_by)
            if not (is_news or is_overtaken or decided_by) and _is_refused(connection, tenant.id, row):
                meaning = Meaning.REVIEW
        case Meaning.CONFIRM:
            meaning = _confirm(connection, tenant.id, row, now=now)
    _note_response(connection, tenant.id, row, is_response=meaning not in _NO_RESPONSES)
    if is_news and not is_answered:
        answering.answer(connection, tenant, row, kind=meaning.value, confirms=confirms, at=at)
    return meaning


def _refuse(connection: Connection, user_id: UUID, row: Mapping[str, Any], *, by: str) -> UUID | None:
    """Text the number no more; return the suppression where it is new."""
    binds = {"user_id": user_id, "phone_number": row["phone_number"]}
    words = Words(evidence=_evidence(row))
    about: dict[str, Any] = {"reason": "opted_out", "source": "reply", "words": words, "now": row["received_at"]}
    if not suppress(connection, user_id, row["phone_number"], by=by, **about):
        return None
    found = connection.execute(_SUPPRESSION, binds).fetchone()
    assert found is not None, "it was just written"
    suppression: UUID = found["id"]
    return suppression


def _lift(connection: Connection, user_id: UUID, row: Mapping[str, Any], *, by: str) -> bool:
    """Lift what the number itself refused before, and nothing else; say whether there was such a refusal."""
    binds = {"user_id": user_id, "phone_number": row["phone_number"], "at": row["received_at"]}
    if not connection.execute(_OWN_REFUSAL, binds).fetchone():
        return False
    about: dict[str, Any] = {"source": "reply", "words": Words(evidence=_evidence(row)), "now": row["received_at"]}
    return lift(connection, user_id, row["phone_number"], by=by or "reply", **about)


def _confirm(connection: Connection, user_id: UUID, row: Mapping[str, Any], *, now: datetime | None) -> Meaning:
    """Take a yes to a request for consent as the consent; one to a later text may be about that, so a person looks."""
    asked = pending_requests(connection, user_id, row["phone_number"], at=row["received_at"])
    if not asked:
        return Meaning.OTHER
    answered = {name: row[name] for name in ("phone_number", "recipient_id", "received_at")}
    binds = {"user_id": user_id, "asked_at": max(each["at"] for each in asked), **answered}
    if connection.execute(_SENT_SINCE, binds).fetchone():
        return Meaning.REVIEW
    about = {"evidence": _evidence(row), "recipient_id": row["recipient_id"], "at": row["received_at"], "now": now}
    return Meaning.CONFIRM if confirm(connection, user_id, row["phone_number"], **about) else Meaning.OTHER


def _evidence(row: Mapping[str, Any]) -> dict[str, Any]:
    return {"reply": str(row["id"]), "provider": row["provider"], "body": row["body"]}


def _is_refused(connection: Connection, user_id: UUID, row: Mapping[str, Any]) -> bool:
    binds = {"user_id": user_id, "phone_number": row["phone_number"]}
    return connection.execute(_REFUSED, binds).fetchone() is not None


def _is_overtaken(connection: Connection, user_id: UUID, row: Mapping[str, Any]) -> bool:
    """Say whether the number has said the opposite since: a start after a stop, a stop after anything else."""
    about = {"phone_number": row["phone_number"], "at": row["received_at"], "meaning": row["meaning"]}
    binds = {"user_id": user_id, **about}
    return connection.execute(_LATER, binds).fetchone() is not None


def _note_response(connection: Connection, user_id: UUID, row: Mapping[str, Any], *, is_response: bool) -> None:
    binds = {"user_id": user_id, **{name: row[name] for name in ("id", "phone_number", "recipient_id", "received_at")}}
    connection.execute(_KEEP_RESPONSE if is_response else _FORGET_RESPONSE, binds)
    connection.execute(_LAST_RESPONSE, binds)


_FIND: LiteralString = """
    SELECT id, phone_number, sender, received_at, body, meaning, provider, recipient_id, customer_id
    FROM inbound_messages WHERE user_id = %(user_id)s AND id = %(id)s FOR NO KEY UPDATE
"""
_DECIDE: LiteralString = """
    UPDATE inbound_messages SET meaning = %(meaning)s, decided_by = %(by)s, decided_at = %(at)s
    WHERE user_id = %(user_id)s AND id = %(id)s AND meaning <> 'stop'
"""
_MEANS: LiteralString = "UPDATE inbound_messages SET meaning = %(meaning)s WHERE user_id = %(user_id)s AND id = %(id)s"
_SUPPRESSION: LiteralString = (
    "SELECT id FROM suppressions WHERE user_id = %(user_id)s AND phone_number = %(phone_number)s"
)
_OWN_REFUSAL: LiteralString = """
    SELECT id FROM suppressions
    WHERE user_id = %(user_id)s AND phone_number = %(phone_number)s AND reason = 'opted_out'
      AND source IN ('reply', 'link') AND created_at <= %(at)s
      AND NOT EXISTS (
          SELECT FROM customers AS other
          WHERE other.user_id = %(user_id)s AND other.phone_number = %(phone_number)s
            AND other.opt_out_date <> suppressions.created_at)
"""
_SENT_SINCE: LiteralString = """
    SELECT id FROM submissions
    WHERE user_id = %(user_id)s AND phone_number = %(phone_number)s AND recipient_id = %(recipient_id)s
      AND started_at > %(asked_at)s AND started_at <= %(received_at)s
    LIMIT 1
"""
_REFUSED: LiteralString = """
    SELECT id FROM suppressions WHERE user_id = %(user_id)s AND phone_number = %(phone_number)s
    UNION ALL
    SELECT id FROM customers
    WHERE user_id = %(user_id)s AND phone_number = %(phone_number)s AND opt_out_date IS NOT NULL
"""
_LATER: LiteralString = """
    SELECT id FROM inbound_messages
    WHERE user_id = %(user_id)s AND phone_number = %(phone_number)s AND received_at > %(at)s
      AND meaning = CASE %(meaning)s WHEN 'stop' THEN 'start' ELSE 'stop' END
    LIMIT 1
"""
_KEEP_RESPONSE: LiteralString = """
    INSERT INTO responses (user_id, id, kind, phone_number, recipient_id, at)
    VALUES (%(user_id)s, %(id)s, 'reply', %(phone_number)s, %(recipient_id)s, %(received_at)s)
    ON CONFLICT (user_id, id) DO NOTHING
"""
_FORGET_RESPONSE: LiteralString = "DELETE FROM responses WHERE user_id = %(user_id)s AND id = %(id)s"
_LAST_RESPONSE: LiteralString = """
    UPDATE customers SET last_sms_response = %(received_at)s
    WHERE user_id = %(user_id)s AND phone_number = %(phone_number)s
      AND (last_sms_response IS NULL OR last_sms_response < %(received_at)s)
"""
