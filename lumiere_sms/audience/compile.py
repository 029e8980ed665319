"""Criteria as SQL: one parameterised expression over `customers`, and its text for psycopg.

SQL knows a third answer, NULL; criteria do not (criteria.py). A comparison that is NULL counts as
false wherever a WHERE, an AND or an OR reads it, so comparisons are written plainly and indexes serve
them. Only a negation would tell NULL from false, so each one is written `IS NOT TRUE`.

The table is named by its columns instead of by database/tables.py, whose import takes longer than a
whole command should; a test compares the two.
"""

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from typing import Any, assert_never

from sqlalchemy import (
    ARRAY,
    Boolean,
    ClauseElement,
    ColumnElement,
    Date,
    DateTime,
    Integer,
    Numeric,
    Text,
    and_,
    any_,
    bindparam,
    case,
    cast,
    column,
    func,
    literal_column,
    not_,
    or_,
    select,
    table,
    true,
)
from sqlalchemy.dialects.postgresql import JSONB, array
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg

from lumiere_sms.audience.behaviour import Did, InSegment, Members
from lumiere_sms.audience.criteria import And, Comparison, Criterion, Not, Or, read_criteria
from lumiere_sms.audience.deeds import TODAY, ZONE, did_expression, members_expression
from lumiere_sms.audience.fields import FIELDS, Days, Field, Kind, Operator, Value

COLUMN_TYPES: dict[Kind, Any] = {
    Kind.TEXT: Text(),
    Kind.NUMBER: Numeric(),
    Kind.COUNT: Integer(),
    Kind.DATE: Date(),
    Kind.INSTANT: DateTime(timezone=True),
    Kind.BOOLEAN: Boolean(),
    Kind.TAGS: ARRAY(Text()),
}
CUSTOMERS = table(
    "customers",
    column("attributes", JSONB()),
    *(column(name, COLUMN_TYPES[kind]) for name, kind in FIELDS.items() if kind is not Kind.DAYS),
)
# What a customer's own value must look like to be compared as a number; longer ones are no numbers of a salon.
READS_AS_NUMBER = r"^ *-?[0-9]{1,30}([.][0-9]{1,30})? *$"

Expression = ColumnElement[Any]


def criteria_sql(tree: Any, *, today: date, zone: str) -> tuple[str, dict[str, Any]]:
    """Return psycopg's text of the expression for `tree`, over `customers`, and the values of its binds.

    `today` is the tenant's local date, which relative dates start from, `zone` its IANA zone, in which
    the day of an instant is told. Where the text binds `user_id`, that is for the caller to give.
    Raises: CriteriaError.
    """
    return expression_text(read_criteria(tree), today=today, zone=zone)


def expression_text(criterion: Criterion, *, today: date, zone: str) -> tuple[str, dict[str, Any]]:
    """Do as `criteria_sql` for a criterion that was read before."""
    return _text(expression_of(criterion), today=today, zone=zone)


def verdicts_text(
    criteria: Sequence[Criterion], *, today: date, zone: str, beside: Sequence[str] = ()
) -> tuple[str, dict[str, Any]]:
    """Return the text of a SELECT from `customers` with one boolean column for each criterion, and its binds.

    They are called c0, c1 and so on, behind the columns named by `beside`.
    """
    verdicts = (expression_of(criterion).is_(true()).label(f"c{place}") for place, criterion in enumerate(criteria))
    columns: list[Expression] = [literal_column(f"customers.{name}") for name in beside]
    return _text(select(*columns, *verdicts).select_from(CUSTOMERS), today=today, zone=zone)


def compile_criteria(tree: Any) -> ColumnElement[bool]:
    """Return the expression that is TRUE of exactly those customers whom the criteria hold for.

    It may be NULL of others. It binds `today`, `zone` and `user_id` where it needs them. Raises: CriteriaError.
    """
    return expression_of(read_criteria(tree))


def expression_of(criterion: Criterion) -> ColumnElement[bool]:  # noqa: PLR0911 - one return for each kind
    """Return the expression of a criterion that was read before."""
    match criterion:
        case And(parts):
            return and_(true(), *(expression_of(part) for part in parts))
        case Or(parts):
            return or_(*(expression_of(part) for part in parts))
        case Not(Did() as did):
            return not_(did_expression(did))  # an EXISTS is never NULL, and so it can be an anti-join
        case Not(part):
            return _negated(expression_of(part))
        case Comparison(field, operator, value):
            return _comparison(field, operator, value)
        case Did():
            return did_expression(criterion)
        case InSegment():
            return _in_segment(criterion)
        case _:
            assert_never(criterion)


def _in_segment(criterion: InSegment) -> ColumnElement[bool]:
    match criterion.meaning:
        case None:
            raise LookupError(f'whom the segment "{criterion.name}" has was not looked up')
        case Members() as members:
            return members_expression(members)
        case meaning:
            return expression_of(meaning)


def _text(element: ClauseElement, **given: Any) -> tuple[str, dict[str, Any]]:
    compiled = element.compile(dialect=_dialect())
    binds = {name: value for name, value in (compiled.params or {}).items() if name != "user_id"}  # the caller's
    return " ".join(str(compiled).split("\n")), {name: given.get(name, value) for name, value in binds.items()}


