"""The pace rows of the senders: local to one database, locked first, always in the order of their key."""

from lumiere_sms.database.connection import Database
from lumiere_sms.database.patience import LET_GO
from lumiere_sms.sending.pace import burst_for


def register_senders(database: Database, *, provider: str, default_sender: str, parts_per_second: float) -> None:
    """Give every tenant's sender a pace row; who has one keeps what it has used and takes the new pace."""
    binds = {
        "provider": provider,
        "default_sender": default_sender,
        "rate": parts_per_second,
        "burst": burst_for(parts_per_second),
    }
    with database.transaction(limits=LET_GO) as connection:
        connection.execute(
            "INSERT INTO pace_limits (provider, sender, parts_per_second, burst)"
            " SELECT DISTINCT %(provider)s, coalesce(sender, %(default_sender)s), %(rate)s::float8, %(burst)s::float8"
            " FROM users WHERE coalesce(sender, nullif(%(default_sender)s, '')) IS NOT NULL ORDER BY 2"
            " ON CONFLICT (provider, sender) DO UPDATE SET parts_per_second = excluded.parts_per_second,"
            " burst = excluded.burst"
            " WHERE (pace_limits.parts_per_second, pace_limits.burst) <> (excluded.parts_per_second, excluded.burst)",
            binds,
        )
