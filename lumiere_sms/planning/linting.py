"""Lint what an operator names: a stored template, a text, or the files of definitions."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from lumiere_sms.campaigns.changes import current_campaigns
from lumiere_sms.campaigns.checking import TYPES_OF_CATEGORIES, templates_of
from lumiere_sms.campaigns.freezing import Prices
from lumiere_sms.campaigns.sources import read_files
from lumiere_sms.campaigns.wording import findings_of, placed, planned_content, setting_of
from lumiere_sms.database.connection import Database
from lumiere_sms.database.tenants import Tenant, is_country
from lumiere_sms.definitions.models import Definitions
from lumiere_sms.errors import UsageError, quoted
from lumiere_sms.messages.estimates import Money
from lumiere_sms.messages.lint import Finding, lint_template
from lumiere_sms.messages.rendering import compile_template
from lumiere_sms.messages.rules.register import RULES
from lumiere_sms.messages.templates import attribute_names, find_template
from lumiere_sms.messages.values import FIELDS, LINK, snake_case


def lint_stored(
    database: Database,
    tenant: Tenant,
    *,
    name: str,
    type_: str | None,
    variables: Mapping[str, Any],
    transliterate: bool = False,
    prices: Prices,
) -> list[Finding]:
    """Lint a template; `variables` are those that campaigns give besides the declared ones. Raises: StateError.

    Without a type it is judged as for a campaign of the type that its category is for.
    """
    stored = find_template(database, tenant.id, name=name)
    about: dict[str, Any] = {"variables": variables, "prices": prices}
    about["transliterate"] = transliterate or stored.transliterate
    about["type_"] = TYPES_OF_CATEGORIES.get(stored.category, "") if type_ is None else type_
    return lint_text(database, tenant, stored.content, declared=stored.variables, **about)


def _undecided(finding: Finding, text: str, names: Sequence[str], variables: Mapping[str, Any]) -> Finding:
    """Let pass what a value that a campaign gives in the text may yet say: a link, a name, how to refuse."""
    if not (finding.blocking and RULES[finding.rule].countries):
        return finding
    read = compile_template(text).variables - FIELDS
    open_ = [name for name in dict.fromkeys(names) if snake_case(name) in read and not variables.get(name)]
    hint = f"{finding.hint}, unless the campaign's {', '.join(open_)} has it"
    return replace(finding, blocking=False, hint=hint) if open_ else finding


def lint_text(
    database: Database,
    tenant: Tenant,
    text: str,
    *,
    type_: str | None,
    variables: Mapping[str, Any],
    transliterate: bool,
    prices: Prices,
    declared: Sequence[str] = (),
) -> list[Finding]:
    """Lint a text that is not a template yet."""
    known = FIELDS | {snake_case(name) for name in attribute_names(database, tenant.id)}
    known -= set() if tenant.rules.get(LINK) else {LINK}
    found = lint_template(
        text,
        declared=[*declared, *variables],
        known=known,
        transliterate=transliterate,
        price=_price(tenant, prices),
        setting=setting_of(tenant, type_ or "", variables={k: v for k, v in variables.items() if v}),
    )
    return [_undecided(each, text, [*declared, *variables], variables) for each in found]


def lint_files(database: Database, tenant: Tenant, paths: Sequence[Path], *, prices: Prices) -> list[Finding]:
    """Lint the texts of definitions, each at its place in its file: of campaigns, and of templates that none uses.

    Raises: DefinitionError.
    """
    definitions = read_files(database, tenant, paths)
    found = [
        *_of_campaigns(database, tenant, definitions, prices=prices),
        *_of_templates(database, tenant, definitions, prices=prices),
    ]
    return list(dict.fromkeys(found))


def _of_campaigns(database: Database, tenant: Tenant, definitions: Definitions, *, prices: Prices) -> Iterator[Finding]:
    with database.transaction(read_only=True) as connection:
        current = current_campaigns(connection, tenant, definitions.campaigns)
        for name, definition in definitions.campaigns.items():
            about: dict[str, Any] = {"overrides": current[name]["overrides"] if name in current else None}
            about |= {"content": planned_content(connection, tenant, definition, definitions=definitions)}
            yield from findings_of(connection, tenant, definition, **about, price=_price(tenant, prices))


def _of_templates(database: Database, tenant: Tenant, definitions: Definitions, *, prices: Prices) -> Iterator[Finding]:
    used = set().union(*map(templates_of, definitions.campaigns.values()))
    for template in (each for name, each in definitions.templates.items() if name not in used):
        written = definitions.written("template", template.name, template.content)
        about: dict[str, Any] = {"type_": TYPES_OF_CATEGORIES.get(template.category, ""), "variables": {}}
        about |= {"transliterate": template.transliterate, "declared": template.variables, "prices": prices}
        yield from (placed(each, written) for each in lint_text(database, tenant, template.content, **about))


def in_country(tenant: Tenant, country: str | None) -> Tenant:
    """Return the tenant as if it were in another country. Raises: UsageError for one that is none."""
    if country and not is_country(country.upper()):
        raise UsageError(f"{quoted(country)} is no country", hint="ISO 3166-1, like JP")
    return replace(tenant, country=country.upper()) if country else tenant


def _price(tenant: Tenant, prices: Prices) -> Money:
    price = prices(tenant.country)
    return Money(price.amount, price.currency)
