"""What a provider's codes mean, read from a CSV beside this module.

Columns: code; meaning, as said to an operator; outcome of a synchronous answer that carries it (rejected,
unavailable, unknown); state of a recipient whose receipt carries it (bounced, failed); reason, action
(base.py); whether a new text later may fare better. Twilio's pages explain its codes one by one at
https://www.twilio.com/docs/api/errors and say that the list grows: a code that is not here is an
answer for good, and one that a person is told of. AWS names its codes in words: the reason that an answer gives,
else the name of its exception, and for an event its type.
"""

import csv
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from types import MappingProxyType

from lumiere_sms.errors import ProviderError, RejectedError, UnavailableError, UnknownOutcomeError
from lumiere_sms.providers.base import Action, Meaning, Reason

OUTCOMES: Mapping[str, type[ProviderError]] = MappingProxyType(
    {"rejected": RejectedError, "unavailable": UnavailableError, "unknown": UnknownOutcomeError}
)


def twilio_meaning(code: str) -> Meaning:
    """Return what a code of Twilio means.

    >>> twilio_meaning("21610").action
    <Action.OPT_OUT: 'opt_out'>
    >>> twilio_meaning("4711").is_known
    False
    """
    return twilio_codes().get(code) or Meaning(code, "")


def aws_meaning(code: str) -> Meaning:
    """Return what a code of AWS means, of SNS as of End User Messaging.

    >>> aws_meaning("DESTINATION_PHONE_NUMBER_OPTED_OUT").action
    <Action.OPT_OUT: 'opt_out'>
    """
    return aws_codes().get(code) or Meaning(code, "")


def twilio_codes() -> Mapping[str, Meaning]:
    """Return Twilio's whole table."""
    return _codes("twilio_codes.csv")


def aws_codes() -> Mapping[str, Meaning]:
    """Return AWS's whole table."""
    return _codes("aws_codes.csv")


@cache
def _codes(file: str) -> Mapping[str, Meaning]:
    text = files(__package__).joinpath(file).read_text(encoding="utf-8")
    return MappingProxyType({row["code"]: _meaning(row) for row in csv.DictReader(text.splitlines())})


def _meaning(row: Mapping[str, str]) -> Meaning:
    return Meaning(
        code=row["code"],
        text=row["meaning"],
        outcome=OUTCOMES[row["outcome"]],
        receipt=row["receipt"],
        reason=Reason(row["reason"]),
        action=Action(row["action"]),
        is_retryable=row["retryable"] == "yes",
    )
