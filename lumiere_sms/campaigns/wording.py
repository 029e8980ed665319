"""What a campaign would say once the files were applied, and what the lint finds in it."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, LiteralString

from lumiere_sms.campaigns.writing import Content, content_of
from lumiere_sms.database.connection import Connection
from lumiere_sms.database.tenants import Tenant
from lumiere_sms.definitions.models import CampaignDefinition, Definitions
from lumiere_sms.definitions.places import Written
from lumiere_sms.definitions.tenant_rules import TenantRules
from lumiere_sms.messages.estimates import Money
from lumiere_sms.messages.links import Link
from lumiere_sms.messages.lint import Finding, lint_template
from lumiere_sms.messages.rendering import compile_template
from lumiere_sms.messages.rules.base import Setting
from lumiere_sms.messages.values import FIELDS, LINK, snake_case

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
        written = definitions.written("campaign", definition.name, definition.message or "")
        return replace(content_of(connection, tenant.id, definition), written=written)
    written = definitions.written("template", template.name, template.content)
    return Content(template.content, template.transliterate, declared=template.variables, written=written)


def findings_of(
    connection: Connection,
    tenant: Tenant,
    definition: CampaignDefinition,
    *,
    content: Content,
    price: Money | None = None,
    overrides: Mapping[str, Any] | None = None,
    most_parts: Mapping[str, int] | None = None,
) -> list[Finding]:
    """Return what the lint says of a campaign's texts. What the campaign or any customer gives is known.

    What its template declares is known where it has a fallback, and who is reminded of an appointment has one.
    `overrides` are the campaign's own, as its row has them; `most_parts` is what the dearest text of each wording takes
    over its audience, under no name that of one alone.
    """
    most = most_parts or {}
    if content.variants:
        about: dict[str, Any] = {"price": price, "overrides": overrides}
        return [
            replace(finding, message=f"{name}: {finding.message}")
            for name, each in content.variants.items()
            for finding in findings_of(
                connection, tenant, definition, content=each, **about, most_parts={"": most.get(name, 0)}
            )
        ]
    template = compile_template(content.source)
    read = template.variables
    needed = {mention.name for mention in template.mentions if not mention.has_fallback}
    there = read & {"next_appointment_at"} if definition.remind else set()
    given = there | read & {snake_case(name) for name in definition.variables}
    declared = [*(name for name in content.declared if snake_case(name) not in needed), *sorted(given)]
    known = (FIELDS - there) | (_attributes(connection, tenant) if read - FIELDS - {*declared} else set())
    if not definition.is_merging:
        known = known - {"names"}
    if LINK not in given and not tenant.rules.get(LINK):
        known, declared = known - {LINK}, [each for each in declared if snake_case(each) != LINK]
    found = lint_template(
        content.source,
        declared=declared,
        known=known,
        transliterate=content.transliterate or definition.is_plainly_written,
        price=price,
        setting=setting_of(tenant, definition.type, variables=definition.variables, most_parts=most.get("")),
    )
    text = fingerprint(content.source, definition.variables)
    return [placed(_lifted(each, text, overrides or {}), content.written) for each in found]


def setting_of(
    tenant: Tenant, type_: str, *, variables: Mapping[str, Any] | None = None, most_parts: int | None = None
) -> Setting:
    """Return what is known of the use of a text in a campaign of some type; a link in it is as long as the tenant's."""
    rules = TenantRules.from_payload(tenant.rules)
    link = {LINK: Link(rules.opt_out_url).sample} if rules.opt_out_url else {}
    return Setting(
        type=type_,
        country=tenant.country,
        legal_name=tenant.legal_name or "",
        name=tenant.name,
        values=link | {snake_case(name): value for name, value in (variables or {}).items()},
        max_parts=rules.max_parts,
        most_parts=most_parts,
    )


def fingerprint(text: str, variables: Mapping[str, Any]) -> str:
    """Return by what an override knows the text that it holds for, with what the campaign says in it."""
    read = compile_template(text).variables
    given = {snake_case(name): value for name, value in variables.items() if snake_case(name) in read}
    said = text + json.dumps(given, sort_keys=True, default=str) if given else text
    return hashlib.sha256(said.encode()).hexdigest()[:16]


def placed(finding: Finding, written: Written | None) -> Finding:
    """Name the place in its file, where a file has the text."""
    if written is None:
        return finding
    file, line, column = written.place(finding.line, finding.column)
    return replace(finding, file=file, line=line, column=column)


def _lifted(finding: Finding, text: str, overrides: Mapping[str, Any]) -> Finding:
    """Let what blocks pass where somebody has overridden that for this very text."""
    own = overrides.get(finding.rule)
    if own is None or not finding.blocking or not finding.is_liftable or text not in own["texts"]:
        return finding
    return replace(finding, blocking=False, lifted=f"{own['by']}: {own['reason']}")


def _attributes(connection: Connection, tenant: Tenant) -> set[str]:
    rows = connection.execute(_ATTRIBUTES, {"user_id": tenant.id})
    return {snake_case(row["name"]) for row in rows}
