"""Criteria: the tree that says who belongs to a segment, read and checked without a database.

    {and: [tree, …]}   {or: [tree, …]}   {not: tree}
    {field: visit_count, operator: gte, value: 5}
    {last_visit_days: {min: 30, max: 90}}

What happened to people, and which other segments they are in, is asked for as behaviour.py has it.
A criterion is true or false of every person, never unknown. A comparison with a value that a person
does not have is false, so its negation is true: `ne`, `not_in`, `none` and `not` include people who
have no value at all. Where they should not, add `{field: …, operator: exists}`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, assert_never

from lumiere_sms.audience.behaviour import (
    IN_SEGMENT,
    LAST_TEXTED,
    LEAVES,
    Deed,
    Did,
    InSegment,
    LeafError,
    plain_did,
    read_deed,
    read_last_texted,
    read_segment_name,
)
from lumiere_sms.audience.fields import (
    FIELDS,
    OPERATORS,
    SYMBOLS,
    Field,
    Kind,
    Operator,
    Value,
    find_field,
    guess,
    plain_value,
    read_value,
    shown,
    snake,
)

DEEPEST = 20
MOST_VALUES = 10_000
FILTERS = ("last_visit_days", "visit_count", "tags")

_BRANCHES = ("and", "or", "not", "last_visit_days", *LEAVES)

Path = tuple[str | int, ...]


class CriteriaError(ValueError):
    """One thing that is wrong in a tree; `path` leads from the root of the given tree to it."""

    def __init__(self, message: str, *, path: Path = (), hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.path = path
        self.hint = hint


@dataclass(frozen=True, slots=True)
class And:
    """True of whom every part is true of."""

    parts: tuple["Criterion", ...]


@dataclass(frozen=True, slots=True)
class Or:
    """True of whom some part is true of."""

    parts: tuple["Criterion", ...]


@dataclass(frozen=True, slots=True)
class Not:
    """True of whom the part is false of."""

    part: "Criterion"


@dataclass(frozen=True, slots=True)
class Comparison:
    """A field compared with one value, or with several where the operator takes a list."""

    field: Field
    operator: Operator
    value: Value | tuple[Value, ...]


Criterion = And | Or | Not | Comparison | Did | InSegment


def check_criteria(tree: Any) -> list[CriteriaError]:
    """Return everything that is wrong with a tree of plain data (JSON's, or YAML's with scalars as text)."""
    problems: list[CriteriaError] = []
    _Reader(problems).tree(tree, ())
    return problems


def read_criteria(tree: Any) -> Criterion:
    """Return the criterion that a tree of plain data stands for. Raises: CriteriaError, the first there is."""
    problems: list[CriteriaError] = []
    criterion = _Reader(problems).tree(tree, ())
    if problems or criterion is None:
        raise problems[0]
    return criterion


def canonical_criteria(tree: Any) -> dict[str, Any]:
    """Return a tree that says the same in snake_case and JSON's own types: what is stored and compared.

    >>> canonical_criteria({"field": "visitCount", "operator": "gte", "value": "5"})
    {'field': 'visit_count', 'operator': 'gte', 'value': 5}

    Raises: CriteriaError.
    """
    return plain_criteria(read_criteria(tree))


def plain_criteria(criterion: Criterion) -> dict[str, Any]:
    """Write a criterion as plain data."""
    match criterion:
        case And(parts):
            return {"and": [plain_criteria(part) for part in parts]}
        case Or(parts):
            return {"or": [plain_criteria(part) for part in parts]}
        case Not(part):
            return {"not": plain_criteria(part)}
        case Comparison(field, operator, value):
            plain = [plain_value(one) for one in value] if isinstance(value, tuple) else plain_value(value)
            return {"field": field.name, "operator": operator.value, "value": plain}
        case Did():
            return plain_did(criterion)
        case InSegment(name):
            return {IN_SEGMENT: name}
        case _:
            assert_never(criterion)


def check_filters(filters: Any) -> list[CriteriaError]:
    """Return everything that is wrong with `filters`, the short form of the commonest criteria."""
    problems: list[CriteriaError] = []
    _Reader(problems).filters(filters, ())
    return problems


def filters_to_criteria(filters: Mapping[str, Any]) -> dict[str, Any]:
    """Return the tree that filters stand for: all of them must hold, and any one of the tags.

    >>> filters_to_criteria({"visitCount": {"min": 2}, "tags": ["vip", "regular"]})["and"][1]
    {'field': 'tags', 'operator': 'any', 'value': ['vip', 'regular']}

    Raises: CriteriaError, the first there is.
    """
    problems: list[CriteriaError] = []
    parts = _Reader(problems).filters(filters, ())
    if problems:
        raise problems[0]
    return plain_criteria(And(tuple(parts)))


class _Reader:
    """Reads trees and keeps what is wrong with them, so that all of it is told at once."""

    def __init__(self, problems: list[CriteriaError]) -> None:
        self._problems = problems

    def _wrong(self, message: str, path: Path, hint: str = "") -> None:
        self._problems.append(CriteriaError(message, path=path, hint=hint))

    def tree(self, tree: Any, path: Path) -> Criterion | None:
        if len(path) > 2 * DEEPEST:
            self._wrong(f"criteria are nested deeper than {DEEPEST} levels", path)
            return None
        if not isinstance(tree, Mapping):
            self._wrong(f"expected and, or, not or a field, not {shown(tree)}", path)
            return None
        names = {snake(str(key)): key for key in tree}
        if len(names) == 1 and (name := next(iter(names))) in _BRANCHES:
            return self._branch(name, tree[names[name]], (*path, names[name]))
        if not names.keys() & {"field", "operator", "value"}:
            self._unknown_branch(tree, path)
            return None
        return self._comparison(tree, names, path)

    def filters(self, filters: Any, path: Path) -> list[Criterion]:
        if not isinstance(filters, Mapping) or not filters:
            self._wrong(f"expected one or more of {', '.join(FILTERS)}", path)
            return []
        parts = [self._filter(snake(str(key)), value, (*path, key)) for key, value in filters.items()]
        return [part for part in parts if part is not None]

    def _filter(self, name: str, value: Any, path: Path) -> Criterion | None:
        if name not in FILTERS:
            hint = guess(name, FILTERS) or f"filters are {', '.join(FILTERS)}; criteria can ask for more"
            self._wrong(f"unknown filter {shown(path[-1])}", path, hint)
            return None
        operator = Operator.ANY if name == "tags" else Operator.BETWEEN
        return self._compared(Field(name, FIELDS[name]), operator, value, path)

    def _branch(self, name: str, below: Any, path: Path) -> Criterion | None:
        if name == "last_visit_days":
            return self._filter(name, below, path)
        if name in LEAVES:
            return self._leaf(name, below, path)
        if name == "not":
            part = self.tree(below, path)
            return None if part is None else Not(part)
        if not isinstance(below, list | tuple) or not below:
            self._wrong(f'"{name}" takes a list of one or more criteria', path)
            return None
        parts = tuple(self.tree(part, (*path, place)) for place, part in enumerate(below))
        whole = tuple(part for part in parts if part is not None)
        return And(whole) if name == "and" else Or(whole)

    def _leaf(self, name: str, value: Any, path: Path) -> Criterion | None:
        try:
            if name == IN_SEGMENT:
                return read_segment_name(value)
            if name != LAST_TEXTED:
                return read_deed(Deed(name), value)
            there, not_there = read_last_texted(value)
            return And((there, Not(not_there))) if not_there else there
        except LeafError as error:
            self._wrong(str(error), (*path, *error.steps), error.hint)
            return None

    def _unknown_branch(self, tree: Mapping[Any, Any], path: Path) -> None:
        known = (*_BRANCHES, "field", "operator", "value")
        if not tree:
            self._wrong("the criteria are empty", path, "leave them out to mean everybody")
            return
        if len(tree) > 1 and all(snake(str(key)) in known for key in tree):
            said = " and ".join(f'"{key}"' for key in tree)
            self._wrong(f"{said} stand side by side", path, 'put them as a list below one "and" or "or"')
            return
        for key in tree:
            if snake(str(key)) not in known:
                hint = "write {field: …, operator: …, value: …}" if find_field(str(key)) else guess(str(key), known)
                self._wrong(f"unknown key {shown(key)}", (*path, key), hint)
        return

    def _comparison(self, tree: Mapping[Any, Any], names: Mapping[str, Any], path: Path) -> Criterion | None:
        before = len(self._problems)
        for name, key in names.items():
            if name not in {"field", "operator", "value"}:
                self._wrong(f"unknown key {shown(key)}", (*path, key), guess(name, ("field", "operator", "value")))
        for name in ("field", "operator") if len(self._problems) == before else ():
            if name not in names:
                self._wrong(f'"{name}" is missing', path, "write {field: …, operator: …, value: …}")
        if len(self._problems) > before:
            return None
        field = self._field(tree[names["field"]], (*path, names["field"]))
        operator = self._operator(tree[names["operator"]], field, (*path, names["operator"]))
        if field is None or operator is None:
            return None
        if "value" not in names and operator is not Operator.EXISTS:
            self._wrong('"value" is missing', path, "write {field: …, operator: …, value: …}")
            return None
        value = tree[names["value"]] if "value" in names else True
        return self._compared(field, operator, value, (*path, names.get("value", "value")))

    def _field(self, name: Any, path: Path) -> Field | None:
        field = find_field(name) if isinstance(name, str) else None
        if field is None:
            hint = guess(snake(str(name)), FIELDS) or "a CSV's own columns are written attributes.NAME"
            self._wrong(f"unknown field {shown(name)}", path, hint)
            return None
        return field

    def _operator(self, name: Any, field: Field | None, path: Path) -> Operator | None:
        written = snake(str(name))
        if written not in list(Operator):
            symbol = SYMBOLS.get(written)
            hint = f'did you mean "{symbol}"?' if symbol else guess(written, list(Operator))
            self._wrong(f"unknown operator {shown(name)}", path, hint)
            return None
        if field is not None and written not in OPERATORS[field.kind]:
            self._wrong(
                f'"{field.name}" is a {field.kind} and has no operator "{written}"',
                path,
                f"it takes {', '.join(OPERATORS[field.kind])}",
            )
            return None
        return Operator(written)

    def _compared(self, field: Field, operator: Operator, value: Any, path: Path) -> Criterion | None:
        if operator is Operator.BETWEEN:
            return self._between(field, value, path)
        if operator in {Operator.IN, Operator.NOT_IN, Operator.ANY, Operator.ALL, Operator.NONE}:
            values = self._values(field, value, path)
            return Comparison(field, operator, values) if values else None
        kind = {Operator.EXISTS: Kind.BOOLEAN, Operator.CONTAINS: Kind.TEXT, Operator.STARTS_WITH: Kind.TEXT}
        one = self._value(kind.get(operator, field.kind), value, path)
        return None if one is None else Comparison(field, operator, one)

    def _between(self, field: Field, value: Any, path: Path) -> Criterion | None:
        bounds = _bounds(value)
        if bounds is None:
            self._wrong("expected {min: …, max: …} or [lowest, highest]", path)
            return None
        read = {name: self._value(field.kind, bound, (*path, key)) for name, (key, bound) in bounds.items()}
        low, high = read.get("min"), read.get("max")
        if None in read.values():
            return None
        if low is None or high is None:
            operator, one = (Operator.LTE, high) if low is None else (Operator.GTE, low)
            return None if one is None else Comparison(field, operator, one)
        if type(low) is not type(high) and Kind.ATTRIBUTE is field.kind:
            self._wrong("both ends must be numbers, or both texts", path)
            return None
        if isinstance(low, Decimal) and isinstance(high, Decimal) and low > high:
            self._wrong(f"the least, {low}, is greater than the most, {high}", path)
            return None
        return Comparison(field, Operator.BETWEEN, (low, high))

    def _values(self, field: Field, value: Any, path: Path) -> tuple[Value, ...] | None:
        if not isinstance(value, list | tuple) or not value:
            self._wrong("expected a list of one or more values", path)
            return None
        if len(value) > MOST_VALUES:
            self._wrong(f"{len(value):,} values are too many; {MOST_VALUES:,} is the most", path)
            return None
        read = [self._value(field.kind, one, (*path, place)) for place, one in enumerate(value)]
        return None if None in read else tuple(one for one in read if one is not None)

    def _value(self, kind: Kind, value: Any, path: Path) -> Value | None:
        try:
            return read_value(kind, value)
        except ValueError as error:
            self._wrong(str(error), path)
            return None


def _bounds(value: Any) -> dict[str, tuple[str | int, Any]] | None:
    """Return what `between` was given: by `min` and `max`, the key or place it stands at and the value."""
    if isinstance(value, list | tuple) and len(value) == 2:  # noqa: PLR2004 - lowest and highest
        return {"min": (0, value[0]), "max": (1, value[1])}
    if isinstance(value, Mapping) and value:
        named = {snake(str(key)): (key, bound) for key, bound in value.items()}
        return named if named.keys() <= {"min", "max"} and len(named) == len(value) else None
    return None
