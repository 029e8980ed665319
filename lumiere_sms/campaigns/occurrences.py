"""When a campaign comes up: its occurrences are rows, and of a recurring campaign exactly one lies ahead.

The launch of one writes the next in the same transaction, under a key that is unique, so two daemons never run one
twice and a crash loses none. Which instants they are follows from the definition and from when it was scheduled
alone (schedule/recurrence.py): nothing is counted up.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from itertools import dropwhile
from operator import itemgetter
from typing import Any, LiteralString
from uuid import UUID

from lumiere_sms.campaigns.rules import BY_RULE
from lumiere_sms.database import audit
from lumiere_sms.database.connection import Connection
from lumiere_sms.database.identifiers import new_id
from lumiere_sms.database.tenants import Tenant, tenant_of
from lumiere_sms.database.time import database_time
from lumiere_sms.definitions.models import CampaignDefinition
from lumiere_sms.definitions.tenant_rules import TenantRules
from lumiere_sms.errors import RefusedError
from lumiere_sms.schedule.days import OpenDays
from lumiere_sms.schedule.instants import resolve_zone
from lumiere_sms.schedule.recurrence import occurrences

MISSED_AFTER = timedelta(hours=1)  # later than that, an occurrence was not launched in time


def recurs(definition: Mapping[str, Any]) -> bool:
    """Say whether a definition, as it is stored, comes up again and again."""
    return bool((definition.get("schedule") or {}).get("repeat"))


def open_days(tenant: Tenant, definition: CampaignDefinition) -> OpenDays:
    """Return the days that a campaign's recurrence takes for days with business: its own, else its tenant's."""
    if definition.closed:
        return definition.closed.open_days()
    return TenantRules.from_payload(tenant.rules).open_days(tenant.country)


def coming(
    tenant: Tenant, definition: CampaignDefinition, *, start: datetime, after: datetime | None = None
) -> Iterator[datetime]:
    """Yield the instants at which a recurring campaign comes up, in UTC, at or after `after`.

    `start` is when it was scheduled for: what its schedule says, or what `now` meant.
    """
    schedule = definition.schedule
    assert schedule is not None, "who has no schedule does not recur"
    assert schedule.repeat is not None, "nor who does not repeat"
    zone = resolve_zone(definition.timezone)
    first_local = schedule.first_local(zone.key, now=start)
    instants = occurrences(schedule.repeat.recurrence(), first_local, zone, open_days(tenant, definition))
    return instants if after is None else dropwhile(lambda at: at < after, instants)


def nothing_to_come(
    tenant: Tenant, definition: CampaignDefinition, *, start: datetime | None = None, now: datetime
) -> tuple[str, str] | None:
    """Return why a campaign's schedule has no time to come, and what to do; nothing where it has one, or is none.

    `start` is what `now` meant, where it says that.
    """
    start = definition.starts_at() or start
    if definition.schedule is None or definition.schedule.repeat is None:
        if start is None or start >= now:
            return None
        at = f"{definition.schedule and definition.schedule.at.replace('T', ' ')} ({definition.timezone})"
        return f'campaign "{definition.name}" is scheduled for {at}, which has passed', 'give a time to come, or "now"'
    last = None
    for last in coming(tenant, definition, start=start or now):
        if last >= now:
            return None
    if last is None:
        why = "never comes up: each day that it names is an exception, past its end, or without business"
        return f'campaign "{definition.name}" {why}', "look at exceptions and end_date, and at your closing days"
    why = f"came up last at {shown(last, definition)}, which has passed"
    return f'campaign "{definition.name}" {why}', "give a later end_date or a higher count, or another time"


def place(
    connection: Connection,
    tenant: Tenant,
    *,
    campaign_id: UUID,
    definition: CampaignDefinition,
    start: datetime | None,
    now: datetime,
) -> datetime | None:
    """Make what lies ahead of a campaign be as its definition says; return when it comes up next, None if it does not.

    What was launched stays, and so does what is due just now, where that is in the calendar still. `start` as in
    `coming`; the campaign's row is held. A recurring campaign that has been launched and does not come up again is
    completed with its last run. Raises: RefusedError for one that never would.
    """
    occurs_at = start
    if start is not None:
        occurs_at = _next(connection, tenant, campaign_id, definition=definition, start=start, now=now)
    binds = _binds(tenant.id, campaign_id, definition) | {"occurs_at": occurs_at, "now": now}
    if occurs_at is None:
        connection.execute(_REMOVE, binds)
        complete_if_over(connection, tenant.id, campaign_id=campaign_id, now=now)
    elif not connection.execute(_MOVE, binds).rowcount:
        connection.execute(_PLACE, binds)
    return occurs_at


def lies_ahead(connection: Connection, user_id: UUID, *, campaign_id: UUID, occurs_at: datetime | None) -> bool:
    """Say whether a campaign, which is held, is still to come up at an instant."""
    binds = {"user_id": user_id, "campaign_id": campaign_id, "occurs_at": occurs_at}
    return connection.execute(_LIES_AHEAD, binds).fetchone() is not None


def keep(connection: Connection, user_id: UUID, *, campaign_id: UUID, definition: CampaignDefinition) -> None:
    """Leave what lies ahead of a campaign at its time, and take its limits over."""
    connection.execute(_LIMIT, _binds(user_id, campaign_id, definition))


def follow(
    connection: Connection, run: Mapping[str, Any], *, user_id: UUID, now: datetime | None
) -> dict[str, Any] | None:
    """Write the occurrence after `run` of a recurring campaign, of which both rows are held; return it as a run."""
    if not recurs(run["definition"]):
        return None
    tenant, definition = tenant_of(connection, user_id), CampaignDefinition.from_payload(run["definition"])
    occurs_at = following(tenant, definition, run, now=database_time(connection, now))
    if occurs_at is None:
        return None
    binds = _binds(user_id, run["campaign_id"], definition)
    connection.execute(_PLACE, {**binds, "occurs_at": occurs_at})
    return {**run, "occurrence_id": binds["id"], "occurs_at": occurs_at}


def following(
    tenant: Tenant, definition: CampaignDefinition, run: Mapping[str, Any], *, now: datetime
) -> datetime | None:
    """Return when the occurrence after `run` is: the first one that is not missed by now; None after the last."""
    found = coming(tenant, definition, start=run["scheduled_at"], after=now - MISSED_AFTER)
    return next((at for at in found if at > run["occurs_at"]), None)


def complete_if_over(connection: Connection, user_id: UUID, *, campaign_id: UUID, now: datetime) -> None:
    """Complete a campaign that has nothing ahead or under way: scheduled (all was skipped) | running -> completed."""
    binds = {"user_id": user_id, "campaign_id": campaign_id, "now": now}
    if (done := connection.execute(_COMPLETE, binds).fetchone()) is not None:
        about: dict[str, Any] = {"actor": BY_RULE, "action": "campaign.complete", "subject": done["name"]}
        audit.record(connection, user_id, **about, after={"status": "completed"}, now=now)


def shown(instant: datetime, definition: CampaignDefinition) -> str:
    """Write an instant as people at a campaign's zone see it."""
    return f"{instant.astimezone(resolve_zone(definition.timezone)):%Y-%m-%d %H:%M %Z}"


