from datetime import UTC, datetime, timedelta

import pytest

from lumiere_sms.audience.caps import Cap, kind_of
from lumiere_sms.campaigns.cap_options import read_caps
from lumiere_sms.campaigns.capping import behind, cap_of
from lumiere_sms.campaigns.timing import Timing
from lumiere_sms.definitions.models import CampaignDefinition
from lumiere_sms.definitions.tenant_rules import TenantRules
from lumiere_sms.errors import UsageError

NOON = datetime(2026, 3, 15, 3, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    ("text", "kind", "cap"),
    [
        pytest.param("promotional: 1 per 7d, postpone", "promotional", (1, "7d", "postpone"), id="as the guide has it"),
        pytest.param("promotional: 1 per 7 days", "promotional", (1, "7d", "postpone"), id="words; it waits"),
        pytest.param("drip=2 per week, exclude", "drip", (2, "1w", "exclude"), id="one of a unit"),
        pytest.param("  blast : 3 PER 24 hours , Exclude ", "blast", (3, "24h", "exclude"), id="spaces, capitals"),
        pytest.param("urgent: 5 per 1h30m", "urgent", (5, "1h30m", "postpone"), id="two units"),
    ],
)
def test_a_cap_is_read_as_people_write_it(text, kind, cap):
    most, within, then = cap

    assert read_caps([text]) == {kind: {"most": most, "within": within, "then": then}}


@pytest.mark.parametrize("word", ["none", "default"])
def test_a_cap_is_taken_back(word):
    assert read_caps([f"blast: {word}"]) == {"blast": None}


@pytest.mark.parametrize(
    ("text", "said", "hint"),
    [
        pytest.param("promo: 1 per 7d", '"promo" is not a type', "promotional", id="type"),
        pytest.param("1 per 7d", "does not say for which type", "write one like", id="no type"),
        pytest.param("promotional:", "does not say for which type", "write one like", id="nothing"),
        pytest.param("promotional: often", '"often" is no frequency cap', "write one like", id="no cap"),
        pytest.param("promotional: 1 per moon", '"moon" is no time', "write one like", id="time"),
        pytest.param("promotional: 1 per 7d, postpon", '"postpon" does not say', "postpone", id="what becomes of it"),
    ],
)
def test_what_is_no_cap_is_told_with_a_hint(text, said, hint):
    with pytest.raises(UsageError, match=said) as refused:
        read_caps([text])

    assert hint in refused.value.hint


RULES = TenantRules.from_payload(
    {"frequency_caps": {"promotional": {"most": 2, "within": "7d"}, "urgent": {"most": 1, "within": "1h"}}}
)


@pytest.mark.parametrize(
    ("about", "kind"),
    [
        pytest.param({"type": "promotional"}, "promotional", id="its type's"),
        pytest.param({"type": "promotional", "priority": "urgent"}, "urgent", id="what is urgent has its own"),
        pytest.param({"type": "blast"}, None, id="none for a type without one"),
    ],
)
def test_a_campaign_has_the_cap_of_its_kind(about, kind):
    definition = CampaignDefinition.model_validate({"name": "x", "message": "x", "segment": "all", **about})

    cap = cap_of(definition, RULES)

    assert (cap and cap.kind) == kind
    assert kind_of(definition.type, definition.priority) == (kind or "blast")


def timing(after, until):
    return Timing("Asia/Tokyo", NOON + after * HOUR, NOON + until * HOUR)


@pytest.mark.parametrize(
    ("until", "is_bounded", "found"),
    [
        pytest.param(0, False, (0, 5), id="no wait: unchanged"),
        pytest.param(3, False, (4, 9), id="it waits with the windows of then"),
        pytest.param(3, True, (4, 5), id="a bounded one keeps its end"),
        pytest.param(4, True, "frequency_cap", id="a bounded one goes in time or not at all"),
        pytest.param(90, False, "frequency_cap", id="no window then"),
    ],
)
def test_a_text_behind_its_cap(until, is_bounded, found):
    cap = Cap("promotional", 1, 7 * 24 * HOUR, excludes=False)

    def later(instant):
        hours = (instant - NOON) // HOUR
        return timing(hours + 1, hours + 6) if hours < 90 else "no_window"

    moved = behind(cap, timing(0, 5), NOON + until * HOUR, is_bounded=is_bounded, later=later)

    if isinstance(found, str):
        assert moved == found
    else:
        assert (moved.send_after, moved.expires_at) == tuple(NOON + hours * HOUR for hours in found)
        assert ("frequency_cap" in moved.notes) is bool(until)


def test_a_cap_that_excludes_does_not_look_for_a_later_time():
    cap = Cap("promotional", 1, HOUR, excludes=True)

    assert behind(cap, timing(0, 5), NOON + HOUR, is_bounded=False, later=None) == "frequency_cap"
    assert behind(cap, "no_window", NOON + HOUR, is_bounded=False, later=None) == "no_window"
