"""Links by which somebody refuses: made with a tenant's key, and kept so that whoever comes back with one is known.

A link is written last in the transaction that writes its text, in the order of the tokens: two launches that write the
same ones at the same time wait for one another, but never crosswise. A launch of a million keeps them in a table of its
own until then.
"""

from dataclasses import replace
from itertools import chain
from typing import LiteralString
from uuid import UUID

from lumiere_sms.campaigns.freezing import Recipe, Tally
from lumiere_sms.database.connection import Connection
from lumiere_sms.database.identifiers import new_id
from lumiere_sms.database.secrets import key_of
from lumiere_sms.errors import RefusedError
from lumiere_sms.messages.values import LINK, snake_case

#: How many are held in memory.
AT_ONCE = 50_000
HINT = "lumiere-sms tenant set --opt-out-url https://…/"


def with_link(connection: Connection, user_id: UUID, recipe: Recipe) -> Recipe:
    """Return a recipe whose links are the tenant's own; the same one where its texts have none.

    Raises: RefusedError for a text that needs one where the tenant says nothing of where it leads.
    """
    if recipe.link is None:
        if _needs_link(recipe):
            raise RefusedError(f"its text has {{{{ {LINK} }}}}, and this business has no opt-out address", hint=HINT)
        return recipe
    return replace(recipe, link=replace(recipe.link, key=key_of(connection, user_id, "link")))


def stage_links(connection: Connection, tally: Tally) -> None:
    """Set links aside, once they are many, until `keep_links` writes them in the same transaction."""
    if len(tally.links) < AT_ONCE:
        return
    if not tally.are_links_staged:
        connection.execute(_STAGE)
    _copy(connection, tally)
    tally.are_links_staged = True


def keep_links(connection: Connection, user_id: UUID, *tallies: Tally) -> None:
    """Write the links of texts that were written, last in their transaction."""
    for staged in (each for each in tallies if each.are_links_staged):
        _copy(connection, staged)
        connection.execute(_KEEP_STAGED, {"user_id": user_id})
        connection.execute("DROP TABLE links_made")
        staged.are_links_staged = False
    links = dict(chain.from_iterable(each.links for each in tallies))
    if links:
        tokens = sorted(links)
        ids, phones = [new_id() for _ in tokens], [links[token] for token in tokens]
        connection.execute(_KEEP, {"user_id": user_id, "ids": ids, "tokens": tokens, "phones": phones})
    for each in tallies:
        each.links.clear()


def _copy(connection: Connection, tally: Tally) -> None:
    with connection.cursor() as cursor, cursor.copy(_COPY) as copy:
        copy.set_types(("uuid", "text", "text"))
        for token, phone in tally.links:
            copy.write_row((new_id(), token, phone))
    tally.links.clear()


def _needs_link(recipe: Recipe) -> bool:
    mentions = chain.from_iterable(each.template.mentions for each in recipe.wordings.values())
    is_given = LINK in map(snake_case, recipe.variables)
    return not is_given and any(each.name == LINK and not each.has_fallback for each in mentions)


_STAGE: LiteralString = """
    CREATE TEMP TABLE links_made (id uuid NOT NULL, token text NOT NULL, phone_number text NOT NULL) ON COMMIT DROP
"""
_COPY: LiteralString = "COPY links_made (id, token, phone_number) FROM STDIN (FORMAT binary)"
# Most numbers have theirs already: these are not even tried, which takes a quarter of the time.
_KEEP_STAGED: LiteralString = """
    INSERT INTO opt_out_links (user_id, id, token, phone_number)
    SELECT %(user_id)s, made.id, made.token, made.phone_number
    FROM links_made AS made
    WHERE NOT EXISTS (
        SELECT FROM opt_out_links AS known WHERE known.user_id = %(user_id)s AND known.token = made.token)
    ORDER BY made.token
    ON CONFLICT (user_id, token) DO NOTHING
"""
_KEEP: LiteralString = """
    INSERT INTO opt_out_links (user_id, id, token, phone_number)
    SELECT %(user_id)s, made.id, made.token, made.phone_number
    FROM unnest(%(ids)s::uuid[], %(tokens)s::text[], %(phones)s::text[]) AS made (id, token, phone_number)
    ORDER BY made.token
    ON CONFLICT (user_id, token) DO NOTHING
"""
