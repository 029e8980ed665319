"""Write the text of one customer: rendered, counted in parts, or left out for what only rendering can tell."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from lumiere_sms.campaigns.writing import Content
from lumiere_sms.definitions.models import CampaignDefinition
from lumiere_sms.messages.parts import count_parts
from lumiere_sms.messages.rendering import (
    MissingValueError,
    RenderingError,
    Template,
    TooLongError,
    compile_template,
)
from lumiere_sms.messages.values import COLUMNS, FIELDS, LINK, snake_case, values_of

BLANK: dict[str, Any] = {**dict.fromkeys((*COLUMNS, "next_appointment_at", "names")), "attributes": {}}
_UNHASHABLE = frozenset({"attributes", "tags"})
_REMEMBERED = 4_096

#: Text, encoding, parts.
Written = tuple[str, str, int]
#: Writes one text, from the recipient's zone and the values of the columns, in their order.
Writer = Callable[..., Written]


@dataclass(frozen=True, slots=True)
class Wording:
    """One text that a campaign sends: what it says, and whether it is spelt in GSM-7."""

    template: Template
    transliterate: bool


class ExcludedError(Exception):
    """Somebody gets no text, for a reason that is counted."""

    def __init__(self, reason: str) -> None:
        """Keep the reason."""
        self.reason = reason


def wordings_of(definition: CampaignDefinition, content: Content) -> dict[str, Wording]:
    """Return the texts of a campaign's variants by name; its one text has none.

    Raises: TemplateProblemError for a text that is no template.
    """
    plain = definition.is_plainly_written
    contents = content.variants or {"": content}
    return {
        name: Wording(compile_template(each.source, name=_called(definition, name)), each.transliterate or plain)
        for name, each in contents.items()
    }


def columns_of(wordings: Iterable[Wording], variables: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the columns of a customer that texts read: few, so that a million rows stay light."""
    read = frozenset[str]().union(*(each.template.variables for each in wordings))
    read -= {snake_case(name) for name in variables}
    names = set(read & BLANK.keys())
    names |= {"first_name", "last_name"} if {"name", "names"} & read else set()
    names |= {"attributes"} if read - FIELDS else set()
    return tuple(sorted(names))


def reads_link(wordings: Iterable[Wording], variables: Mapping[str, Any]) -> bool:
    """Say whether texts have a link by which somebody refuses further ones, and not one that the campaign gives."""
    return any(LINK in each.template.variables for each in wordings) and LINK not in map(snake_case, variables)


def writer_of(
    wording: Wording,
    *,
    columns: Sequence[str],
    variables: Mapping[str, Any],
    tenant_name: str,
    link: str | None = None,
) -> Writer:
    """Return what writes one text. It raises: ExcludedError.

    Customers with equal values get equal texts, so the last few thousand are remembered where values can be keys. The
    `link` by which somebody refuses is a sample that is as long as theirs: it is exchanged afterwards.
    """
    render, transliterate = wording.template.render, wording.transliterate

    def write(place: str, *given: Any) -> Written:
        row = {**BLANK, **dict(zip(columns, given, strict=True))}
        try:
            values = values_of(row, variables=variables, tenant_name=tenant_name, zone=place, opt_out_url=link)
            text = render(values, transliterate=transliterate)
        except MissingValueError as error:
            raise ExcludedError(f"missing_value:{error.name}") from error
        except TooLongError as error:
            raise ExcludedError("too_long") from error
        except RenderingError as error:
            raise ExcludedError("unrenderable") from error
        count = count_parts(text)
        return text, count.encoding.value, count.parts

    return write if _UNHASHABLE.intersection(columns) else lru_cache(_REMEMBERED)(write)


def dearest_of(writers: Sequence[Writer]) -> Writer:
    """Return what writes the dearest of several texts: what somebody gets at most whose wording is not decided yet.

    It raises: ExcludedError, where none of them can be written.
    """

    def write(place: str, *given: Any) -> Written:
        written, problem = [], None
        for each in writers:
            try:
                written.append(each(place, *given))
            except ExcludedError as error:
                problem = problem or error
        if problem and not written:
            raise problem
        return max(written, key=lambda one: (one[2], len(one[0])))

    return writers[0] if len(writers) == 1 else write


def _called(definition: CampaignDefinition, variant: str) -> str:
    wording = (definition.variants or {}).get(variant, definition)
    return wording.template or "message"
