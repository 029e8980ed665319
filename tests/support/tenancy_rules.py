"""The rules of tenancy for one statement: what it breaks, as sentences.

A *level* is one SELECT, UPDATE, DELETE or INSERT, wherever it stands. At each level every tenant table in FROM
must be tied to a tenant: its `user_id` equals a bind, or the `user_id` of something at that level, or around
it, that is tied itself. A statement whose first comment is `-- cross-tenant: <why>` may read across tenants, and
takes no row locks on tenant tables for that.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from pglast import ast, parse_sql
from pglast.enums import A_Expr_Kind, BoolExprType, OnCommitAction, VariableSetKind
from pglast.parser import ParseError

PLACEHOLDER = re.compile(r"%(?:%|\((\w+)\)[sbt]|[sbt])")
CROSS_TENANT = re.compile(r"\A\s*(?:--[^\n]*\n\s*)*?--\s*cross-tenant:\s*\S")
VOLATILE = {
    *("gen_random_uuid", "uuidv4", "uuidv7", "random", "random_normal", "setseed"),
    *("clock_timestamp", "timeofday", "nextval", "currval", "pg_sleep"),
}
SESSION_LOCKS = ("pg_advisory", "pg_try_advisory")
BOUND = "a bind"


def broken_rules(sql: str, tenant_tables: set[str], *, has_binds: bool = True) -> list[str]:
    """Return what a statement breaks; `has_binds` tells whether `%` is a placeholder in it."""
    allowed = CROSS_TENANT.match(sql) is not None
    check = _Check(tenant_tables, cross_tenant=allowed)
    try:
        statements = parse_sql(_numbered(sql) if has_binds else sql)
    except ParseError as error:
        return [f"it cannot be judged: {error}"]
    for raw in statements:
        check.statement(raw.stmt)
    return check.broken


def _numbered(sql: str) -> str:
    names: dict[str, int] = {}

    def number(match: re.Match[str]) -> str:
        if match.group() == "%%":
            return "%"
        name = match.group(1) or f"#{len(names)}"
        return f"${names.setdefault(name, len(names) + 1)}"

    return PLACEHOLDER.sub(number, sql)


@dataclass
class _Level:
    """What can be named at one level: alias → table (None for a query or a function), and what is tied."""

    relations: dict[str, str | None] = field(default_factory=dict)
    tied: set[str] = field(default_factory=set)


class _Check:
    def __init__(self, tenant_tables: set[str], *, cross_tenant: bool) -> None:
        self.tenant_tables = tenant_tables
        self.cross_tenant = cross_tenant
        self.broken: list[str] = []

    def statement(self, node: Any) -> None:
        self._rule_4(node)
        self._level(node, queries=frozenset(), around=())

    # rule 3 -------------------------------------------------------------------------------------

    def _level(self, node: Any, *, queries: frozenset[str], around: tuple[_Level, ...]) -> None:
        """Check a node and everything inside it. `queries` are the names of CTEs, `around` the levels outside."""
        match node:
            case ast.SelectStmt() | ast.UpdateStmt() | ast.DeleteStmt() | ast.InsertStmt():
                self._query(node, queries=queries, around=around)
            case ast.CopyStmt():
                self._copy(node)
                self._level(node.query, queries=queries, around=around)
            case ast.TruncateStmt():
                self._refuse_tables([relation.relname for relation in node.relations], "TRUNCATE empties")
            case ast.Node():
                for child in _children(node):
                    self._level(child, queries=queries, around=around)
            case tuple() | list():
                for child in node:
                    self._level(child, queries=queries, around=around)

    def _query(self, node: Any, *, queries: frozenset[str], around: tuple[_Level, ...]) -> None:
        ctes = node.withClause.ctes if node.withClause else ()
        for cte in ctes:
            queries |= {cte.ctename}
        level = _Level()
        for item in _from_items(node):
            self._add(item, level, queries)
        self._tie(_conditions(node), level, around)
        if isinstance(node, ast.InsertStmt):
            self._insert(node)
        if not self.cross_tenant:
            for alias, table in level.relations.items():
                if table in self.tenant_tables and alias not in level.tied:
                    self.broken.append(f"rule 3: {table} ({alias}) is tied to no tenant by user_id")
        elif not isinstance(node, ast.SelectStmt):
            self._refuse_tables([node.relation.relname], "a cross-tenant statement writes to")
        for child in _children(node):
            self._level(child, queries=queries, around=(*around, level))

    def _add(self, item: Any, level: _Level, queries: frozenset[str]) -> None:
        match item:
            case ast.RangeVar():
                alias = item.alias.aliasname if item.alias else item.relname
                is_query = item.relname in queries and not item.schemaname
                level.relations[alias] = None if is_query else item.relname
                if is_query:
                    level.tied.add(alias)
            case ast.JoinExpr():
                self._add(item.larg, level, queries)
                self._add(item.rarg, level, queries)
            case ast.RangeSubselect() | ast.RangeFunction() if item.alias:
                level.relations[item.alias.aliasname] = None
                level.tied.add(item.alias.aliasname)

    def _tie(self, conditions: list[Any], level: _Level, around: tuple[_Level, ...]) -> None:
        pairs = [pair for condition in conditions for pair in self._equalities(condition, level, around)]
        grown = True
        while grown:
            before = len(level.tied)
            for left, right in pairs:
                if left in level.tied or left == BOUND:
                    level.tied |= {right} - {BOUND}
                if right in level.tied or right == BOUND:
                    level.tied |= {left} - {BOUND}
            grown = len(level.tied) > before

    def _equalities(self, node: Any, level: _Level, around: tuple[_Level, ...]) -> Iterator[tuple[str, str]]:
        """Yield which aliases, or a bind, a condition says are of one tenant."""
        match node:
            case ast.JoinExpr() if node.usingClause and "user_id" in {name.sval for name in node.usingClause}:
                names = list(_aliases(node))
                yield from ((names[0], name) for name in names[1:])
            case ast.A_Expr(kind=A_Expr_Kind.AEXPR_OP) if node.name[-1].sval == "=":
                for left, right in _sides(node):
                    one, other = (self._owner(side, level, around) for side in (left, right))
                    if one and other:
                        yield one, other

    def _owner(self, node: Any, level: _Level, around: tuple[_Level, ...]) -> str | None:
        """Return whose tenant an expression is: an alias's, a bind's (or that of what is tied outside), nobody's."""
        match node:
            case ast.TypeCast():
                return self._owner(node.arg, level, around)
            case ast.ParamRef():
                return BOUND
            case ast.ColumnRef():
                *qualifier, last = [getattr(part, "sval", "*") for part in node.fields]
                key = "id" if qualifier and self._table(qualifier[-1], level, around) == "users" else "user_id"
                if last != key:
                    return None
                return self._named(qualifier[-1] if qualifier else "", level, around)
        return None

    def _named(self, alias: str, level: _Level, around: tuple[_Level, ...]) -> str | None:
        if not alias:
            ours = [name for name, table in level.relations.items() if table in self.tenant_tables]
            return ours[0] if len(ours) == 1 else None
        if alias in level.relations:
            return alias
        return BOUND if any(alias in outer.tied for outer in around) else None

    def _table(self, alias: str, level: _Level, around: tuple[_Level, ...]) -> str | None:
        return next((one.relations[alias] for one in (level, *around[::-1]) if alias in one.relations), None)

    def _insert(self, node: ast.InsertStmt) -> None:
        if node.relation.relname not in self.tenant_tables:
            return
        if "user_id" not in {column.name for column in node.cols or ()}:
            self.broken.append(f"rule 3: an INSERT into {node.relation.relname} does not name user_id")
        infer = node.onConflictClause.infer if node.onConflictClause else None
        if infer and infer.indexElems and infer.indexElems[0].name != "user_id":
            self.broken.append(f"rule 2: an ON CONFLICT of {node.relation.relname} does not start with user_id")

    def _copy(self, node: ast.CopyStmt) -> None:
        if not node.relation or node.relation.relname not in self.tenant_tables:
            return
        if not node.is_from:
            self.broken.append(f"rule 3: COPY reads all of {node.relation.relname}")
        elif "user_id" not in {name.sval for name in node.attlist or ()}:
            self.broken.append(f"rule 3: COPY into {node.relation.relname} does not name user_id")

    def _refuse_tables(self, names: list[str], what: str) -> None:
        self.broken += [f"rule 3: {what} {name}" for name in names if name in self.tenant_tables]

    # rule 4 -------------------------------------------------------------------------------------

    def _rule_4(self, node: Any) -> None:
        for each in _descendants(node):
            self._forbidden(each)
            self._session_state(each)
            self._returned(each)
            match each:
                case ast.UpdateStmt() | ast.OnConflictClause():
                    self._assigned(each.targetList)
                case ast.SelectStmt() if self.cross_tenant and each.lockingClause:
                    self._locking(each)

    def _forbidden(self, node: Any) -> None:
        match node:
            case ast.MergeStmt():
                self._refuse("MERGE")
            case ast.CreateTrigStmt() | ast.CreatePolicyStmt() | ast.CreateFunctionStmt() | ast.RuleStmt():
                self._refuse("a trigger, policy, function or rule")

    def _session_state(self, node: Any) -> None:
        match node:
            case ast.VariableSetStmt():
                self._setting(node)
            case ast.PrepareStmt() | ast.ListenStmt():
                self._refuse("session state (PREPARE, LISTEN)")
            case ast.CreateStmt(relation=ast.RangeVar(relpersistence="t")):
                self._temporary(node.oncommit)
            case ast.IntoClause(rel=ast.RangeVar(relpersistence="t")):
                self._temporary(node.onCommit)
            case ast.FuncCall():
                self._call(node)

    def _setting(self, node: ast.VariableSetStmt) -> None:
        of_transaction = node.kind == VariableSetKind.VAR_SET_MULTI and node.name == "TRANSACTION"
        if not node.is_local and not of_transaction:
            self._refuse(f"session state (SET {node.name} without LOCAL)")

    def _temporary(self, on_commit: OnCommitAction) -> None:
        if on_commit != OnCommitAction.ONCOMMIT_DROP:
            self._refuse("session state (a temporary table without ON COMMIT DROP)")

    def _call(self, node: ast.FuncCall) -> None:
        name = _name(node)
        if name.startswith(SESSION_LOCKS):
            self._refuse(f"an advisory lock ({name})")
        if name == "set_config" and not _is_true(node.args[2]):
            self._refuse("session state (set_config that is not local)")

    def _assigned(self, targets: Any) -> None:
        for each in _descendants(targets):
            if isinstance(each, ast.FuncCall) and _name(each) in VOLATILE:
                self._refuse(f"a volatile function in SET ({_name(each)})")

    def _returned(self, node: Any) -> None:
        clause = getattr(node, "returningClause", None)
        for each in _descendants(clause.exprs if clause else getattr(node, "returningList", None)):
            if isinstance(each, ast.FuncCall):
                self._refuse(f"a function in RETURNING ({_name(each)})")

    def _locking(self, node: ast.SelectStmt) -> None:
        level = _Level()
        for item in node.fromClause or ():
            self._add(item, level, frozenset())
        for clause in node.lockingClause:
            names = [relation.relname for relation in clause.lockedRels or ()] or list(level.relations)
            if any(level.relations.get(name) in self.tenant_tables for name in names):
                self._refuse("row locks in a cross-tenant statement")

    def _refuse(self, what: str) -> None:
        self.broken.append(f"rule 4: {what}")


