"""From what an operator names to definitions that fit this tenant."""

from collections.abc import Sequence
from pathlib import Path
from typing import LiteralString

from lumiere_sms.database.connection import Database
from lumiere_sms.database.tenants import Tenant
from lumiere_sms.definitions.models import CampaignDefinition, Definitions
from lumiere_sms.definitions.reading import read_definitions
from lumiere_sms.errors import DefinitionError, Problem

_KNOWN: LiteralString = """
    SELECT 'template' AS kind, name FROM sms_templates WHERE user_id = %(user_id)s AND is_current
    UNION ALL
    SELECT 'segment', name FROM audience_segments WHERE user_id = %(user_id)s
    UNION
    SELECT 'campaign', name FROM sms_campaigns WHERE user_id = %(user_id)s
"""


def read_files(database: Database, tenant: Tenant, paths: Sequence[Path]) -> Definitions:
    """Read definition files; they may name templates, segments and campaigns that the tenant has already.

    Raises: DefinitionError with all problems.
    """
    with database.transaction(read_only=True) as connection:
        known = connection.execute(_KNOWN, {"user_id": tenant.id}).fetchall()
    return read_definitions(
        paths,
        defaults_zone=tenant.timezone,
        known_templates=[row["name"] for row in known if row["kind"] == "template"],
        known_segments=[row["name"] for row in known if row["kind"] == "segment"],
        known_campaigns=[row["name"] for row in known if row["kind"] == "campaign"],
    )


def pick_campaign(definitions: Definitions, name: str | None) -> Definitions:
    """Leave one campaign in definitions: the one named, or the only one. Raises: DefinitionError."""
    names = [name] if name is not None else list(definitions.campaigns)
    if len(names) != 1 or names[0] not in definitions.campaigns:
        there = ", ".join(definitions.campaigns) or "none"
        message = f"there is no campaign {name}" if name else "one campaign was expected"
        raise DefinitionError(
            [Problem(file, 0, 0, f"{message}; the file defines {there}") for file in definitions.files]
        )
    return Definitions(
        definitions.templates,
        definitions.segments,
        {names[0]: definitions.campaigns[names[0]]},
        definitions.files,
        definitions.places,
        definitions.texts,
    )


def of_options(definition: CampaignDefinition) -> Definitions:
    """Return definitions that hold one campaign made of a command's options."""
    return Definitions({}, {}, {definition.name: definition}, (), {("campaign", definition.name): ("--at", 0, 0)})
