"""Refusals by link: whoever comes with the token of a number is not texted at that number again.

A token is looked up and then compared with the one that the number should have, in the same time whatever is wrong
with it, and whatever is wrong is told in the same sentence: it is not told whether somebody is known here. Who comes
with wrong ones again and again from one source, a command or an address on the web, is not answered for a minute,
whether they are right or wrong; other sources are.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import LiteralString
from uuid import UUID

from lumiere_sms.audience.suppressions import Words, suppress
from lumiere_sms.database.connection import Connection, Database
from lumiere_sms.database.identifiers import new_id
from lumiere_sms.database.secrets import key_of
from lumiere_sms.database.time import database_time
from lumiere_sms.errors import RefusedError, StateError
from lumiere_sms.messages.links import is_token_of, read_token

#: Wrong links from one source in a minute before none is answered any more.
MOST_WRONG = 20
MINUTE = timedelta(minutes=1)
#: Where an operator's own command comes from.
COMMAND = "command"

_NOBODY = "+10000000000"  # is compared with where a token is nobody's, so that it takes as long


@dataclass(frozen=True, slots=True)
class LinkRefusal:
    """A number that refused by link, and whether that is new."""

    phone_number: str
    is_new: bool


def refuse_by_token(
    database: Database, user_id: UUID, text: str, *, source: str = COMMAND, by: str = "link", now: datetime | None
) -> LinkRefusal:
    """Suppress the number whose token, or link, `text` is; the same again is noted alone.

    `source` tells apart who comes with wrong ones: no address as it is, a keyed hash of it. `by` is who did it.
    Raises: StateError for a token that is no number's; RefusedError for a source that came with too many such.
    """
    with database.transaction() as connection:
        at = database_time(connection, now)
        binds = {"user_id": user_id, "id": new_id(), "source": source, "now": at, "since": at - MINUTE}
        connection.execute(_HOLD, binds)
        wrong = connection.execute(_COUNT, binds).fetchone()
        if wrong and wrong["wrong"] >= MOST_WRONG:
            raise RefusedError("too many links were wrong; nothing was changed", hint="try again in a minute")
        number = _number_of(connection, user_id, read_token(text) or "")
        if number is not None:
            is_new = suppress(
                connection,
                user_id,
                number,
                reason="opted_out",
                source="link",
                words=Words(evidence={"link": read_token(text)}),
                by=by,
                now=now,
            )
            return LinkRefusal(number, is_new)
        connection.execute(_NOTE, binds)
    raise StateError("this is not a link of ours; nothing was changed", hint="copy the whole link from the text")


def _number_of(connection: Connection, user_id: UUID, token: str) -> str | None:
    """Return whose token it is, None for nobody's."""
    key = key_of(connection, user_id, "link")
    found = connection.execute(_FIND, {"user_id": user_id, "token": token}).fetchone()
    number: str = found["phone_number"] if found else _NOBODY
    is_theirs = is_token_of(token, number, key=key)
    return number if found and is_theirs else None


#: Who comes again is made to wait for who came before.
_HOLD: LiteralString = """
    INSERT INTO link_guesses (user_id, id, source, since, wrong)
    VALUES (%(user_id)s, %(id)s, %(source)s, %(now)s, 0)
    ON CONFLICT (user_id, source) DO UPDATE SET
        since = CASE WHEN link_guesses.since > %(since)s THEN link_guesses.since ELSE excluded.since END,
        wrong = CASE WHEN link_guesses.since > %(since)s THEN link_guesses.wrong ELSE 0 END
"""
_COUNT: LiteralString = "SELECT wrong FROM link_guesses WHERE user_id = %(user_id)s AND source = %(source)s"
_NOTE: LiteralString = """
    UPDATE link_guesses SET wrong = wrong + 1 WHERE user_id = %(user_id)s AND source = %(source)s
"""
_FIND: LiteralString = "SELECT phone_number FROM opt_out_links WHERE user_id = %(user_id)s AND token = %(token)s"