def place_anew(connection: Connection, tenant: Tenant, *, now: datetime) -> int:
    """Place what lies ahead of all of a tenant's recurring campaigns anew, since its open days are others.

    What should have been launched already stays. Returns how many are at another time now.
    """
    ahead = connection.execute(_AHEAD, {"user_id": tenant.id, "now": now}).fetchall()
    moved = 0
    for each in ahead:
        definition = CampaignDefinition.from_payload(each["definition"])
        about = {"campaign_id": each["id"], "definition": definition, "start": each["scheduled_at"]}
        moved += place(connection, tenant, **about, now=now) != each["occurs_at"]
    return moved


def _next(
    connection: Connection,
    tenant: Tenant,
    campaign_id: UUID,
    *,
    definition: CampaignDefinition,
    start: datetime,
    now: datetime,
) -> datetime | None:
    binds = {"user_id": tenant.id, "campaign_id": campaign_id, "now": now}
    last, due = itemgetter("last", "due")(connection.execute(_LAST, binds).fetchone() or {})
    if definition.schedule is None or definition.schedule.repeat is None:
        return start if last is None or start > last else None  # of a recurrence that was ended, the start is over
    found = coming(tenant, definition, start=start, after=due or now)
    occurs_at = next((at for at in found if (last is None or at > last) and (at == due or at >= now)), None)
    if occurs_at is None and last is None:
        why, hint = nothing_to_come(tenant, definition, start=start, now=now) or ("", "")
        raise RefusedError(why, hint=hint)
    return occurs_at


