"""Templates and the texts they become.

A template is Jinja cut down to what a text needs (grammar.py). It is compiled once and rendered for
each recipient. A name that is missing or has no value is an error unless a fallback is written.
"""

import unicodedata
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import jinja2
from jinja2.utils import missing

from lumiere_sms.messages.filters import LONGEST_TEXT
from lumiere_sms.messages.grammar import TextEnvironment, read
from lumiere_sms.messages.mentions import Mention, mentions_of
from lumiere_sms.messages.problems import MissingValueError, RenderingError, TemplateProblemError, TooLongError
from lumiere_sms.messages.transliteration import transliterate as in_gsm7

__all__ = [
    "MissingValueError",
    "RenderingError",
    "Template",
    "TemplateProblemError",
    "TooLongError",
    "compile_template",
]

_WRONG_TYPES = (TypeError, ValueError, ArithmeticError, AttributeError, jinja2.TemplateError)


@dataclass(frozen=True, slots=True)
class Template:
    """A compiled template. `mentions` are its variables with their places, `literal` its text without them."""

    name: str
    source: str
    mentions: tuple[Mention, ...] = field(repr=False)
    literal: str = field(repr=False)
    _root: Callable[[Any], Iterator[str]] = field(repr=False, compare=False)

    @property
    def variables(self) -> frozenset[str]:
        """The names it reads, in snake_case."""
        return frozenset(mention.name for mention in self.mentions)

    def render(self, values: Mapping[str, Any], *, transliterate: bool = False) -> str:
        """Fill it in: NFC, no blanks at the end. `values` has names in snake_case; None is no value.

        Raises: MissingValueError; RenderingError for values that it cannot show, an empty text and
        one longer than 1,600 characters.
        """
        try:
            text = "".join(self._root(_Values(values)))
        except _WRONG_TYPES as error:
            raise RenderingError(f'the template "{self.name}" cannot be filled in: {error}') from error
        if not text.isascii():
            text = unicodedata.normalize("NFC", text)
        text = text.rstrip()
        if transliterate:
            text = in_gsm7(text)
        if not text or len(text) > LONGEST_TEXT // 2:
            _check_length(text)
        return text


def compile_template(source: str, *, name: str = "message") -> Template:
    """Make a template of its source.

    >>> compile_template("Hello {{ firstName | default('there') }}!").render({"first_name": "Hanako"})
    'Hello Hanako!'

    Raises: TemplateProblemError with the place of what is wrong.
    """
    source = source.replace("\r\n", "\n").replace("\r", "\n")
    tree = read(_environment(), source)
    mentions, literal = mentions_of(tree, source)
    compiled = jinja2.Template.from_code(_environment(), _environment().compile(tree), {})
    return Template(name, source, mentions, literal, compiled.root_render_func)


@cache
def _environment() -> TextEnvironment:
    return TextEnvironment()


class _Values:
    """All that a compiled template asks of its context, at a third of the cost of Jinja's own."""

    __slots__ = ("_values",)

    def __init__(self, values: Mapping[str, Any]) -> None:
        self._values = values

    def resolve_or_missing(self, name: str) -> Any:
        value = self._values.get(name)
        return missing if value is None else value


def _check_length(text: str) -> None:
    if not text:
        raise RenderingError("the text is empty")
    units = len(text.encode("utf-16-le", "surrogatepass")) // 2
    if units > LONGEST_TEXT:
        raise TooLongError(f"the text has {units:,} characters; a text holds {LONGEST_TEXT:,}")
