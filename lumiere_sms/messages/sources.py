"""The text of a template from where an operator keeps it: an option of a command, a file, stdin."""

import sys
from pathlib import Path

from lumiere_sms.errors import DefinitionError, Problem
from lumiere_sms.messages.grammar import LONGEST_SOURCE

STDIN = Path("-")
_MOST_BYTES = 4 * LONGEST_SOURCE + 4  # more cannot be a template, whatever its characters


def read_source(file: Path) -> str:
    """Return the text in a UTF-8 file, or from stdin where the file is `-`.

    Raises: DefinitionError for a file that cannot be read or holds no text.
    """
    try:
        if file == STDIN:
            return sys.stdin.read(_MOST_BYTES)
        with file.open("rb") as stream:
            content = stream.read(_MOST_BYTES)
            return content.decode("utf-8-sig", "strict" if len(content) < _MOST_BYTES else "ignore")
    except OSError as error:
        raise DefinitionError([Problem(str(file), 0, 0, f"it cannot be read: {error.strerror}")]) from error
    except UnicodeDecodeError as error:
        raise DefinitionError([Problem(str(file), 0, 0, "it is no UTF-8 text")]) from error
