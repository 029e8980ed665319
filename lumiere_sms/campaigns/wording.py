"""What a campaign would say once the files were applied, and what the lint finds in it."""

from dataclasses import replace
from typing import LiteralString

from lumiere_sms.campaigns.writing import Content, content_of
from lumiere_sms.database.connection import Connection
from lumiere_sms.database.tenants import Tenant
from lumiere_sms.definitions.models import CampaignDefinition, Definitions
from lumiere_sms.messages.estimates import Money
from lumiere_sms.messages.lint import Finding, lint_template
from lumiere_sms.messages.rendering import compile_template
from lumiere_sms.messages.values import FIELDS, snake_case

_ATTRIBUTES: LiteralString = """
    SELECT DISTINCT jsonb_object_keys(attributes) AS name FROM customers WHERE user_id = %(user_id)s
"""


def planned_content(
    connection: Connection, tenant: Tenant, definition: CampaignDefinition, *, definitions: Definitions
) -> Content:
    """Return the text that a campaign would send: from the files where they say it, else the database.

    Raises: StateError when its template is nowhere, or not active.
    """
    if wordings := (definition.step_wordings() or definition.wordings()).items():
        each = {name: planned_content(connection, tenant, one, definitions=definitions) for name, one in wordings}
        return Content.of_variants(each)
    template = definitions.templates.get(definition.template or "")
    if template is None:
        return content_of(connection, tenant.id, definition)
    return Content(template.content, template.transliterate, declared=template.variables)


def findings_of(
    connection: Connection,
    tenant: Tenant,
    definition: CampaignDefinition,
    *,
    content: Content,
    price: Money | None = None,
) -> list[Finding]:
    """Return what the lint says of a campaign's texts. What the campaign or any customer gives is known.

    Who is reminded of an appointment has one.
    """
    if content.variants:
        return [
            replace(finding, message=f"{name}: {finding.message}")
            for name, each in content.variants.items()
            for finding in findings_of(connection, tenant, definition, content=each, price=price)
        ]
    read = compile_template(content.source).variables
    there = read & {"next_appointment_at"} if definition.remind else set()
    given = there | read & {snake_case(name) for name in definition.variables}
    declared = [*content.declared, *sorted(given)]
    known = (FIELDS - there) | (_attributes(connection, tenant) if read - FIELDS - {*declared} else set())
    return lint_template(
        content.source,
        declared=declared,
        known=known,
        transliterate=content.transliterate or definition.is_plainly_written,
        price=price,
    )


def _attributes(connection: Connection, tenant: Tenant) -> set[str]:
    rows = connection.execute(_ATTRIBUTES, {"user_id": tenant.id})
    return {snake_case(row["name"]) for row in rows}
