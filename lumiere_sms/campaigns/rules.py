"""What stops a campaign without a person: a pause with its reason, and an alert."""

from datetime import datetime
from uuid import UUID

from lumiere_sms.campaigns.alerts import raise_alert
from lumiere_sms.database.connection import Connection

BY_RULE = "rule"


def pause_by_rule(
    connection: Connection, user_id: UUID, campaign_id: UUID, *, reason: str, now: datetime | None
) -> bool:
    """Pause a running campaign because a rule says so: running -> paused; say whether it was running."""
    binds = {"user_id": user_id, "id": campaign_id, "reason": reason, "by": BY_RULE, "now": now}
    paused = connection.execute(
        "UPDATE sms_campaigns SET status = 'paused', status_reason = %(reason)s, status_by = %(by)s,"
        " updated_at = coalesce(%(now)s::timestamptz, now())"
        " WHERE user_id = %(user_id)s AND id = %(id)s AND status = 'running' RETURNING name",
        binds,
    ).fetchone()
    if paused is None:
        return False
    raise_alert(connection, user_id, kind="campaign_paused", subject=paused["name"], message=reason, now=now)
    return True
