"""One text, seen before it is sent: what it says, what it takes and what makes it dear."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from lumiere_sms.messages.estimates import Forced, Money, sample_values, what_forces_ucs2
from lumiere_sms.messages.parts import PartCount, count_parts
from lumiere_sms.messages.rendering import Template


@dataclass(frozen=True, slots=True)
class Preview:
    """A text and what it takes. `saved` is what one such text would cost less without what forces UCS-2."""

    text: str
    count: PartCount
    forced: Forced
    cost: Money | None
    saved: Money | None
    samples: tuple[str, ...] = ()


def describe(text: str, price: Money | None) -> Preview:
    """Say what a text takes, at the `price` of a part."""
    count, forced = count_parts(text), what_forces_ucs2(text)
    spared = count.parts - forced.parts_without if forced.characters else 0
    return Preview(
        text=text,
        count=count,
        forced=forced,
        cost=price and price.times(count.parts),
        saved=price.times(spared) if price and spared > 0 else None,
    )


def preview_with_samples(
    template: Template, *, given: Mapping[str, Any], transliterate: bool, price: Money | None = None
) -> Preview:
    """Describe a text with samples for the names that `given` does not hold; `samples` of the result names them.

    Raises: RenderingError when the samples do not suit the template: give the values then.
    """
    samples = {name: value for name, value in sample_values(template).items() if name not in given}
    text = template.render({**samples, **given}, transliterate=transliterate)
    return replace(describe(text, price), samples=tuple(sorted(samples)))
