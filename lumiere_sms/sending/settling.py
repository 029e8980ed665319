"""Writes down what calls came to, with all that follows from it, tenant by tenant."""

from collections.abc import Sequence
from datetime import datetime
from functools import partial
from uuid import UUID

from psycopg.errors import UniqueViolation

from lumiere_sms.campaigns import recipients
from lumiere_sms.database.connection import Database
from lumiere_sms.database.patience import LET_GO
from lumiere_sms.providers.base import Provider
from lumiere_sms.sending import consequences, outcomes
from lumiere_sms.sending.outcomes import Answer


def settle(
    database: Database, user_id: UUID, answers: Sequence[Answer], *, provider: Provider, now: datetime | None
) -> None:
    """Settle the answers of one tenant; one that names an id which is another attempt's already becomes a doubt."""
    together = partial(_settle_together, database, user_id, provider=provider, now=now)
    try:
        together(answers)
    except UniqueViolation:
        for each in answers:
            try:
                together([each])
            except UniqueViolation:
                together([outcomes.taken(each)])


def _settle_together(
    database: Database, user_id: UUID, answers: Sequence[Answer], *, provider: Provider, now: datetime | None
) -> None:
    results = [each.result for each in answers]
    apply = partial(consequences.apply, provider=provider, now=now)
    if not any(consequences.has_more(each) for each in answers):
        if moved_on := recipients.settle(database, user_id, results, now=now):
            with database.transaction() as connection:
                apply(connection, user_id, answers, moved_on=moved_on)
        return
    with database.transaction(limits=LET_GO) as connection:
        consequences.hold(connection, user_id, answers)
        moved_on = recipients.settle(connection, user_id, results, now=now)
        apply(connection, user_id, answers, moved_on=moved_on)
