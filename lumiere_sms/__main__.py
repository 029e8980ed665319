"""`lumiere-sms`, and `python -m lumiere_sms`."""

import errno
import os
import sys
from typing import NoReturn

WRONG_COMMAND_LINE, NOT_AS_NEEDED, INTERRUPTED = 2, 4, 130  # exit codes
FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
OUT_OF_REACH = frozenset({errno.EACCES, errno.EPERM, errno.EROFS, errno.ENAMETOOLONG})


def main() -> None:
    """Run the command line; end with the exit code of errors.py."""
    prepare_streams()
    from lumiere_sms.cli.app import app  # noqa: PLC0415 - an interrupt during the imports below is handled too
    from lumiere_sms.errors import DefinitionError, LumiereError  # noqa: PLC0415

    try:
        app()
    except LumiereError as error:
        lead = "" if isinstance(error, DefinitionError) else "error: "  # each of its lines begins with a place
        _end(f"{lead}{error}", hint=error.hint, code=error.exit_code)
    except UnicodeEncodeError as error:
        if not _is_of_the_caller(error):
            raise
        _end("error: an argument is not UTF-8", hint="set the terminal's encoding to UTF-8", code=WRONG_COMMAND_LINE)
    except OSError as error:
        if error.errno in OUT_OF_REACH and error.filename:
            _end(f"error: {error.filename} cannot be used: {error.strerror}", hint="", code=NOT_AS_NEEDED)
        if error.errno not in FULL:
            raise
        where = error.filename or "where this command writes to"
        _end(f"error: the disk is full: {where}", hint="make room on it, then try again", code=NOT_AS_NEEDED)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)


def prepare_streams() -> None:
    """Make the three streams fit to use, whoever called: one may be closed, a terminal may not know Japanese."""
    for name in ("stdin", "stdout", "stderr"):
        if getattr(sys, name) is None:  # the first file opened from here on would get its number
            setattr(sys, name, open(os.devnull, "r" if name == "stdin" else "w", encoding="utf-8"))  # noqa: SIM115, PTH123 - stays open
    for stream in (sys.stdout, sys.stderr):
        encoding = stream.encoding if stream.isatty() else "utf-8"
        stream.reconfigure(encoding=encoding, errors="backslashreplace")  # type: ignore[union-attr]  # both are text


def _is_of_the_caller(error: UnicodeEncodeError) -> bool:
    """Say whether it stems from bytes of the command line or the environment that are not UTF-8 (PEP 383)."""
    return "\ud800" <= error.object[error.start] <= "\udfff"


def _end(said: str, *, hint: str, code: int) -> NoReturn:
    if sys.stderr.isatty():
        from lumiere_sms.cli.output import fitted  # noqa: PLC0415 - needed to end only

        said = fitted(said, sys.stderr)
    sys.stderr.write(f"{said}\n" + (f"hint: {hint}\n" if hint else ""))
    sys.exit(code)


if __name__ == "__main__":
    main()
