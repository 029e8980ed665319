"""What can go wrong, said to an operator.

    LumiereError                  1  something went wrong
    ├── UsageError                2  a value on the command line is not understood
    ├── DefinitionError           3  a definition or an input file has problems, each with its place
    ├── ConfigurationError        4  a setting, a credential or the database is not as needed
    ├── RefusedError              5  a limit, lint, budget or consent rule refused it
    │   └── StalePlanError           the checksum is no longer the plan's
    ├── StateError                6  not found, or not in a state that allows it
    └── ProviderError             7  a provider did not do what was asked
        ├── RejectedError            it said no; asking again is pointless
        ├── UnavailableError         nothing was accepted; asking again is safe
        └── UnknownOutcomeError      it may have been accepted; never ask again by yourself

The number is the exit code of the command that ends so. 0 is success, 2 any wrong command
line, 8 `run --once` left recipients that need a person, 9 it left a campaign paused by a
rule, 10 `plan --exit-code` found changes, 130 Ctrl-C.
"""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

LONGEST_LINE = 120  # characters of an input line that a problem shows
LONGEST_QUOTE = 60
MOST_LISTED = 200  # problems that a message lists; `problems` holds them all

# Control characters but the tab, other ends of lines, and what turns the direction of writing about.
_INERT = dict.fromkeys(
    (*range(9), *range(10, 32), *range(127, 160), *range(0x2028, 0x202F), *range(0x2066, 0x206A)), "·"
)


class LumiereError(Exception):
    """Something went wrong: `str(error)` is a sentence, `hint` the next thing to type or do."""

    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong at one place of an input file.

    `line` and `column` count from 1, in characters; 0 means the file as a whole. `source` is the
    text of that line (empty where there is none to show), `width` how many characters to underline.
    """

    file: str
    line: int
    column: int
    message: str
    hint: str = ""
    source: str = ""
    width: int = 1

    def __str__(self) -> str:
        """Say the place, the message and the guess in one line, then the input's line with a caret below the place."""
        place = ":".join(str(part) for part in (self.file, self.line, self.column) if part)
        said = (f"{place}: {self.message}" + (f"; {self.hint}" if self.hint else "")).translate(_INERT)
        if not self.source:
            return said
        before, marked, after = self._excerpt()
        pad = "".join("\t" if character == "\t" else " " * _columns(character) for character in before)
        carets = "^" * max(1, sum(_columns(character) for character in marked))
        return f"{said}\n{self.line:>5} | {before}{marked}{after}\n      | {pad}{carets}"

    def _excerpt(self) -> tuple[str, str, str]:
        """Cut a long line to what lies around the place; no character of it may steer a terminal."""
        start = max(0, self.column - 1)
        before = self.source[:start]
        marked = self.source[start : start + self.width][:LONGEST_LINE]
        after = self.source[start + len(marked) :]
        if len(self.source) > LONGEST_LINE:
            before = before if start <= LONGEST_LINE // 2 else "…" + before[-LONGEST_LINE // 2 :]
            room = max(0, LONGEST_LINE - len(before) - len(marked))
            after = after if len(after) <= room else after[:room] + "…"
        return before.translate(_INERT), marked.translate(_INERT), after.translate(_INERT)


def _columns(character: str) -> int:
    """Return how many columns of a terminal a character takes: two for kanji, none for a combining mark."""
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def quoted(text: str) -> str:
    """Quote what an operator wrote inside a sentence: on one line, and not at any length.

    >>> quoted("segmnet")
    '"segmnet"'
    """
    line = " ".join(text.split()).translate(_INERT)
    return f'"{line}"' if len(line) <= LONGEST_QUOTE else f'"{line[: LONGEST_QUOTE - 1]}…"'


class DefinitionError(LumiereError):
    """A definition or an input file has problems; `problems` lists them, `more` counts those that it leaves out."""

    exit_code = 3

    def __init__(self, problems: Sequence[Problem], *, more: int = 0, hint: str = "") -> None:
        self.problems = tuple(problems)
        files = sorted({problem.file for problem in self.problems})
        total = len(self.problems) + more
        count = "1 problem" if total == 1 else f"{total:,} problems"
        listed = "\n".join(str(problem) for problem in self.problems[:MOST_LISTED])
        if (unlisted := total - min(len(self.problems), MOST_LISTED)) > 0:
            listed += f"\nand {unlisted:,} more"
        super().__init__(f"{listed}\n{count} in {', '.join(files)}; nothing was changed", hint=hint)


class UsageError(LumiereError):
    """A value on the command line is not understood."""

    exit_code = 2


class ConfigurationError(LumiereError):
    """A setting, a credential or the database is not as needed."""

    exit_code = 4


class RefusedError(LumiereError):
    """A limit, lint, budget or consent rule refused it; `hint` says whether an option lifts that."""

    exit_code = 5


class StalePlanError(RefusedError):
    """The checksum given to `apply` is no longer the plan's."""


class StateError(LumiereError):
    """What was named does not exist, or is not in a state that allows it."""

    exit_code = 6


class ProviderError(LumiereError):
    """A provider did not do what was asked.

    `code` is the provider's own, as text, or empty; `action` what it asks for beyond the recipient's
    own fate (providers/base.py); `retry_after` how long the provider asked to be left alone, in seconds.
    """

    exit_code = 7

    def __init__(
        self, message: str, *, code: str = "", action: str = "", retry_after: float = 0.0, hint: str = ""
    ) -> None:
        super().__init__(message, hint=hint)
        self.code = code
        self.action = action
        self.retry_after = retry_after


class RejectedError(ProviderError):
    """It said no; asking again is pointless."""


class UnavailableError(ProviderError):
    """Nothing was accepted; asking again is safe."""


class UnknownOutcomeError(ProviderError):
    """It may have been accepted; never ask again by yourself."""
