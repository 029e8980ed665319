from datetime import UTC, datetime
from decimal import Decimal
from functools import partial

import pytest

from lumiere_sms.campaigns.freezing import Frozen
from lumiere_sms.messages.parts import count_parts
from lumiere_sms.planning.shortening import lengths_of, shorten
from lumiere_sms.providers.prices import list_price

NOW = datetime(2026, 3, 16, 1, tzinfo=UTC)
PART = Decimal("0.0842")  # to Japan
shorter = partial(shorten, prices=partial(list_price, "twilio"))


def text(content):
    count = count_parts(content)
    return Frozen(None, "+819012345678", "Asia/Tokyo", NOW, NOW, content, count.encoding, count.parts)


@pytest.mark.parametrize(
    ("content", "characters"),
    [
        pytest.param("あ" * 71, 1, id="one too many"),
        pytest.param("あ" * 134, 64, id="a full second part is too far from one"),
        pytest.param("a" * 161, 1, id="GSM-7"),
        pytest.param("a" * 310, 4, id="three parts become two"),
    ],
)
def test_the_least_that_saves_a_part_is_found(content, characters):
    lengths = lengths_of([text(content)])

    found = shorter(lengths, limit=Decimal(0))

    if characters / len(content) > 0.4:
        assert found is None
    else:
        saved = text(content[: len(content) - characters])
        assert (found.characters, found.fewer, found.cost) == (characters, 1, PART * saved.segments_used)


def test_as_little_as_the_budget_needs_is_taken_off():
    texts = [text("あ" * 72), text("あ" * 72), text("あ" * 80)]
    lengths = lengths_of(texts)

    few, all_ = shorter(lengths, limit=4 * PART), shorter(lengths, limit=3 * PART)

    assert (few.characters, few.fewer, few.cost) == (2, 2, 4 * PART)
    assert (all_.characters, all_.fewer, all_.cost) == (10, 3, 3 * PART)


def test_what_saves_most_is_told_where_nothing_is_enough():
    found = shorter(lengths_of([text("あ" * 72), text("あ" * 80)]), limit=PART)

    assert (found.characters, found.cost) == (10, 2 * PART)


def test_texts_of_one_part_cannot_be_made_cheaper():
    assert shorter(lengths_of([text("hello")]), limit=Decimal(0)) is None
