"""What the lint stops: texts that `apply` refuses, unless an operator says why they may go all the same. Audited.

An override holds for a rule and for the very text that was looked at: another text is looked at anew.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, LiteralString

from psycopg.types.json import Jsonb

from lumiere_sms.campaigns.changes import Change, current_campaigns, is_over
from lumiere_sms.campaigns.wording import findings_of, fingerprint, planned_content, setting_of
from lumiere_sms.campaigns.writing import Author, Content
from lumiere_sms.database import audit
from lumiere_sms.database.connection import Connection
from lumiere_sms.database.tenants import Tenant
from lumiere_sms.definitions.models import CampaignDefinition, Definitions, TemplateDefinition
from lumiere_sms.errors import StateError, UsageError
from lumiere_sms.messages.lint import Finding, lint_template
from lumiere_sms.messages.rules.register import REVISED
from lumiere_sms.messages.templates import Category
from lumiere_sms.messages.values import FIELDS

#: The type of campaign that a template of a category is most likely for.
TYPES_OF_CATEGORIES: Mapping[str | None, str] = {
    Category.PROMOTIONAL: "promotional",
    Category.REMINDER: "reminder",
    Category.NOTIFICATION: "blast",
    Category.WELCOME: "blast",
}


@dataclass(frozen=True, slots=True)
class Stopped:
    """A campaign's finding that stops it, and the texts that have it, as an override knows them."""

    campaign: str
    finding: Finding
    texts: tuple[str, ...]

    def __str__(self) -> str:
        """Say where, which campaign, which rule, and why."""
        place = f"{self.finding.file}:{self.finding.line}:{self.finding.column}: " if self.finding.file else ""
        return f'{place}campaign "{self.campaign}": {self.finding.rule} {self.finding.message}'


def read_override(reason: str | None) -> str | None:
    """Return an override's reason as it is kept; None where none is given.

    Raises: UsageError for one that says nothing.
    """
    if reason is None:
        return None
    kept = " ".join(reason.split())
    if not kept:
        raise UsageError("an override needs a reason", hint='--override "the page behind the link says it"')
    return kept


def looked_at(
    connection: Connection, tenant: Tenant, definitions: Definitions, *, changes: Sequence[Change]
) -> set[str]:
    """Return the campaigns whose texts `apply` judges: those that change, or whose template does while they may go.

    The latter need not stand in the files: the database's follow a template all the same, unless another that they need
    is not there or not active, so that they could not be launched.
    """
    changed = {(each.kind, each.name) for each in changes if each.action != "unchanged"}
    own = {name for kind, name in changed if kind == "campaign"}
    templates = {name for kind, name in changed if kind == "template"}
    found = connection.execute(_FOLLOWING, {"user_id": tenant.id, "templates": [*templates]}) if templates else ()
    current = current_campaigns(connection, tenant, {row["name"] for row in found} - own)
    following = {name: _definition_of(definitions, name, row) for name, row in current.items() if not _is_over(row)}
    return own | {
        name
        for name, one in following.items()
        if not templates.isdisjoint(templates_of(one)) and _can_go(connection, tenant, one, definitions)
    }


def stopped(
    connection: Connection, tenant: Tenant, definitions: Definitions, *, changes: Sequence[Change]
) -> list[Stopped]:
    """Return what the lint finds in the texts to be judged that must not be sent so."""
    names = looked_at(connection, tenant, definitions, changes=changes)
    current = current_campaigns(connection, tenant, names)
    found: list[Stopped] = []
    for name in sorted(names, key=[*definitions.campaigns, *sorted(current)].index):
        definition = _definition_of(definitions, name, current.get(name))
        content = planned_content(connection, tenant, definition, definitions=definitions)
        overrides = current[name]["overrides"] if name in current else {}
        texts = tuple(fingerprint(each, definition.variables) for each in _texts_of(content))
        for finding in findings_of(connection, tenant, definition, content=content, overrides=overrides):
            found += [Stopped(name, finding, texts)] if finding.blocking else []
    return found


