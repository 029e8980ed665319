"""What can be wrong with a template, and with filling it in."""

from lumiere_sms.errors import LumiereError


class TemplateProblemError(LumiereError):
    """A template is written wrongly or does what a text may not; `line` and `column` count from 1 within it."""

    exit_code = 3

    def __init__(self, message: str, *, line: int, column: int, width: int = 1, hint: str = "") -> None:
        super().__init__(f"line {line}, column {column} of the template: {message}", hint=hint)
        self.message = message
        self.line = line
        self.column = column
        self.width = width


class RenderingError(LumiereError):
    """A template cannot be filled in with these values."""

    exit_code = 3


class TooLongError(RenderingError):
    """The text is longer than a provider takes."""


class MissingValueError(RenderingError):
    """A template reads a name that has no value here, and writes no fallback for it."""

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(
            f'"{name}" has no value and the template writes no fallback' if name else "a value is empty",
            hint=f"write {{{{ {name or 'name'} | default('…') }}}}, or leave out who has none",
        )