def _binds(user_id: UUID, campaign_id: UUID, definition: CampaignDefinition) -> dict[str, Any]:
    return {
        "user_id": user_id,
        "id": new_id(),
        "campaign_id": campaign_id,
        "priority": definition.priority,
        "batch_size": definition.batch_size,
        "send_rate_per_minute": definition.send_rate_per_minute,
    }


_MOVE: LiteralString = """
    UPDATE campaign_occurrences
    SET occurs_at = %(occurs_at)s, priority = %(priority)s, batch_size = %(batch_size)s,
        send_rate_per_minute = %(send_rate_per_minute)s
    WHERE user_id = %(user_id)s AND campaign_id = %(campaign_id)s AND status = 'scheduled'
"""
_LIMIT: LiteralString = """
    UPDATE campaign_occurrences
    SET priority = %(priority)s, batch_size = %(batch_size)s, send_rate_per_minute = %(send_rate_per_minute)s
    WHERE user_id = %(user_id)s AND campaign_id = %(campaign_id)s AND status = 'scheduled'
"""
_PLACE: LiteralString = """
    INSERT INTO campaign_occurrences
        (user_id, id, campaign_id, occurs_at, priority, batch_size, send_rate_per_minute)
    VALUES (%(user_id)s, %(id)s, %(campaign_id)s, %(occurs_at)s, %(priority)s, %(batch_size)s, %(send_rate_per_minute)s)
"""
_REMOVE: LiteralString = """
    DELETE FROM campaign_occurrences
    WHERE user_id = %(user_id)s AND campaign_id = %(campaign_id)s AND status = 'scheduled'
"""
_COMPLETE: LiteralString = """
    UPDATE sms_campaigns
    SET status = 'completed', completed_at = %(now)s, updated_at = %(now)s
    WHERE user_id = %(user_id)s AND id = %(campaign_id)s AND status IN ('scheduled', 'running')
      AND NOT EXISTS (
          SELECT FROM campaign_occurrences
          WHERE user_id = %(user_id)s AND campaign_id = %(campaign_id)s AND status IN ('scheduled', 'running'))
    RETURNING name
"""
_LIES_AHEAD: LiteralString = """
    SELECT FROM campaign_occurrences
    WHERE user_id = %(user_id)s AND campaign_id = %(campaign_id)s AND status = 'scheduled'
      AND occurs_at = %(occurs_at)s
"""
#: The last run that was begun, and what should have been by now.
_LAST: LiteralString = """
    SELECT max(occurs_at) FILTER (WHERE status <> 'scheduled') AS last,
        max(occurs_at) FILTER (WHERE status = 'scheduled' AND occurs_at <= %(now)s) AS due
    FROM campaign_occurrences
    WHERE user_id = %(user_id)s AND campaign_id = %(campaign_id)s
"""
#: Campaigns are held in the order of their ids, as by the arm.
_AHEAD: LiteralString = """
    SELECT campaign.id, campaign.definition, campaign.scheduled_at, occurrence.occurs_at
    FROM sms_campaigns AS campaign
    JOIN campaign_occurrences AS occurrence
        ON occurrence.user_id = %(user_id)s AND occurrence.campaign_id = campaign.id
    WHERE campaign.user_id = %(user_id)s AND campaign.archived_at IS NULL AND campaign.status <> 'cancelled'
      AND campaign.definition #> '{schedule,repeat}' <> 'null'
      AND occurrence.status = 'scheduled' AND occurrence.occurs_at > %(now)s
    ORDER BY campaign.id
    FOR NO KEY UPDATE OF campaign
"""