def refusals(found: Sequence[Stopped], *, override: str | None, can_override: bool = True) -> Iterator[tuple[str, str]]:
    """Yield why and what to do, of what no override lifts."""
    rule = next((each.finding.rule for each in found if each.finding.is_liftable), "")
    for each in found:
        if not each.finding.is_liftable:
            yield str(each), each.finding.hint
        elif override is None:
            lifts = f'lumiere-sms template lint --explain {rule} says more; --override "why" lets it go all the same'
            yield f"{each}; {each.finding.hint}", lifts if can_override else ""


def keep_overrides(
    connection: Connection, tenant: Tenant, found: Sequence[Stopped], *, reason: str | None, author: Author
) -> None:
    """Keep and note that what was found may go all the same."""
    for name in dict.fromkeys(each.campaign for each in found) if reason else ():
        own = {each.finding.rule: each for each in found if each.campaign == name}
        about = {"by": author.by, "reason": reason, "at": author.now.isoformat(timespec="seconds")}
        kept = {rule: {**about, "texts": list(each.texts)} for rule, each in own.items()}
        connection.execute(_KEEP, {"user_id": tenant.id, "name": name, "overrides": Jsonb(kept)})
        noted = {"rules": sorted(own), "findings": [each.finding.message for each in own.values()]}
        what: dict[str, Any] = {"action": "campaign.override", "subject": name, "after": noted}
        audit.record(connection, tenant.id, actor=author.by, reason=reason, now=author.now, **what)


def note_checked(
    connection: Connection, tenant: Tenant, templates: Collection[TemplateDefinition], *, author: Author
) -> None:
    """Note on templates that they were looked at: by which rules, when, for which use, and what was found."""
    for template in templates:
        setting = setting_of(tenant, TYPES_OF_CATEGORIES.get(template.category, ""))
        known = FIELDS | {*template.variables}
        found = lint_template(
            template.content, declared=(), known=known, transliterate=template.transliterate, setting=setting
        )
        rules = ", ".join(dict.fromkeys(each.rule for each in found)) or "nothing"
        use = f"{setting.type or 'any campaign'}, {setting.country}"
        notes = f"rules of {REVISED}, looked at {author.now:%Y-%m-%d} for {use}: {rules}"
        connection.execute(_NOTE, {"user_id": tenant.id, "name": template.name, "notes": notes})


def templates_of(definition: CampaignDefinition) -> set[str]:
    """Return the templates that a campaign uses, in its steps and wordings too."""
    each = (definition, *definition.step_wordings().values(), *definition.wordings().values())
    return {one.template for one in each if one.template}


def _definition_of(definitions: Definitions, name: str, row: Mapping[str, Any] | None) -> CampaignDefinition:
    """Return a campaign as the files have it, else the database."""
    if name in definitions.campaigns or row is None:
        return definitions.campaigns[name]
    return CampaignDefinition.from_payload(row["definition"])


def _can_go(connection: Connection, tenant: Tenant, one: CampaignDefinition, definitions: Definitions) -> bool:
    if one.name in definitions.campaigns:
        return True
    try:
        planned_content(connection, tenant, one, definitions=definitions)
    except StateError:
        return False
    return True


def _is_over(row: Mapping[str, Any]) -> bool:
    """Say whether nothing more is written for a campaign; one that is a run a day takes its text anew each day."""
    if CampaignDefinition.from_payload(row["definition"]).is_standing:
        return row["status"] in {"completed", "cancelled"}
    return is_over(row)


def _texts_of(content: Content) -> Iterator[str]:
    yield from (each.source for each in content.variants.values() or (content,))


#: Campaigns whose text, or that of a step or a variant, may be of some templates: a variable may be called so too.
_FOLLOWING: LiteralString = """
    SELECT name FROM sms_campaigns
    WHERE user_id = %(user_id)s AND archived_at IS NULL AND status NOT IN ('completed', 'cancelled')
      AND jsonb_path_query_array(definition, '$.**.template') ?| %(templates)s::text[]
"""
_KEEP: LiteralString = """
    UPDATE sms_campaigns SET overrides = overrides || %(overrides)s
    WHERE user_id = %(user_id)s AND name = %(name)s AND archived_at IS NULL
"""
_NOTE: LiteralString = """
    UPDATE sms_templates SET compliance_checked = true, compliance_notes = %(notes)s
    WHERE user_id = %(user_id)s AND name = %(name)s AND is_current
"""
