"""What is wrong with a text, or dearer than it need be, told before anybody gets it: by the rules of rules/."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from lumiere_sms.messages.estimates import Money
from lumiere_sms.messages.problems import TemplateProblemError
from lumiere_sms.messages.rendering import compile_template
from lumiere_sms.messages.rules.base import Draft, Setting
from lumiere_sms.messages.rules.register import RULES, findings
from lumiere_sms.messages.values import snake_case

NO_SETTING = Setting()


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing to mend; a blocking one stops `apply`.

    `line` and `column` count from 1 within the template, or in the `file` where one is named. `lifted` says by whom and
    why it does not block, where it would.
    """

    rule: str
    message: str
    hint: str
    character: str | None
    line: int
    column: int
    blocking: bool
    file: str = ""
    lifted: str = ""

    @property
    def is_liftable(self) -> bool:
        """Whether an operator may override what it blocks."""
        return RULES[self.rule].is_liftable


def lint_template(
    content: str,
    *,
    declared: Sequence[str],
    known: Collection[str],
    transliterate: bool,
    price: Money | None = None,
    setting: Setting = NO_SETTING,
) -> list[Finding]:
    """Return what is to mend in a template, in the order of the rules.

    `declared` are the variables its definition lists, `known` those that every text has (customers'
    fields and attributes). With the `price` of a part, findings say what a thousand texts cost; the
    `setting` says whose law holds.
    """
    try:
        template = compile_template(content)
    except TemplateProblemError as problem:
        return [Finding("T00", problem.message, problem.hint, None, problem.line, problem.column, blocking=True)]
    names = [snake_case(name) for name in declared]
    draft = Draft.of(template, setting, names=names, known=known, transliterate=transliterate, price=price)
    return [
        Finding(rule.id, found.message, found.hint, found.character, *found.place, blocking=found.blocking)
        for rule, found in findings(draft)
    ]
