import json
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from support.wire import PHONE, canned, closing, http, new_message, new_provider, submitted

from lumiere_sms.errors import RejectedError, UnavailableError
from lumiere_sms.providers.twilio import MOST_PAGES
from lumiere_sms.testing.clocks import FrozenClock
from lumiere_sms.testing.twilio_faults import Faults
from lumiere_sms.testing.twilio_server import SANDBOX_ACCOUNT_SID, TwilioServer

NOW = datetime(2026, 3, 15, 1, 0, tzinfo=UTC)
MORE = f"/2010-04-01/Accounts/{SANDBOX_ACCOUNT_SID}/Messages.json?PageToken=PA"


def listed(url, phone=PHONE):
    provider = new_provider(url)
    return [each.provider_message_id for each in closing(provider, provider.list_to(phone))]


def page(*rows, more=False):
    return http(json.dumps({"messages": rows, "page_size": 1000, "next_page_uri": MORE if more else None}), "200 OK")


def row(sid, *, hours_ago=0.0, **fields):
    created = format_datetime(NOW - timedelta(hours=hours_ago))
    return {"sid": sid, "direction": "outbound-api", "date_created": created, "status": "sent", **fields}


def test_the_records_of_a_number_hold_its_texts_of_every_sender_and_no_others():
    with TwilioServer() as server:
        provider = new_provider(server.url)
        taken = submitted(
            provider, new_message("one"), new_message("two", sender="Lumiere"), new_message(to="+819000000000")
        )

        assert listed(server.url) == [taken[1].provider_message_id, taken[0].provider_message_id]
        assert listed(server.url, "+819000000001") == []
        assert server.list_count == 2


def test_a_text_that_waits_to_be_sent_is_among_the_records():
    clock = FrozenClock(NOW)
    with TwilioServer(Faults(deliver_after=timedelta(hours=1)), clock=clock) as server:
        (taken,) = submitted(new_provider(server.url), new_message())

        assert listed(server.url) == [taken.provider_message_id]


def test_only_what_was_submitted_through_the_api_is_a_record():
    rows = [row("SM1"), row("SM2", direction="inbound"), row("SM3", direction="outbound-reply")]

    with canned(page(*rows)) as server:
        assert listed(server.url) == ["SM1"]


def test_pages_are_read_until_one_is_wholly_old():
    pages = [
        page(row("SM1"), row("SM2", direction="inbound"), more=True),
        page(row("SM3", hours_ago=30), row("SM4", hours_ago=2), more=True),
        page(row("SM5", hours_ago=40), row("SM6", hours_ago=41), more=True),
        page(row("SM7")),
    ]

    with canned(*pages) as server:
        assert listed(server.url) == ["SM1", "SM4"]
        assert len(server.requests) == 3


def test_a_record_without_a_readable_date_is_kept():
    with canned(page(row("SM1", date_created="yesterday"), row("SM2", hours_ago=2))) as server:
        assert listed(server.url) == ["SM1", "SM2"]


def test_a_number_with_more_texts_than_can_be_read_proves_nothing():
    pages = [page(row(f"SM{number}"), more=True) for number in range(MOST_PAGES)]

    with canned(*pages, page()) as server, pytest.raises(UnavailableError, match="more than 20,000 texts to one"):
        listed(server.url)


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        pytest.param(http("<html>", "500 Internal Server Error"), UnavailableError, id="500"),
        pytest.param(http("<html>", "200 OK"), UnavailableError, id="a page of HTML"),
        pytest.param(page("not a text"), UnavailableError, id="rows that are none"),
        pytest.param(
            http('{"code": 20008, "message": "test credentials"}', "403 Forbidden"), RejectedError, id="refused"
        ),
        pytest.param(None, UnavailableError, id="a cut connection"),
    ],
)
def test_records_that_cannot_be_read_are_no_empty_records(answer, error):
    with canned(answer) as server, pytest.raises(error):
        listed(server.url)
