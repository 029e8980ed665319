"""Which variables a template reads, where, and whether it can do without them."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from jinja2 import nodes

from lumiere_sms.messages.grammar import place_of


@dataclass(frozen=True, slots=True)
class Mention:
    """One place where a template reads a variable. `has_fallback`: no value there is no error."""

    name: str
    line: int
    column: int
    has_fallback: bool


def mentions_of(tree: nodes.Template, source: str) -> tuple[tuple[Mention, ...], str]:
    """Return every mention of a variable in order, and the template's literal text."""
    found = sorted(_read(tree, known=frozenset(), guarded=False), key=lambda pair: pair[0].lineno)
    mentions = (Mention(name.name, *place_of(source, name.lineno), guarded) for name, guarded in found)
    literal = "".join(data.data for data in tree.find_all(nodes.TemplateData))
    return tuple(mentions), literal


_Names = frozenset[str]
_NONE: _Names = frozenset()
#: A node below another; the names that have a value where it is read; whether it may have none itself.
_Child = tuple[nodes.Node, _Names, bool]


def _read(node: nodes.Node, *, known: _Names, guarded: bool) -> Iterator[tuple[nodes.Name, bool]]:
    """Yield the names below `node` and whether each is known to have a value there, or needs none."""
    if isinstance(node, nodes.Name):
        yield node, guarded or node.name in known
        return
    for child, present, child_guarded in _CHILDREN.get(type(node), _plainly)(node, guarded=guarded):
        yield from _read(child, known=known | present, guarded=child_guarded)


def _plainly(node: nodes.Node, **_: bool) -> Iterator[_Child]:
    for child in node.iter_child_nodes():
        yield child, _NONE, False


def _in_test(node: nodes.Node, **_: bool) -> Iterator[_Child]:
    for child in node.iter_child_nodes():
        yield child, _NONE, True


def _in_if(node: nodes.If, **_: bool) -> Iterator[_Child]:
    otherwise = _NONE
    for branch in (node, *node.elif_):
        yield branch.test, otherwise, True
        for child in branch.body:
            yield child, otherwise | _present(branch.test, when=True), False
        otherwise |= _present(branch.test, when=False)
    for child in node.else_:
        yield child, otherwise, False


def _in_choice(node: nodes.CondExpr, *, guarded: bool) -> Iterator[_Child]:
    yield node.test, _NONE, True
    yield node.expr1, _present(node.test, when=True), guarded
    if node.expr2 is not None:
        yield node.expr2, _present(node.test, when=False), guarded


def _in_or(node: nodes.Or, *, guarded: bool) -> Iterator[_Child]:
    yield node.left, _NONE, True
    yield node.right, _present(node.left, when=False), guarded


def _in_and(node: nodes.And, *, guarded: bool) -> Iterator[_Child]:
    yield node.left, _NONE, guarded
    yield node.right, _present(node.left, when=True), guarded


def _in_filter(node: nodes.Filter, *, guarded: bool) -> Iterator[_Child]:
    assert node.node is not None, "only a filter block has no subject, and those are refused"
    yield node.node, _NONE, guarded or node.name == "default"
    for argument in node.args:
        yield argument, _NONE, guarded


_CHILDREN: Mapping[type[nodes.Node], Callable[..., Iterator[_Child]]] = {
    nodes.If: _in_if,
    nodes.CondExpr: _in_choice,
    nodes.Or: _in_or,
    nodes.And: _in_and,
    nodes.Not: _in_test,
    nodes.Test: _in_test,
    nodes.Filter: _in_filter,
}


def _present(test: nodes.Node, *, when: bool) -> _Names:
    """Return the names that must have a value if `test` came out as `when`."""
    found = _NONE
    match test:
        case nodes.Name() if when:
            found = frozenset({test.name})
        case nodes.Test(node=nodes.Name() as name) if (test.name == "defined") is when:
            found = frozenset({name.name})
        case nodes.Not():
            found = _present(test.node, when=not when)
        case nodes.And() if when:
            found = _present(test.left, when=True) | _present(test.right, when=True)
        case nodes.Or() if not when:
            found = _present(test.left, when=False) | _present(test.right, when=False)
        case nodes.Compare(expr=nodes.Name() as name):
            found = frozenset({name.name})
    return found
