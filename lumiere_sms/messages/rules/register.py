"""All rules, in the order in which their findings are told: what stops a text from being made first, its law then."""

from collections.abc import Iterator, Mapping

from lumiere_sms.messages.rules import countries, japan, size, style, writing
from lumiere_sms.messages.rules.base import Draft, Found, Rule

#: T: how it is written; JP: Japan's law; U: everywhere. U06 and U08 are T03 and T05, which are older.
RULES: Mapping[str, Rule] = {
    rule.id: rule
    for module in (writing, size, japan, countries, style)
    for rule in sorted(module.RULES, key=lambda rule: rule.id)
}
#: The day on which sources and words were last gone through.
REVISED = "2026-11-23"


def findings(draft: Draft) -> Iterator[tuple[Rule, Found]]:
    """Yield what the rules that apply find, in their order."""
    for rule in RULES.values():
        if rule.applies(draft.setting):
            for found in rule.check(draft):
                yield rule, found