@cache
def _dialect() -> PGDialect_psycopg:
    return PGDialect_psycopg(paramstyle="pyformat")  # type: ignore[no-untyped-call]  # SQLAlchemy gives it no types


def _negated(expression: Expression) -> ColumnElement[bool]:
    return expression.is_not(true())


def _comparison(  # noqa: PLR0911 - one return for each operator
    field: Field, operator: Operator, value: Value | tuple[Value, ...]
) -> ColumnElement[bool]:
    values = value if isinstance(value, tuple) else (value,)
    match operator:
        case Operator.NE | Operator.NOT_IN:
            opposite = Operator.EQ if operator is Operator.NE else Operator.IN
            return _negated(_comparison(field, opposite, value))
        case Operator.NONE:
            return _negated(_comparison(field, Operator.ANY, value))
        case Operator.BETWEEN:
            return and_(_ordered(field, Operator.GTE, values[0]), _ordered(field, Operator.LTE, values[1]))
        case Operator.IN:
            return _among(field, values)
        case Operator.ANY:
            return CUSTOMERS.c.tags.op("&&", is_comparison=True)(_bound(list(values), ARRAY(Text())))
        case Operator.ALL:
            return CUSTOMERS.c.tags.op("@>", is_comparison=True)(_bound(list(values), ARRAY(Text())))
        case Operator.CONTAINS:
            return func.strpos(_own(field), _bound(values[0], Text())) > _bound(0, Integer())
        case Operator.STARTS_WITH:
            return func.starts_with(_own(field), _bound(values[0], Text()), type_=Boolean())
        case Operator.EXISTS:
            return _exists(field) if value else not_(_exists(field))
        case _:
            return _ordered(field, operator, values[0])


def _exists(field: Field) -> ColumnElement[bool]:
    if field.kind is Kind.TAGS:
        return func.cardinality(_own(field)) > _bound(0, Integer())
    return _own(field).is_not(None)


def _among(field: Field, values: tuple[Value, ...]) -> ColumnElement[bool]:
    """Compare with any of several values; those that are compared in the same way, as one array."""
    ways: dict[str, tuple[Expression, list[Expression]]] = {}
    for value in values:
        own, other = _operands(field, value)
        ways.setdefault(str(own), (own, []))[1].append(other)
    return or_(*(own == any_(array(others)) for own, others in ways.values()))


def _ordered(field: Field, operator: Operator, value: Value) -> ColumnElement[bool]:
    own, other = _operands(field, value)
    if isinstance(other.type, Text) and operator is not Operator.EQ:
        own = own.collate("C")  # the order of code points, whatever the database's locale
    if field.kind is Kind.DAYS:
        own, other = other, own  # the longer ago, the earlier: days >= n says today - n >= date
    match operator:
        case Operator.EQ:
            return own == other
        case Operator.GT:
            return own > other
        case Operator.GTE:
            return own >= other
        case Operator.LT:
            return own < other
        case _:
            return own <= other


def _operands(field: Field, value: Value) -> tuple[Expression, Expression]:  # noqa: PLR0911 - one return for each kind
    """Return what a customer has and what it is compared with, as expressions of one type."""
    match field.kind, value:
        case Kind.INSTANT, datetime(tzinfo=None):
            return _local(field), _bound(value, DateTime())
        case Kind.INSTANT, datetime():
            return _own(field), _bound(value, DateTime(timezone=True))
        case Kind.INSTANT, _:
            return cast(_local(field), Date()), _day(value)
        case Kind.DATE, _:
            return _own(field), _day(value)
        case Kind.DAYS, Decimal():
            return _own(field), _day(Days(-int(value)))
        case Kind.ATTRIBUTE, Decimal():
            return _number(_own(field)), _bound(value, Numeric())
        case Kind.ATTRIBUTE, _:
            return _own(field), _bound(value, Text())
        case Kind.COUNT, _:
            return _own(field), _bound(value, Numeric())
        case kind, _:
            return _own(field), _bound(value, COLUMN_TYPES[kind])


def _own(field: Field) -> Expression:
    if field.kind is Kind.ATTRIBUTE:
        return CUSTOMERS.c.attributes.op("->>", return_type=Text())(_bound(field.attribute, Text()))
    return CUSTOMERS.c["last_visit_date" if field.kind is Kind.DAYS else field.name]


def _local(field: Field) -> Expression:
    return func.timezone(ZONE, _own(field), type_=DateTime())


def _day(value: Value) -> Expression:
    if isinstance(value, Days):
        return (TODAY + _bound(value.ahead, Integer())).self_group()
    return _bound(value, Date())


def _number(text: Expression) -> Expression:
    """Read dirty text as a number where it is one; CASE keeps the cast from ever seeing what is none."""
    return case((text.regexp_match(READS_AS_NUMBER), cast(text, Numeric())))


def _bound(value: Any, kind: Any) -> Expression:
    return bindparam(None, value, type_=kind, unique=True)
