"""`lumiere-sms segment`."""

from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer

from lumiere_sms.cli import output

app = typer.Typer(
    add_completion=False, no_args_is_help=True, help="Segments: create, list, show, preview, check, sql, delete."
)

Name = Annotated[str, typer.Argument(help="The segment.")]
Criteria = Annotated[str | None, typer.Option(help="The criteria as JSON.")]
CriteriaFile = Annotated[Path | None, typer.Option("--file", help="A file with the criteria as JSON.")]


@app.command()
def create(
    context: typer.Context,
    name: Name,
    criteria: Criteria = None,
    file: CriteriaFile = None,
    member: Annotated[
        list[str] | None, typer.Option(help="A customer number or phone of a fixed list; may be given again.")
    ] = None,
    description: Annotated[str | None, typer.Option(help="What it is for.")] = None,
    by: output.By = "operator",
) -> None:
    """Make a segment from criteria, or from a fixed list of people.

    Example: lumiere-sms segment create regulars --criteria '{"field": "visit_count", "operator": "gte", "value": 5}'
    """
    from lumiere_sms.audience.segments import create_segment

    if sum(given is not None for given in (criteria, file, member)) != 1:
        raise typer.BadParameter("give one of --criteria, --file and --member")
    tree = None if member else _tree(criteria, file)
    definition = {"name": name, "description": description, "criteria": tree, "members": member}
    with context.obj.database.transaction() as connection:
        create_segment(connection, context.obj.user_id, definition, by=by, now=context.obj.clock.database_now())
    output.say(f'segment "{name}" is written')


@app.command("list")
def list_(context: typer.Context, as_json: output.AsJson = False) -> None:
    """List segments with their last known size.

    Example: lumiere-sms segment list
    """
    from lumiere_sms.audience.segments import list_segments

    with context.obj.database.transaction(read_only=True) as connection:
        segments = list_segments(connection, context.obj.user_id)
    if as_json:
        output.print_json(segments)
        return
    zone = context.obj.tenant.timezone
    lines = (
        (
            each.name,
            "criteria" if each.is_dynamic else "members",
            each.estimated_size if each.is_dynamic else each.members,
            output.local(each.last_calculated_at, zone),
            each.campaigns,
            each.description,
        )
        for each in segments
    )
    output.print_table(("name", "by", ">size", "counted", ">campaigns", "description"), lines, empty="no segments")


@app.command()
def show(context: typer.Context, name: Name, as_json: output.AsJson = False) -> None:
    """Show a segment and its criteria.

    Example: lumiere-sms segment show lapsed
    """
    from lumiere_sms.audience.segments import require_segment

    with context.obj.database.transaction(read_only=True) as connection:
        segment = require_segment(connection, context.obj.user_id, name)
    if as_json:
        output.print_json(segment)
        return
    output.print_facts(
        [
            ("segment", segment.name),
            ("description", segment.description),
            ("revision", segment.revision),
            ("active", "yes" if segment.is_active else "no"),
            ("size", segment.estimated_size),
            ("counted", output.local(segment.last_calculated_at, context.obj.tenant.timezone) or None),
            ("campaigns", segment.campaigns),
            ("members", None if segment.is_dynamic else segment.members),
        ]
    )
    if segment.is_dynamic:
        output.print_json(segment.criteria)


@app.command()
def preview(
    context: typer.Context,
    name: Annotated[str | None, typer.Argument(help="The segment; leave it out to try criteria.")] = None,
    criteria: Criteria = None,
    file: CriteriaFile = None,
    diff: Annotated[
        str | None,
        typer.Option(
            metavar="WHAT", help="Who joins and leaves: since revision 2, between 2..3, or by a file of definitions."
        ),
    ] = None,
    sample: Annotated[int, typer.Option(min=0, max=1_000, help="How many people to show.")] = 10,
    show_phones: output.ShowPhones = False,
    as_json: output.AsJson = False,
) -> None:
    """Show how many people a segment has, a few of them, and what each clause drops; or what a change does to it.

    Example: lumiere-sms segment preview lapsed --diff campaigns.yaml
    """
    from lumiere_sms.audience.preview import preview_segment
    from lumiere_sms.cli import segment_views

    if sum(given is not None for given in (name, criteria, file)) != 1:
        raise typer.BadParameter("give a segment's name, --criteria or --file")
    target = {"segment": name, "criteria": None if name else _tree(criteria, file)}
    how = {"show_phones": show_phones, "as_json": as_json}
    about = {"target": target, "sample": sample, "now": context.obj.clock.now()}
    if diff is not None:
        from lumiere_sms.planning.segment_diff import segment_difference

        found, sides = segment_difference(context.obj.database, context.obj.tenant, against=diff, **about)
        segment_views.show_difference(found, sides, **how)
        return
    with context.obj.database.transaction() as connection:
        previewed = preview_segment(connection, context.obj.tenant, **about)
    segment_views.show_preview(previewed, target, **how)


@app.command()
def check(
    context: typer.Context,
    name: Name,
    labels: Annotated[Path, typer.Option(help="A CSV: a customer number or phone, and a column label, yes or no.")],
    show_phones: output.ShowPhones = False,
    as_json: output.AsJson = False,
) -> None:
    """Compare a segment with people you have labelled by hand: precision, recall, and who is wrong.

    Example: lumiere-sms segment check lapsed --labels labels.csv
    """
    from lumiere_sms.audience.checking import check_segment
    from lumiere_sms.audience.labels import read_labels
    from lumiere_sms.cli import segment_views

    tenant = context.obj.tenant
    labelled = read_labels(labels, country=tenant.country)
    today = context.obj.clock.now().astimezone(ZoneInfo(tenant.timezone)).date()
    with context.obj.database.transaction(read_only=True) as connection:
        found = check_segment(connection, tenant.id, name=name, labels=labelled, today=today)
    segment_views.show_checked(found, name, show_phones=show_phones, as_json=as_json)


@app.command()
def sql(context: typer.Context, name: Name, as_json: output.AsJson = False) -> None:
    """Print the SQL that selects a segment's people today, ready for `db shell`.

    Example: lumiere-sms segment sql lapsed
    """
    from lumiere_sms.audience.preview import segment_sql

    tenant = context.obj.tenant
    today = context.obj.clock.now().astimezone(ZoneInfo(tenant.timezone)).date()
    with context.obj.database.transaction(read_only=True) as connection:
        found = segment_sql(connection, tenant.id, target={"segment": name}, today=today)
    if as_json:
        output.print_json(found)
    else:
        output.print_text(found.runnable)


@app.command()
def delete(context: typer.Context, name: Name, by: output.By = "operator") -> None:
    """Delete a segment that no campaign needs any more. Its people stay.

    Example: lumiere-sms segment delete lapsed
    """
    from lumiere_sms.audience.segments import delete_segment

    with context.obj.database.transaction() as connection:
        delete_segment(connection, context.obj.user_id, name, by=by, now=context.obj.clock.database_now())
    output.say(f'segment "{name}" is deleted')


def _tree(criteria: str | None, file: Path | None) -> dict[str, Any]:
    from lumiere_sms.audience.trees import read_file, read_tree

    return read_file(file) if file else read_tree(criteria or "", source="--criteria")
