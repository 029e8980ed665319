"""Who of several people with one phone number gets a text: one of them, or one text for all of them.

Mother and daughter have one phone. A text goes to the one who visited last, and the others are left out
(`shared_phone`); or it goes to the same person and says the names of all who may be texted at that number (`merged`).
"""

from collections.abc import Mapping
from typing import LiteralString

from psycopg.sql import SQL

#: Why somebody is left out whose name is in the text that goes to another person with the number.
MERGED = "merged"

#: The pieces of eligibility.sql. `names` are those of a shared number, the one who is texted first, as JSON.
_ONE: Mapping[str, LiteralString] = {"named": "", "names": "NULL::text", "among_named": "", "shared": "'shared_phone'"}
_MERGE: Mapping[str, LiteralString] = {
    "named": """, named AS MATERIALIZED (
    SELECT textable.phone_number,
           json_agg(
               json_build_array(textable.first_name, textable.last_name)
               ORDER BY textable.last_visit_date DESC NULLS LAST, textable.id
           )::text AS names
    FROM textable
    WHERE textable.phone_number IN (SELECT shared.phone_number FROM shared)
    GROUP BY textable.phone_number
)""",
    "names": "named.names",
    "among_named": "\nLEFT JOIN named ON named.phone_number = customers.phone_number",
    "shared": "'merged'",
}


def pieces(*, merges: bool) -> dict[str, SQL]:
    """Return what eligibility.sql says of those who share a number."""
    return {name: SQL(text) for name, text in (_MERGE if merges else _ONE).items()}