def _children(node: Any) -> Iterator[Any]:
    for name in node.__slots__ if isinstance(node.__slots__, Mapping) else node:
        child = getattr(node, name)
        if isinstance(child, (ast.Node, tuple, list)):
            yield child


def _descendants(node: Any) -> Iterator[Any]:
    if isinstance(node, (tuple, list)):
        for child in node:
            yield from _descendants(child)
    elif isinstance(node, ast.Node):
        yield node
        for child in _children(node):
            yield from _descendants(child)


def _from_items(node: Any) -> list[Any]:
    """Return what a level names in FROM, its own target included; an INSERT reads nothing itself."""
    match node:
        case ast.SelectStmt():
            return list(node.fromClause or ())
        case ast.UpdateStmt():
            return [node.relation, *(node.fromClause or ())]
        case ast.DeleteStmt():
            return [node.relation, *(node.usingClause or ())]
    return []


def _conditions(node: Any) -> list[Any]:
    """Return what must hold for every row of a level: the ANDed terms of WHERE and of the joins."""
    found = list(_terms(getattr(node, "whereClause", None)))
    for item in _from_items(node):
        for join in _joins(item):
            found += [join, *_terms(join.quals)]
    return found


def _joins(item: Any) -> Iterator[ast.JoinExpr]:
    if isinstance(item, ast.JoinExpr):
        yield item
        yield from _joins(item.larg)
        yield from _joins(item.rarg)


def _terms(node: Any) -> Iterator[Any]:
    if isinstance(node, ast.BoolExpr) and node.boolop == BoolExprType.AND_EXPR:
        for term in node.args:
            yield from _terms(term)
    elif node is not None:
        yield node


def _aliases(item: Any) -> Iterator[str]:
    match item:
        case ast.JoinExpr():
            yield from _aliases(item.larg)
            yield from _aliases(item.rarg)
        case ast.RangeVar():
            yield item.alias.aliasname if item.alias else item.relname
        case _ if getattr(item, "alias", None):
            yield item.alias.aliasname


def _sides(node: ast.A_Expr) -> Iterator[tuple[Any, Any]]:
    left, right = node.lexpr, node.rexpr
    if isinstance(left, ast.RowExpr) and isinstance(right, ast.RowExpr):
        yield from zip(left.args, right.args, strict=False)
    else:
        yield left, right


def _name(node: ast.FuncCall) -> str:
    return str(node.funcname[-1].sval)


def _is_true(node: Any) -> bool:
    return isinstance(node, ast.A_Const) and bool(getattr(node.val, "boolval", False))
