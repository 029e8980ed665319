"""What is texted by itself, as an operator writes it: answers, `help="Salon Lumiere, 03-1234-5678"`, and requests."""

from collections.abc import Sequence
from typing import Any

from lumiere_sms.audience.fields import guess
from lumiere_sms.campaigns.tenant_ways import AS_SET
from lumiere_sms.definitions.tenant_rules import Answers
from lumiere_sms.errors import UsageError, quoted
from lumiere_sms.messages.problems import TemplateProblemError
from lumiere_sms.messages.rendering import compile_template
from lumiere_sms.messages.values import FIELDS

KINDS = tuple(Answers.model_fields)
_TAKEN_BACK = frozenset({AS_SET, "none"})


def read_answers(options: Sequence[str]) -> dict[str, Any]:
    """Read answers, as `change_rules` takes them; `none` takes one back. Raises: UsageError.

    >>> read_answers(["help=Salon Lumiere, 03-1234-5678", "other=none"])
    {'help': 'Salon Lumiere, 03-1234-5678', 'other': None}
    """
    return dict(map(_read, options))


def read_request(text: str) -> str | None:
    """Read what asks somebody whether they agree; `default` is None. Raises: UsageError."""
    text = text.strip()
    if not text:
        raise UsageError("the request has no text", hint='write what it asks, or "default"')
    return None if text == AS_SET else _checked("the request", text)


def _read(option: str) -> tuple[str, str | None]:
    kind, equals, text = (each.strip() for each in option.partition("="))
    if kind not in KINDS:
        hint = guess(kind, KINDS) or f"write KIND=TEXT, of the kinds {', '.join(KINDS)}"
        raise UsageError(f"{quoted(kind)} is no kind of answer", hint=hint)
    if not equals or not text:
        raise UsageError(f"{quoted(option)} has no text", hint=f'write {kind}="…", or {kind}=none')
    if text in _TAKEN_BACK:
        return kind, None
    return kind, _checked(f"the answer to {kind}", text)


def _checked(what: str, text: str) -> str:
    """Return a text that can be written for whoever is texted: nobody looks when it is not."""
    try:
        template = compile_template(text)
    except TemplateProblemError as error:
        raise UsageError(f"{what}: {error.message}", hint=error.hint) from error
    for mention in template.mentions:
        if mention.name not in FIELDS and not mention.has_fallback:
            hint = guess(mention.name, sorted(FIELDS)) or f"write {{{{ {mention.name} | default('…') }}}}"
            raise UsageError(f"{what}: not everybody has a {quoted(mention.name)}", hint=hint)
    return text
