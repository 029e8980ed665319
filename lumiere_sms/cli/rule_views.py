"""How the rules of the lint are shown: all of them, or one with its sources and examples."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from lumiere_sms.cli import output
from lumiere_sms.errors import UsageError, quoted

if TYPE_CHECKING:
    from lumiere_sms.messages.rules.base import Rule

_LABEL = 9  # the column of why, for, stops …
_MOST_COUNTRIES = 6  # that are named


def show_rules(explain: str | None, *, as_json: bool) -> None:
    """Print the rule that is asked for, or all in a table. Raises: UsageError for a rule that is not there."""
    from lumiere_sms.messages.rules.register import RULES

    if explain is None:
        if as_json:
            output.print_json([_plain(rule) for rule in RULES.values()])
            return
        rows = [(rule.id, rule.title, _where(rule), "yes" if rule.blocks else "") for rule in RULES.values()]
        output.print_table(("rule", "says", "for", "may stop apply"), rows)
        return
    rule = RULES.get(explain.strip().upper())
    if rule is None:
        raise UsageError(f"there is no rule {quoted(explain)}", hint=f"there are {', '.join(RULES)}")
    if as_json:
        output.print_json(_plain(rule))
    else:
        output.print_text("\n".join(rule_lines(rule, width=output.console().width)))


def rule_lines(rule: "Rule", *, width: int) -> Iterator[str]:
    """Yield a rule as people read it, in lines of at most `width` columns where words allow."""
    yield f"{rule.id}  {rule.title}"
    yield ""
    for label, text in _told(rule):
        for number, paragraph in enumerate(text.splitlines()):
            yield from output.hanging(paragraph, width=width, label=f"{'' if number else label:<{_LABEL}}")


def _told(rule: "Rule") -> Iterator[tuple[str, str]]:
    yield "why", rule.sentence
    yield "for", _where(rule)
    yield "stops", _stops(rule)
    yield "mend", rule.mend
    for source in rule.sources:
        yield "source", f"{source.name}\n{source.url}"
    yield "fails", rule.fails.text
    yield "passes", rule.passes.text


def _stops(rule: "Rule") -> str:
    if not rule.blocks:
        return "nothing: it is told"
    lifts = 'apply --override "why" lifts it' if rule.is_liftable else "nothing lifts it"
    return f"apply, {'' if rule.blocks == 'always' else 'where '}{rule.blocks}; {lifts}"


def _where(rule: "Rule") -> str:
    kinds = "all campaigns" if rule.types is None else ", ".join(sorted(rule.types))
    if rule.countries is None:
        return kinds
    named = ", ".join(sorted(rule.countries)[:_MOST_COUNTRIES])
    more = f" and {len(rule.countries) - _MOST_COUNTRIES} more" if len(rule.countries) > _MOST_COUNTRIES else ""
    return f"{kinds} to {named}{more}"


def _plain(rule: "Rule") -> dict[str, Any]:
    return {
        "id": rule.id,
        "title": rule.title,
        "sentence": rule.sentence,
        "sources": [{"name": source.name, "url": source.url} for source in rule.sources],
        "mend": rule.mend,
        "types": sorted(rule.types) if rule.types is not None else None,
        "countries": sorted(rule.countries) if rule.countries is not None else None,
        "blocks": rule.blocks or None,
        "is_liftable": rule.is_liftable,
        "fails": rule.fails.text,
        "passes": rule.passes.text,
    }
