"""The pace rows of the senders: local to one database, locked first, always in the order of their key."""

from lumiere_sms.database.connection import Database
from lumiere_sms.database.patience import LET_GO
from lumiere_sms.sending.pace import burst_for


def register_senders(
    database: Database, *, provider: str, default_sender: str, parts_per_second: float, primary: str = ""
) -> None:
    """Give every tenant's sender a pace row; one that is there takes the new pace, unless it has one that was set.

    A new one's days are those of its tenant. A tenant's plain sender is the one at the provider that it tries first,
    where it says nothing of that the `primary`; which is this one if none is named.
    """
    binds = {
        "provider": provider,
        "primary": primary or provider,
        "default_sender": default_sender,
        "rate": parts_per_second,
        "burst": burst_for(parts_per_second),
    }
    with database.transaction(limits=LET_GO) as connection:
        connection.execute(
            "INSERT INTO pace_limits (provider, sender, parts_per_second, burst, zone)"
            " SELECT %(provider)s, own.sender, %(rate)s::float8, %(burst)s::float8, min(users.timezone)"
            " FROM users CROSS JOIN LATERAL (SELECT"
            " coalesce(senders ->> %(provider)s::text, CASE coalesce(split_part(providers[1], ':', 1), %(primary)s)"
            " WHEN %(provider)s THEN users.sender END, nullif(%(default_sender)s, '')) AS sender) AS own"
            " WHERE own.sender IS NOT NULL GROUP BY own.sender ORDER BY own.sender"
            " ON CONFLICT (provider, sender) DO UPDATE SET parts_per_second = excluded.parts_per_second,"
            " burst = excluded.burst"
            " WHERE NOT pace_limits.is_set"
            " AND (pace_limits.parts_per_second, pace_limits.burst) <> (excluded.parts_per_second, excluded.burst)",
            binds,
        )
