"""`lumiere-sms template`."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lumiere_sms.cli import output
from lumiere_sms.cli import template_views as views

if TYPE_CHECKING:
    from lumiere_sms.messages.lint import Finding

app = typer.Typer(
    add_completion=False, no_args_is_help=True, help="Templates: create, list, show, preview, lint, delete."
)

Name = Annotated[str, typer.Argument(help="The template.")]
Variables = Annotated[
    list[str] | None, typer.Option("--var", metavar="NAME=VALUE", help="A variable's value; may be given again.")
]


@app.command()
def create(  # noqa: PLR0913, PLR0917 - a parameter is an option of the command
    context: typer.Context,
    name: Name,
    content: Annotated[str | None, typer.Option(help="The text.")] = None,
    file: Annotated[Path | None, typer.Option(help="A file that holds the text; - is stdin.")] = None,
    category: Annotated[str | None, typer.Option(help="promotional, reminder, notification or welcome.")] = None,
    variable: Annotated[
        list[str] | None, typer.Option(help="A variable that the text uses; may be given again.")
    ] = None,
    tag: Annotated[list[str] | None, typer.Option(help="A label of yours; may be given again.")] = None,
    transliterate: Annotated[
        bool, typer.Option("--transliterate", help="Spell in GSM-7 where that is faithful.")
    ] = False,
    by: output.By = "operator",
) -> None:
    """Write a new template.

    Example: lumiere-sms template create welcome --content "Welcome, {{ first_name | default('dear guest') }}!"
    """
    from lumiere_sms.definitions.template_options import define_template
    from lumiere_sms.messages.templates import create_template

    values = {"category": category, "variables": variable or [], "tags": tag or [], "transliterate": transliterate}
    values["content"] = _content(content, file)
    definition = define_template(name, values, origin=str(file or "--content"))
    database, now = context.obj.database, context.obj.clock.database_now()
    create_template(database, context.obj.user_id, definition=definition.payload(), by=by, now=now)
    output.say(f'template "{name}" is written')


@app.command("list")
def list_(
    context: typer.Context,
    category: Annotated[str | None, typer.Option(help="Only templates of this category.")] = None,
    as_json: output.AsJson = False,
) -> None:
    """List templates with what they take and how often they were used.

    Example: lumiere-sms template list --category promotional
    """
    from lumiere_sms.messages.templates import list_templates

    found = list_templates(context.obj.database, context.obj.user_id, category=_category(category))
    if as_json:
        output.print_json([asdict(template) for template in found])
        return
    output.print_table(views.COLUMNS, [views.row(template, context.obj.tenant.timezone) for template in found])


@app.command()
def show(context: typer.Context, name: Name, as_json: output.AsJson = False) -> None:
    """Show a template.

    Example: lumiere-sms template show welcome
    """
    from lumiere_sms.messages.templates import find_template

    template = find_template(context.obj.database, context.obj.user_id, name=name)
    if as_json:
        output.print_json(asdict(template))
        return
    output.print_facts(views.facts(template, context.obj.tenant.timezone))
    output.print_text(f"\n{template.content}")


@app.command()
def preview(
    context: typer.Context,
    name: Name,
    var: Variables = None,
    customer: Annotated[str | None, typer.Option(help="A customer: key, customer number or phone.")] = None,
    segment: Annotated[str | None, typer.Option(help="A segment (or all): render for everybody in it.")] = None,
    worst: Annotated[bool, typer.Option("--worst", help="With --segment: show the dearest text too.")] = False,
    as_json: output.AsJson = False,
    show_phones: output.ShowPhones = False,
) -> None:
    """Show what a template says, its parts and price, and the character that makes it dear.

    Example: lumiere-sms template preview welcome --segment all --worst
    """
    from lumiere_sms.planning import previews

    if worst and segment is None:
        raise typer.BadParameter("--worst needs --segment")
    about = {"name": name, "variables": _values(var), "prices": context.obj.runtime.prices}
    if segment is None:
        seen = previews.preview_template(context.obj.database, context.obj.tenant, customer=customer, **about)
        views.show_preview(seen, as_json=as_json)
        return
    about |= {"segment": segment, "now": context.obj.clock.now()}
    with output.progress("rendering", quiet=as_json) as advance:
        all_seen = previews.preview_segment(context.obj.database, context.obj.tenant, **about, progress=advance)
    views.show_segment(all_seen, worst=worst, as_json=as_json, show_phones=show_phones)


@app.command()
def lint(  # noqa: PLR0913, PLR0917 - a parameter is an option of the command
    context: typer.Context,
    name: Annotated[
        str | None,
        typer.Argument(metavar="NAME|FILE", help="The template, or a YAML file; or a text by --content or --file."),
    ] = None,
    content: Annotated[str | None, typer.Option(help="A text.")] = None,
    file: Annotated[Path | None, typer.Option(help="A file that holds a text; - is stdin.")] = None,
    variable: Annotated[
        list[str] | None,
        typer.Option(help="A variable that campaigns give, NAME=VALUE for --audience; may be given again."),
    ] = None,
    transliterate: Annotated[bool, typer.Option("--transliterate", help="The text will be spelled in GSM-7.")] = False,
    audience: Annotated[
        str | None,
        typer.Option(metavar="SEGMENT", help="Count its parts over a segment (or all): what makes them fewer."),
    ] = None,
    type_: Annotated[
        str | None, typer.Option("--type", help="The campaign's type; that of the template's category if left out.")
    ] = None,
    country: Annotated[str | None, typer.Option(help="Whose law holds, ISO 3166-1; your own if left out.")] = None,
    explain: Annotated[str | None, typer.Option(metavar="RULE", help="Show a rule: why, whence, an example.")] = None,
    rules: Annotated[bool, typer.Option("--rules", help="List all rules.")] = False,
    as_json: output.AsJson = False,
) -> None:
    """Say what is wrong with a text, by law too, or dearer than it need be. Exits 5 when a finding blocks.

    Example: lumiere-sms template lint welcome --audience all
    """
    from lumiere_sms.cli.rule_views import show_rules

    if rules or explain is not None:
        show_rules(explain, as_json=as_json)
        return
    if name is not None:
        _refuse_beside("the name of a template or a file", {"--content": content, "--file": file})
    if audience is not None:
        _refuse_beside("--audience", {"--country": country})
        use = {"type_": _type(type_), "transliterate": transliterate}
        given = _values(variable, option="--variable")
        _count_parts(context, name, audience=audience, given=given, **use, as_json=as_json)
        return
    about = {"type_": _type(type_), "prices": context.obj.runtime.prices, "country": country}
    about |= {"variables": _values_or_names(variable)}
    if name is None:
        if (content is None) == (file is None):
            raise typer.BadParameter("name a template or a YAML file, or give a text by --content or by --file")
        findings = _lint_text(context, _content(content, file), transliterate=transliterate, **about)
    else:
        findings = _lint_named(context, name, transliterate=transliterate, **about)
    views.show_findings(findings, as_json=as_json)


def _lint_text(context: typer.Context, text: str, *, country: str | None, **about: Any) -> "list[Finding]":
    from lumiere_sms.planning.linting import in_country, lint_text

    return lint_text(context.obj.database, in_country(context.obj.tenant, country), text, **about)


def _lint_named(
    context: typer.Context, name: str, *, country: str | None, transliterate: bool, **about: Any
) -> "list[Finding]":
    from lumiere_sms.planning.linting import in_country, lint_files, lint_stored

    database, tenant = context.obj.database, in_country(context.obj.tenant, country)
    if name.endswith((".yaml", ".yml")):
        own = {"--type": about["type_"], "--variable": about["variables"], "--transliterate": transliterate}
        _refuse_beside("a file of definitions", own)
        return lint_files(database, tenant, [Path(name)], prices=about["prices"])
    return lint_stored(database, tenant, name=name, transliterate=transliterate, **about)


def _refuse_beside(what: str, options: Mapping[str, object]) -> None:
    """Refuse options that would count for nothing beside what else is given."""
    for option, value in options.items():
        if value:
            raise typer.BadParameter(f"it counts for nothing beside {what}", param_hint=option)


def _count_parts(
    context: typer.Context, name: str | None, *, audience: str, given: dict[str, str], as_json: bool, **use: Any
) -> None:
    from lumiere_sms.cli.parts_views import show_parts
    from lumiere_sms.planning.parts_of import parts_of

    if name is None:
        raise typer.BadParameter("--audience needs the name of a template")
    about = {"name": name, "segment": audience, "variables": given, "prices": context.obj.runtime.prices, **use}
    with output.progress("rendering", quiet=as_json) as advance:
        found = parts_of(
            context.obj.database, context.obj.tenant, **about, now=context.obj.clock.now(), progress=advance
        )
    show_parts(found, as_json=as_json)


@app.command()
def delete(context: typer.Context, name: Name, by: output.By = "operator") -> None:
    """Take a template off the list. What was sent with it stays on record.

    Example: lumiere-sms template delete welcome
    """
    from lumiere_sms.messages.templates import delete_template

    now = context.obj.clock.database_now()
    delete_template(context.obj.database, context.obj.user_id, name=name, by=by, now=now)
    output.say(f'template "{name}" is deleted')


def _content(content: str | None, file: Path | None) -> str:
    from lumiere_sms.messages.sources import read_source

    if (content is None) == (file is None):
        raise typer.BadParameter("give the text by --content or by --file")
    return read_source(file) if file else content or ""


def _type(name: str | None) -> str | None:
    from lumiere_sms.audience.behaviour import CAMPAIGN_TYPES

    return _one_of(CAMPAIGN_TYPES, name, option="--type")


def _values_or_names(given: Sequence[str] | None) -> dict[str, str]:
    """Read variables of which the value may be left out."""
    return {name: value for name, _, value in (each.partition("=") for each in given or ())}


def _category(name: str | None) -> str | None:
    from lumiere_sms.messages.templates import Category

    return _one_of(list(Category), name, option="--category")


def _one_of(known: Sequence[str], name: str | None, *, option: str) -> str | None:
    if name is not None and name not in known:
        raise typer.BadParameter(f'"{name}" is none of {", ".join(known)}', param_hint=option)
    return name


def _values(given: Sequence[str] | None, *, option: str = "--var") -> dict[str, str]:
    pairs = [each.partition("=") for each in given or ()]
    for name, equals, _ in pairs:
        if not name or not equals:
            raise typer.BadParameter("write NAME=VALUE", param_hint=option)
    return {name: value for name, _, value in pairs}
