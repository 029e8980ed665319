"""What a campaign tries out before, or instead of, texting everybody the same: variants, hold-out, canary."""

import re
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema

from lumiere_sms.definitions.base import Definition
from lumiere_sms.definitions.values import Duration, Name, Text

Metric = Literal["replies", "clicks", "visits", "delivered"]
Undecided = Literal["best", "pause"]

_PERCENT = re.compile(r"(\d{1,3}(?:\.\d{1,2})?)\s*%?", re.ASCII)


def _percent(value: Any) -> Any:
    found = _PERCENT.fullmatch(value.strip()) if isinstance(value, str) else None
    if isinstance(value, str) and found is None:
        raise ValueError(f'"{value}" is no percentage; write one like 10%')
    return float(found[1]) if found else value


Percent = Annotated[
    float,
    BeforeValidator(_percent),
    Field(ge=0, le=100),
    WithJsonSchema({"type": ["string", "number"], "examples": ["10%"]}),
]


class VariantDefinition(Definition):
    """One wording among several."""

    weight: Percent = Field(description="Its share of those who are not held out, in percent.")
    template: Name | None = Field(default=None, description="The template to send; or write a message.")
    message: Text | None = Field(default=None, description="The text to send; or name a template.")


class WinnerDefinition(Definition):
    """How the wording for the rest of the audience is chosen, once the variants have been tried."""

    metric: Metric = Field(description="What is compared.")
    after: Duration = Field(description="How long after the first texts it is decided.")
    min: Annotated[int, Field(ge=1, le=1_000_000)] = Field(
        default=100, description="How many texts of each variant must have gone by then."
    )
    if_undecided: Name | Undecided = Field(
        default="best", description="What the rest gets where the difference may be chance: a variant, best, or pause."
    )


class CanaryDefinition(Definition):
    """A few who go first, so that the rest goes only if all is well with them."""

    size: Annotated[int, Field(ge=1, le=10_000)] = Field(description="How many texts go first.")
    wait: Duration = Field(description="How long after them it is judged.")
    max_failure_rate: Percent = Field(default=5.0, description="The most that may fail or bounce, in percent.")
    max_opt_out_rate: Percent = Field(default=2.0, description="The most that may opt out, in percent.")
