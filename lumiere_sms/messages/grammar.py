"""What a template may be made of: read it, refuse the rest, with the exact place of what is refused.

Everything not named here is refused, so that no template can loop, call, reach into a value or grow
without bound; Jinja's sandbox stands behind that as a second wall. Jinja knows lines only. So its
lexer's tokens are numbered by their offset instead of their line, and every node of the tree and
every syntax error then says exactly where it stands.
"""

import re
from collections.abc import Iterator
from difflib import get_close_matches
from typing import Any, NoReturn

from jinja2 import Environment, TemplateSyntaxError, nodes
from jinja2.lexer import TokenStream
from jinja2.parser import Parser
from jinja2.sandbox import ImmutableSandboxedEnvironment

from lumiere_sms.messages.filters import FILTERS, LONGEST_TEXT, Missing, finish
from lumiere_sms.messages.problems import RenderingError, TemplateProblemError
from lumiere_sms.messages.values import LINK, snake_case

LONGEST_SOURCE = 10_000
DEEPEST = 40  # of expressions and conditions inside one another

_UNPRINTABLE = re.compile("[\0-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
_WORD = re.compile(r"\w+|[^\w\s]+")
_TESTS = ("defined", "undefined")
_PLAIN = (
    nodes.Template,
    nodes.Output,
    nodes.If,
    nodes.CondExpr,
    nodes.And,
    nodes.Or,
    nodes.Not,
    nodes.Compare,
    nodes.Operand,
    nodes.List,
    nodes.Tuple,
    nodes.Add,
    nodes.Sub,
)
_REFUSALS: dict[type[nodes.Node], tuple[str, str]] = {
    nodes.For: ("a text has no loops", "name the values one by one"),
    nodes.Assign: ("a text sets no variables", "write the value where it is shown, or under the campaign's variables"),
    nodes.AssignBlock: ("a text sets no variables", "write the value where it is shown"),
    nodes.Call: ("a text calls no functions", "filters change a value: {{ name | upper }}"),
    nodes.Getattr: ("a name has no parts", "write {{ first_name }}, not {{ customer.first_name }}"),
    nodes.Getitem: ("a name has no parts", "each attribute of a customer has a name of its own"),
    nodes.Concat: ("texts are not joined with ~", "write the pieces side by side: {{ a }}{{ b }}"),
}
_REFUSED_FAMILIES: dict[type[nodes.Node], tuple[str, str]] = {
    nodes.Stmt: ("a text has no such tag", "there are {% if %}, {% elif %}, {% else %} and {% endif %}"),
    nodes.BinExpr: ("a text does no arithmetic but + and -", "give the value under the campaign's variables"),
    nodes.Node: ("a text is made of names, filters, conditions and fallbacks", "lumiere-sms guide messages"),
}


class TextEnvironment(ImmutableSandboxedEnvironment):
    """Jinja as templates of texts use it: our filters only, no functions, + and - on numbers only."""

    intercepted_binops = frozenset({"+", "-"})

    def __init__(self) -> None:
        super().__init__(undefined=Missing, finalize=finish, cache_size=0)
        self.globals.clear()
        self.filters = {name: filter_.function for name, filter_ in FILTERS.items()}
        self.tests = {name: self.tests[name] for name in _TESTS}

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        """Add or subtract two numbers."""
        for operand in (left, right):
            if isinstance(operand, Missing):
                str(operand)  # says which name is missing
        if isinstance(left, str | list) or isinstance(right, str | list):
            raise RenderingError(f"{operator} takes numbers, not texts")
        return super().call_binop(context, operator, left, right)

    def _tokenize(self, source: str, name: str | None, *_: Any) -> TokenStream:
        return TokenStream(self.lexer.wrap(_numbered_by_offset(self, source), name, None), name, None)


def read(environment: TextEnvironment, source: str) -> nodes.Template:
    """Return the tree of a template, its names in snake_case, each node's `lineno` its offset in `source`.

    Raises: TemplateProblemError.
    """
    if len(source) > LONGEST_SOURCE:
        raise TemplateProblemError(
            f"a template of {len(source):,} characters is longer than {LONGEST_SOURCE:,}",
            line=1,
            column=1,
            hint=f"a text holds {LONGEST_TEXT:,} characters at most",
        )
    if found := _UNPRINTABLE.search(source):
        refuse(source, found.start(), f"the character U+{ord(found[0]):04X} cannot be sent")
    tree = _parsed(environment, source)
    _check(tree, source, depth=0)
    return tree


def refuse(source: str, offset: int, message: str, *, hint: str = "") -> NoReturn:
    """Raise a TemplateProblemError for what stands at `offset`."""
    line, column = place_of(source, offset)
    word = _WORD.match(source, offset)
    raise TemplateProblemError(message, line=line, column=column, width=len(word[0]) if word else 1, hint=hint)


def place_of(source: str, offset: int) -> tuple[int, int]:
    """Return the line and the column of an offset, both from 1."""
    return source.count("\n", 0, offset) + 1, offset - source.rfind("\n", 0, offset)


def _parsed(environment: TextEnvironment, source: str) -> nodes.Template:
    try:
        return Parser(environment, source).parse()
    except TemplateSyntaxError as error:
        problem, offset = _sentence(error.message or "it is not understood"), min(error.lineno, len(source))
    except RecursionError:
        problem, offset = "it is nested too deeply", 0
    except ValueError:  # an integer of more digits than Python reads
        found = re.search(r"\d{1000}", source)
        problem, offset = "this number is too long", found.start() if found else 0
    refuse(source, offset, problem, hint=_hint_of(problem))


def _numbered_by_offset(environment: Environment, source: str) -> Iterator[tuple[int, str, str]]:
    """Yield the lexer's tokens with their offsets in place of their lines. Between tokens it drops blanks only."""
    offset = 0
    try:
        for _, kind, value in environment.lexer.tokeniter(source, None):
            offset = source.index(value, offset)
            yield offset, kind, value
            offset += len(value)
    except TemplateSyntaxError as error:
        raise TemplateSyntaxError(error.message or "", offset) from error


def _check(node: nodes.Node, source: str, *, depth: int) -> None:
    if isinstance(node, nodes.Scope):  # what {% autoescape %} becomes; it has no place of its own
        node = node.body[0]
    if depth > DEEPEST:
        refuse(source, node.lineno, f"conditions and expressions are nested more than {DEEPEST} deep")
    match node:
        case nodes.Name():
            _check_name(node, source)
        case nodes.Const():
            _check_constant(node, source)
        case nodes.Filter():
            _check_filter(node, source)
        case nodes.Test():
            _check_test(node, source)
        case nodes.TemplateData():
            pass
        case _ if not isinstance(node, _PLAIN):
            _refuse_node(node, source)
    for child in node.iter_child_nodes():
        _check(child, source, depth=depth + 1)


def _refuse_node(node: nodes.Node, source: str) -> NoReturn:
    families = (refusal for family, refusal in _REFUSED_FAMILIES.items() if isinstance(node, family))
    message, hint = _REFUSALS.get(type(node)) or next(families)
    refuse(source, node.lineno, message, hint=hint)


def _check_name(node: nodes.Name, source: str) -> None:
    name = snake_case(node.name)
    if name in {"", "self"}:
        refuse(source, node.lineno, f'"{node.name}" is no name of a value')
    node.name = name


def _check_constant(node: nodes.Const, source: str) -> None:
    if node.value is None:
        refuse(source, node.lineno, "none is no text", hint="write '' for nothing, or `is defined` to ask for a value")
    if isinstance(node.value, str) and (found := _UNPRINTABLE.search(node.value)):
        refuse(source, node.lineno, f"the character U+{ord(found[0]):04X} cannot be sent")


def _check_filter(node: nodes.Filter, source: str) -> None:
    offset = _word_after(source, node.lineno, node.name)
    if node.name != "default" and node.node and _reads_link(node.node):
        refuse(source, offset, "a link is written as it is, or it leads nowhere", hint="write {{ opt_out_url }} alone")
    filter_ = FILTERS.get(node.name)
    if filter_ is None:
        guess = get_close_matches(node.name, FILTERS, n=1)
        hint = f"did you mean {guess[0]}?" if guess else f"there are {', '.join(FILTERS)}"
        refuse(source, offset, f'there is no filter "{node.name}"', hint=hint)
    if node.kwargs or node.dyn_args or node.dyn_kwargs or not filter_.least <= len(node.args) <= filter_.most:
        takes = "no arguments" if not filter_.most else "one argument, in brackets"
        refuse(source, offset, f'the filter "{node.name}" takes {takes}')
    if node.name == "truncate" and not _is_length(node.args[0]):
        refuse(source, offset, f'the filter "truncate" takes a number of characters, 1 to {LONGEST_TEXT:,}')


def _reads_link(node: nodes.Node) -> bool:
    names = (each.name for each in (node, *node.find_all(nodes.Name)) if isinstance(each, nodes.Name))
    return LINK in map(snake_case, names)


def _is_length(node: nodes.Expr) -> bool:
    return isinstance(node, nodes.Const) and type(node.value) is int and 1 <= node.value <= LONGEST_TEXT


def _check_test(node: nodes.Test, source: str) -> None:
    if node.name not in _TESTS or node.args or node.kwargs or node.dyn_args or node.dyn_kwargs:
        hint = "write `is defined`, or compare with ==, <, >, in"
        refuse(source, _word_after(source, node.lineno, node.name), f'there is no test "{node.name}"', hint=hint)


def _word_after(source: str, offset: int, word: str) -> int:
    found = re.compile(rf"\b{re.escape(word)}\b").search(source, offset)
    return found.start() if found else offset


def _sentence(message: str) -> str:
    """Make Jinja's message one of ours."""
    if message.lower().startswith("unexpected end of template"):
        return "the template ends before this is closed"
    message = re.sub(r" at \d+$", "", message).rstrip(".")
    message = message.replace("Encountered unknown tag", "there is no tag").replace("unexpected char ", "unexpected ")
    return message[:1].lower() + message[1:]


def _hint_of(problem: str) -> str:
    if "is closed" in problem:
        return "is a }} or an {% endif %} missing?"
    if "got 'name'" in problem:
        return "a variable is one word: {{ first_name }}"
    if "tag" in problem:
        return _REFUSED_FAMILIES[nodes.Stmt][1]
    return ""
