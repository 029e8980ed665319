"""A segment's criteria about one customer: each clause, with what it says of them and the value that it looked at."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from psycopg.sql import SQL

from lumiere_sms.audience.compile import verdicts_text
from lumiere_sms.audience.criteria import And, Comparison, Criterion, Not, Or, plain_criteria
from lumiere_sms.audience.eligibility import zone_of
from lumiere_sms.audience.fields import Kind
from lumiere_sms.audience.preview import clause_line
from lumiere_sms.database.connection import Connection
from lumiere_sms.logs import mask_phone

LONGEST_VALUE = 60


@dataclass(frozen=True, slots=True)
class Clause:
    """One clause: whether it holds, its words, the customer's own value where it compares one, and what is below it."""

    holds: bool
    text: str
    value: str = ""
    below: tuple["Clause", ...] = ()


def clauses_about(
    connection: Connection, user_id: UUID, criterion: Criterion, *, customer: Mapping[str, Any], today: date
) -> Clause:
    """Judge every node of a criterion for one customer, by the same SQL that selects segments."""
    nodes = tuple(_nodes(criterion))
    text, binds = verdicts_text(nodes, today=today, zone=zone_of(connection, user_id))
    asked = SQL("{} WHERE customers.user_id = %(user_id)s AND customers.id = %(customer_id)s").format(SQL(text))
    row = connection.execute(asked, {**binds, "user_id": user_id, "customer_id": customer["id"]}).fetchone()
    assert row is not None, "the customer was read in this transaction"
    return _clause(criterion, iter([bool(row[f"c{place}"]) for place in range(len(nodes))]), customer)


def _nodes(criterion: Criterion) -> Iterator[Criterion]:
    """Yield a criterion, then all below it, in the order in which `_clause` takes their verdicts."""
    yield criterion
    for part in _below(criterion):
        yield from _nodes(part)


def _below(criterion: Criterion) -> tuple[Criterion, ...]:
    match criterion:
        case And(parts) | Or(parts):
            return parts
        case Not(part):
            return (part,)
    return ()


def _clause(criterion: Criterion, verdicts: Iterator[bool], customer: Mapping[str, Any]) -> Clause:
    holds, below = next(verdicts), _below(criterion)
    words = {And: "all of these", Or: "one of these", Not: "not"}.get(type(criterion))
    if words is None:
        return Clause(holds, clause_line(plain_criteria(criterion)), _value_of(criterion, customer))
    return Clause(holds, words, below=tuple(_clause(part, verdicts, customer) for part in below))


def _value_of(criterion: Criterion, customer: Mapping[str, Any]) -> str:
    if not isinstance(criterion, Comparison):
        return ""
    field = criterion.field
    name = "last_visit_date" if field.kind is Kind.DAYS else field.name
    attribute = name.partition("attributes.")[2]
    value = customer["attributes"].get(attribute) if attribute else customer.get(name)
    if name == "phone_number" and value:
        return mask_phone(value)
    told = ", ".join(map(str, value)) if isinstance(value, list) else "" if value is None else str(value)
    return told[:LONGEST_VALUE] or "none"
