"""What happened to people as SQL: EXISTS over what was submitted to their number and what came back from it.

Each is correlated by the number, which both tables are indexed by; at the top of a WHERE PostgreSQL turns it into
a join by itself. The customers' columns are named as text, so that their table is not read a second time.
"""

from typing import Any

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Date,
    DateTime,
    Integer,
    Select,
    Text,
    Uuid,
    bindparam,
    cast,
    column,
    exists,
    func,
    literal_column,
    or_,
    select,
    table,
)

from lumiere_sms.audience.behaviour import Deed, Did, Members

TODAY = bindparam("today", type_=Date())
ZONE = bindparam("zone", type_=Text())
USER_ID = bindparam("user_id", type_=Uuid())
_KINDS = {Deed.REPLIED: "reply", Deed.CLICKED: "click"}
_LOST = ("undelivered", "failed")  # a carrier gave it back

_PHONE = literal_column("customers.phone_number", Text())
_VISIT = literal_column("customers.last_visit_date", Date())
_CUSTOMER = literal_column("customers.id", Uuid())
_INSTANT = DateTime(timezone=True)
_SUBMISSIONS = table(
    "submissions",
    *(column("user_id", Uuid()), column("occurrence_id", Uuid()), column("phone_number", Text())),
    *(column("outcome", Text()), column("receipt_status", Text()), column("started_at", _INSTANT)),
)
_RESPONSES = table(
    "responses",
    *(column("user_id", Uuid()), column("phone_number", Text()), column("kind", Text())),
    *(column("recipient_id", Uuid()), column("at", _INSTANT)),
)
_OCCURRENCES = table("campaign_occurrences", *(column(name, Uuid()) for name in ("user_id", "id", "campaign_id")))
_RECIPIENTS = table("campaign_recipients", *(column(name, Uuid()) for name in ("user_id", "id", "campaign_id")))
_CAMPAIGNS = table("sms_campaigns", column("user_id", Uuid()), column("id", Uuid()), column("name"), column("type"))
_MEMBERS = table("segment_members", *(column(name, Uuid()) for name in ("user_id", "segment_id", "customer_id")))


def did_expression(did: Did) -> ColumnElement[bool]:
    """Return the expression that is true of whom it happened to, false of everybody else."""
    if did.deed in _KINDS:
        return exists(_responses(did))
    if did.deed is Deed.VISITED_AFTER:
        return exists(_visits_after(did))
    received = _texts(did)
    return exists(received if did.within_days is None else received.where(_SUBMISSIONS.c.started_at >= _since(did)))


def members_expression(members: Members) -> ColumnElement[bool]:
    """Return the expression that is true of the people of a fixed list."""
    if members.segment_id is None:
        return _CUSTOMER.in_(select(func.unnest(_bound(list(members.customer_ids), ARRAY(Uuid())))))
    listed = select(_MEMBERS.c.customer_id).where(
        _MEMBERS.c.user_id == USER_ID, _MEMBERS.c.segment_id == _bound(members.segment_id, Uuid())
    )
    return _CUSTOMER.in_(listed)


def _texts(did: Did) -> Select[Any]:
    """Return what the number received, of the campaigns that are meant."""
    texts = select(_SUBMISSIONS.c.user_id).where(
        _SUBMISSIONS.c.user_id == USER_ID,
        _SUBMISSIONS.c.phone_number == _PHONE,
        _SUBMISSIONS.c.outcome == literal_column("'accepted'"),
        or_(_SUBMISSIONS.c.receipt_status.is_(None), _SUBMISSIONS.c.receipt_status.not_in(map(_constant, _LOST))),
    )
    if did.campaign is None and did.type is None:
        return texts
    runs = select(_OCCURRENCES.c.id).where(
        _OCCURRENCES.c.user_id == USER_ID,
        _OCCURRENCES.c.campaign_id.in_(_campaigns(did)),
    )
    return texts.where(_SUBMISSIONS.c.occurrence_id.in_(runs))


def _visits_after(did: Did) -> Select[Any]:
    day = cast(func.timezone(ZONE, _SUBMISSIONS.c.started_at, type_=DateTime()), Date())
    visits = _texts(did).where(day < _VISIT)
    if did.within_days is None:
        return visits
    return visits.where(day + _bound(did.within_days, Integer()) >= _VISIT)


def _responses(did: Did) -> Select[Any]:
    answers = select(_RESPONSES.c.user_id).where(
        _RESPONSES.c.user_id == USER_ID,
        _RESPONSES.c.phone_number == _PHONE,
        _RESPONSES.c.kind == _constant(_KINDS[did.deed]),
    )
    if did.within_days is not None:
        answers = answers.where(_RESPONSES.c.at >= _since(did))
    if did.campaign is None and did.type is None:
        return answers
    texts = select(_RECIPIENTS.c.id).where(
        _RECIPIENTS.c.user_id == USER_ID,
        _RECIPIENTS.c.id == _RESPONSES.c.recipient_id,
        _RECIPIENTS.c.campaign_id.in_(_campaigns(did)),
    )
    return answers.where(exists(texts.correlate(_RESPONSES)))


def _campaigns(did: Did) -> Select[Any]:
    """Return the campaigns that are meant, those that were archived among them."""
    meant = select(_CAMPAIGNS.c.id).where(_CAMPAIGNS.c.user_id == USER_ID)
    if did.campaign is not None:
        meant = meant.where(_CAMPAIGNS.c.name == _bound(did.campaign, Text()))
    if did.type is not None:
        meant = meant.where(_CAMPAIGNS.c.type == _bound(did.type, Text()))
    return meant


def _since(did: Did) -> ColumnElement[Any]:
    """Return when the first of the days begins, on the tenant's clock."""
    day = (TODAY - _bound(did.within_days, Integer())).self_group()
    return func.timezone(ZONE, cast(day, DateTime()), type_=_INSTANT)


def _constant(word: str) -> ColumnElement[str]:
    return literal_column(f"'{word}'", Text())


def _bound(value: Any, kind: Any) -> ColumnElement[Any]:
    return bindparam(None, value, type_=kind, unique=True)
