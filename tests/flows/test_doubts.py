import asyncio

import pytest
from support.seeds import seed_campaign

from lumiere_sms.campaigns.lifecycle import cancel, delete
from lumiere_sms.errors import StateError, UnknownOutcomeError
from lumiere_sms.testing.scripted import ScriptedProvider


def test_a_campaign_with_a_recipient_in_doubt_is_not_hidden_by_deleting_it(database, user_id, clock, dispatcher_of):
    seed_campaign(database, user_id, now=clock.now(), texts=2)
    asyncio.run(dispatcher_of(ScriptedProvider([UnknownOutcomeError("silence")])).run(once=True))
    cancel(database, user_id, name="spring", clock=clock)

    with pytest.raises(StateError, match=r"recipients in doubt \(1\)") as caught:
        delete(database, user_id, name="spring", clock=clock)

    assert "--status unknown" in caught.value.hint
