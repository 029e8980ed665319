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
    if not any(consequences.has_more(each) for each in answers):
        recipients.settle(database, user_id, results, now=now)
        return
    with database.transaction(limits=LET_GO) as connection:
        consequences.hold(connection, user_id, answers)
        recipients.settle(connection, user_id, results, now=now)
        consequences.apply(connection, user_id, answers, provider=provider, now=now)
