"""A segment against what a person says of each of some people: how often the two agree, and where they do not."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from psycopg.sql import SQL

from lumiere_sms.audience.comparing import criterion_of
from lumiere_sms.audience.compile import verdicts_text
from lumiere_sms.audience.criteria import plain_criteria
from lumiere_sms.audience.eligibility import zone_of
from lumiere_sms.audience.labels import Label
from lumiere_sms.audience.preview import clause_line, parts_of
from lumiere_sms.database.connection import Connection
from lumiere_sms.errors import StateError

_SHOWN = ("id", "external_id", "phone_number", "first_name", "last_name")


@dataclass(frozen=True, slots=True)
class Wrong:
    """A person of whom label and segment differ; `because` are the clauses that keep them out."""

    line: int
    belongs: bool
    person: dict[str, Any]
    because: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Checked:
    """How labels and a segment agree: how many labelled yes are in it, are not; labelled no are in it, are not.

    `strangers` are the lines that name no customer.
    """

    found: int
    missed: int
    mistaken: int
    left_out: int
    wrong: tuple[Wrong, ...]
    strangers: tuple[int, ...]

    @property
    def precision(self) -> float | None:
        """The share of those in the segment who are labelled yes; None where nobody labelled is in it."""
        return _share(self.found, self.mistaken)

    @property
    def recall(self) -> float | None:
        """The share of those labelled yes who are in the segment; None where nobody is labelled yes."""
        return _share(self.found, self.missed)


def check_segment(connection: Connection, user_id: UUID, *, name: str, labels: Sequence[Label], today: date) -> Checked:
    """Compare a segment with labels. A phone stands for all who have it: one of them in the segment is enough.

    Raises: StateError when there is no such segment, or the labels name no customer at all.
    """
    criterion = criterion_of(connection, user_id, target={"segment": name})
    clauses = tuple(clause for part in parts_of(criterion) for clause in parts_of(part))
    verdicts, binds = verdicts_text(
        (criterion, *clauses), today=today, zone=zone_of(connection, user_id), beside=_SHOWN
    )
    wanted = {
        "external_ids": [label.external_id for label in labels if label.external_id],
        "phones": [label.phone_number for label in labels if label.phone_number],
    }
    people = connection.execute(SQL(_AMONG).format(SQL(verdicts)), {**binds, **wanted, "user_id": user_id}).fetchall()
    by_key: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for person in people:
        by_key[f"id {person['external_id']}"].append(person)
        by_key[f"phone {person['phone_number']}"].append(person)
    said = [clause_line(plain_criteria(clause)) for clause in clauses]
    return _judged([(label, by_key[_key(label)]) for label in labels], said)


def _judged(pairs: Sequence[tuple[Label, list[dict[str, Any]]]], said: Sequence[str]) -> Checked:
    known = [(label, max(people, key=lambda person: person["c0"])) for label, people in pairs if people]
    if not known:
        raise StateError("none of the lines names a customer", hint="lumiere-sms customer list")
    counts = {(belongs, is_in): 0 for belongs in (True, False) for is_in in (True, False)}
    for label, person in known:
        counts[label.belongs, person["c0"]] += 1
    wrong = tuple(_wrong(label, person, said) for label, person in known if label.belongs != person["c0"])
    strangers = tuple(label.line for label, people in pairs if not people)
    return Checked(counts[True, True], counts[True, False], counts[False, True], counts[False, False], wrong, strangers)


def _wrong(label: Label, person: dict[str, Any], said: Sequence[str]) -> Wrong:
    because = [clause for place, clause in enumerate(said, start=1) if not person[f"c{place}"]]
    return Wrong(
        label.line, label.belongs, {name: person[name] for name in _SHOWN}, tuple(because if label.belongs else ())
    )


def _key(label: Label) -> str:
    return f"id {label.external_id}" if label.external_id else f"phone {label.phone_number}"


def _share(hits: int, misses: int) -> float | None:
    return hits / (hits + misses) if hits + misses else None


_AMONG = """
    {} WHERE customers.user_id = %(user_id)s AND (
        customers.external_id = ANY (%(external_ids)s::text[]) OR customers.phone_number = ANY (%(phones)s::text[]))
"""
