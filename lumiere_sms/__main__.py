"""`lumiere-sms`, and `python -m lumiere_sms`."""

import sys


def main() -> None:
    """Run the command line; end with the exit code of errors.py."""
    from lumiere_sms.cli.app import app  # noqa: PLC0415 - an interrupt during the imports below is handled too
    from lumiere_sms.errors import DefinitionError, LumiereError  # noqa: PLC0415

    try:
        app()
    except LumiereError as error:
        hint = f"\nhint: {error.hint}" if error.hint else ""
        lead = "" if isinstance(error, DefinitionError) else "error: "  # each of its lines begins with a place
        sys.stderr.write(f"{lead}{error}{hint}\n")
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
