"""`lumiere-sms campaign`."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from lumiere_sms.cli import again, output
from lumiere_sms.cli import calendar_views as calendars
from lumiere_sms.cli import campaign_views as views
from lumiere_sms.cli import sequence_views as sequences
from lumiere_sms.cli import trial_views as trials

app = typer.Typer(add_completion=False, no_args_is_help=True, help="Campaigns: create, show, schedule, pause, report.")

Name = Annotated[str, typer.Argument(help="The campaign.")]
Reason = Annotated[str | None, typer.Option(help="Why; kept with the campaign.")]
By = Annotated[str, typer.Option(help="Who; kept with the campaign.", envvar="USER")]


@app.command()
def create(  # noqa: PLR0913, PLR0917 - a parameter is an option of the command
    context: typer.Context,
    file: Annotated[Path | None, typer.Argument(help="A YAML file that defines it; or use the options.")] = None,
    name: Annotated[str | None, typer.Option(help="Its name; with a file, which of its campaigns.")] = None,
    template: Annotated[str | None, typer.Option(help="The template to send.")] = None,
    message: Annotated[str | None, typer.Option(help="The text to send.")] = None,
    segment: Annotated[str | None, typer.Option(help="The audience; all for everybody.")] = None,
    type_: Annotated[str | None, typer.Option("--type", help="blast or promotional.")] = None,
    at: Annotated[
        str | None, typer.Option("--at", "--schedule", help='now, or "2031-04-01 10:00"; without it, a draft.')
    ] = None,
    timezone: Annotated[str | None, typer.Option(help="IANA zone of that time.")] = None,
    window: Annotated[list[str] | None, typer.Option(help="09:00-11:00; may be given again.")] = None,
    quiet_hours: Annotated[str | None, typer.Option(help="21:00-08:00.")] = None,
    expires_after: Annotated[str | None, typer.Option(help="12h; what has not left by then is dropped.")] = None,
    priority: Annotated[str | None, typer.Option(help="urgent, high, normal or low.")] = None,
    batch_size: Annotated[int | None, typer.Option(help="How many are claimed at once.")] = None,
    send_rate_per_minute: Annotated[int | None, typer.Option(help="The most parts a minute.")] = None,
    max_retries: Annotated[
        int | None, typer.Option(help="Tries after a carrier's passing failure: reminders only.")
    ] = None,
    var: views.Variables = None,
    by: By = "operator",
    as_json: output.AsJson = False,
) -> None:
    """Make one campaign, from a file or from options; one that exists already is an error.

    Example: lumiere-sms campaign create --name spring --template spring --segment regulars --at "2031-04-01 10:00"
    """
    from lumiere_sms.campaigns.apply import create as create_campaign

    given = {
        "template": template,
        "message": message,
        "segment": segment,
        "type": type_,
        "schedule": at,
        "timezone": timezone,
        "window": window,
        "quiet_hours": quiet_hours,
        "expires_after": expires_after,
        "priority": priority,
        "batch_size": batch_size,
        "send_rate_per_minute": send_rate_per_minute,
        "max_retries": max_retries,
        "variables": views.read_variables(var),
    }
    definitions = views.definitions_of(context.obj, file, name, given=given)
    role = context.obj.runtime.settings.stop_when_role
    create_campaign(
        context.obj.database,
        context.obj.tenant,
        definitions,
        clock=context.obj.clock,
        prices=context.obj.runtime.way_prices,
        stop_role=role,
        by=by,
    )
    show(context, next(iter(definitions.campaigns)), as_json=as_json)


@app.command("list")
def list_(
    context: typer.Context,
    status: Annotated[str | None, typer.Option(help="Only campaigns in this state.")] = None,
    type_: Annotated[str | None, typer.Option("--type", help="Only blast, promotional, drip or reminder.")] = None,
    page: Annotated[int, typer.Option(min=1, help="Which page.")] = 1,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many a page.")] = 20,
    as_json: output.AsJson = False,
) -> None:
    """List campaigns, the newest first.

    Example: lumiere-sms campaign list --status running
    """
    from lumiere_sms.campaigns.listing import list_campaigns

    status, type_ = views.require_status(status), views.require_type(type_)
    database, user_id = context.obj.database, context.obj.user_id
    found = list_campaigns(database, user_id, status=status, type_=type_, page=page, limit=limit)
    if as_json:
        output.print_json(views.page_json(found, page=page, limit=limit))
        return
    output.print_table(views.COLUMNS, map(views.row, found), empty="no campaigns")
    if found and found[0]["total"] > len(found):
        output.say(f"page {page}: {len(found)} of {found[0]['total']:,} campaigns")


@app.command()
def show(context: typer.Context, name: Name, as_json: output.AsJson = False) -> None:
    """Show a campaign: what it is, when it goes, and how far it has come.

    Example: lumiere-sms campaign show spring
    """
    from lumiere_sms.campaigns.calendars import stored_calendar
    from lumiere_sms.campaigns.listing import show_campaign

    found = show_campaign(context.obj.database, context.obj.user_id, name=name)
    calendar = stored_calendar(context.obj.tenant, found, now=context.obj.clock.now())
    if as_json:
        output.print_json({**found, "calendar": calendar} if calendar else found)
        return
    when = [*calendars.run_facts(found), *calendars.calendar_facts(calendar), *sequences.remind_facts(found)]
    when += trials.wave_facts(found)
    output.print_facts([*views.facts(found), *when])
    output.print_text("\n" + "\n".join(sequences.says(found)))


@app.command()
def preview(
    context: typer.Context,
    name: Name,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many recipients.")] = 5,
    as_json: output.AsJson = False,
    show_phones: output.ShowPhones = False,
) -> None:
    """Show the texts of a few recipients, as a launch now would write them.

    Example: lumiere-sms campaign preview spring --limit 3
    """
    from lumiere_sms.planning.preview import preview_campaign

    now = context.obj.clock.now()
    texts = preview_campaign(context.obj.database, context.obj.tenant, name=name, limit=limit, now=now)
    if as_json:
        output.print_json([views.preview_json(text, show_phones=show_phones) for text in texts])
        return
    for text in texts:
        output.print_text(views.preview_text(text, show_phones=show_phones))


@app.command()
def schedule(  # noqa: PLR0913, PLR0917 - a parameter is an option of the command
    context: typer.Context,
    name: Name,
    at: Annotated[str | None, typer.Option(help='"2031-04-01 10:00", or ISO 8601 with an offset.')] = None,
    timezone: Annotated[str | None, typer.Option(help="IANA zone of that time; the campaign's else.")] = None,
    now: Annotated[bool, typer.Option("--now", help="At once.")] = False,
    daily: calendars.Daily = False,
    weekly: calendars.Weekly = None,
    monthly: calendars.Monthly = None,
    every: calendars.Every = None,
    until: calendars.Until = None,
    count: calendars.Count = None,
    except_: calendars.Except = None,
    skip_holidays: calendars.SkipHolidays = False,
    next_open_day: calendars.NextOpenDay = False,
    missed: calendars.Missed = None,
    once: calendars.Once = False,
    undo_window: Annotated[
        str | None, typer.Option(help="With --now: how long it may be taken back; 60s on a terminal, 0 elsewhere.")
    ] = None,
    by: By = "operator",
) -> None:
    """Give a draft a time, or another time to a campaign that is not launched yet.

    One that recurs shows when it comes up next; it gets another calendar at
    any time, and what was launched stays.

    With --now on a terminal it starts after a minute that is counted down:
    Ctrl-C, or `campaign cancel` from anywhere, and nobody is texted.

    Example: lumiere-sms campaign schedule spring --at "2031-04-01 10:00" --weekly fri
    """
    from lumiere_sms.campaigns import scheduling
    from lumiere_sms.cli import undoing

    limits = {"every": every, "until": until, "count": count, "exceptions": except_, "missed": missed}
    limits |= {"skip_holidays": skip_holidays, "next_open_day": next_open_day}
    repeat = calendars.read_repeat(daily=daily, weekly=weekly, monthly=monthly, once=once, **limits)
    wish, window = views.require_time(at, now=now, kept=repeat is not None), undoing.read_window(undo_window, now=now)
    about: Any = {"name": name, "at": wish, "zone": timezone, "undo_window": window, "by": by, "repeat": repeat}
    with undoing.Countdown(window) as countdown:
        scheduled = scheduling.schedule(context.obj.database, context.obj.tenant, clock=context.obj.clock, **about)
        undoing.say_when(scheduled)
        calendars.print_calendar(scheduled.calendar)
        undoing.offer(context.obj, scheduled, countdown, by=by)


@app.command()
def pause(
    context: typer.Context,
    name: Name,
    reason: Reason = None,
    by: By = "operator",
    show_phones: output.ShowPhones = False,
    as_json: output.AsJson = False,
) -> None:
    """Stop sending, and return when nothing is on its way any more.

    Lists what was on its way and what became of it.

    Example: lumiere-sms campaign pause spring --reason "wrong price"
    """
    from lumiere_sms.campaigns import lifecycle
    from lumiere_sms.cli.stopped_views import show_stopped

    database, user_id, clock = context.obj.database, context.obj.user_id, context.obj.clock
    moved = lifecycle.pause(database, user_id, name=name, reason=reason or "by hand", by=by, clock=clock)
    show_stopped(context.obj, moved, show_phones=show_phones, as_json=as_json)


@app.command()
def resume(context: typer.Context, name: Name, by: By = "operator") -> None:
    """Let a paused campaign go on.

    Example: lumiere-sms campaign resume spring
    """
    from lumiere_sms.campaigns import lifecycle

    moved = lifecycle.resume(context.obj.database, context.obj.user_id, name=name, by=by, clock=context.obj.clock)
    output.say(f"{views.moved(moved)}; {moved.left:,} left, {moved.expired:,} expired meanwhile")


@app.command()
def cancel(
    context: typer.Context,
    name: Name,
    reason: Reason = None,
    by: By = "operator",
    show_phones: output.ShowPhones = False,
    as_json: output.AsJson = False,
) -> None:
    """End a campaign for good: who has no text yet gets none.

    Lists what was on its way and what became of it.

    Example: lumiere-sms campaign cancel spring --reason "sold out"
    """
    from lumiere_sms.campaigns import lifecycle
    from lumiere_sms.cli.stopped_views import show_stopped

    database, user_id, clock = context.obj.database, context.obj.user_id, context.obj.clock
    moved = lifecycle.cancel(database, user_id, name=name, reason=reason or "by hand", by=by, clock=clock)
    show_stopped(context.obj, moved, show_phones=show_phones, as_json=as_json)


@app.command()
def delete(context: typer.Context, name: Name, by: By = "operator") -> None:
    """Take a campaign off the lists. What was sent stays on record; a running one is cancelled first.

    Example: lumiere-sms campaign delete spring
    """
    from lumiere_sms.campaigns import lifecycle

    lifecycle.delete(context.obj.database, context.obj.user_id, name=name, by=by, clock=context.obj.clock)
    output.say(f'campaign "{name}" is deleted')


@app.command("test-send")
def send_a_test(
    context: typer.Context,
    name: Name,
    to: Annotated[str, typer.Option(help="The number.")],
    wait: views.Wait = False,
    by: By = "operator",
    as_json: output.AsJson = False,
) -> None:
    """Send a campaign's text to one number, through the provider, as the campaign would.

    Example: lumiere-sms campaign test-send spring --to +819012345678 --wait
    """
    from lumiere_sms.campaigns.addressees import read_numbers
    from lumiere_sms.campaigns.direct import send_test

    runtime, tenant = context.obj.runtime, context.obj.tenant
    (addressee,) = read_numbers([to], country=tenant.country)
    if wait:
        runtime.provider()  # what cannot be sent now is not written down to be sent later
    about = {"name": name, "phone": addressee.phone_number, "clock": runtime.clock, "prices": runtime.prices, "by": by}
    views.show_sent(context.obj, send_test(runtime.database, tenant, **about), wait=wait, as_json=as_json)


@app.command()
def recipients(
    context: typer.Context,
    name: Name,
    status: Annotated[list[str] | None, typer.Option(help="Only in this state; may be given again.")] = None,
    limit: Annotated[
        int | None, typer.Option(min=1, max=1_000_000_000, help="At most so many; a table shows 50.")
    ] = None,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV.")] = False,
    as_json: output.AsJson = False,
    show_phones: output.ShowPhones = False,
) -> None:
    """List who gets a campaign, and what became of each.

    Example: lumiere-sms campaign recipients spring --status failed --csv
    """
    from lumiere_sms.campaigns.listing import list_recipients

    most = limit if limit or as_csv or as_json else views.ROWS
    statuses = views.require_recipient_statuses(status)
    found = list_recipients(context.obj.database, context.obj.user_id, name=name, statuses=statuses, limit=most)
    views.show_recipients(found, as_csv=as_csv, as_json=as_json, show_phones=show_phones)


app.command()(again.retry)
app.command()(again.resolve)


@app.command()
def report(
    context: typer.Context,
    name: Name,
    by: Annotated[str | None, typer.Option(help="hour, provider or variant: show only that.")] = None,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print the table of --by (hour else) as CSV.")] = False,
    as_json: output.AsJson = False,
) -> None:
    """Report what became of a campaign: who, sent, delivered, failed, cost, by hour, provider and variant.

    Example: lumiere-sms campaign report spring --by hour --csv
    """
    from lumiere_sms.analytics.report import campaign_report

    table = views.require_table(by)
    found = campaign_report(context.obj.database, context.obj.user_id, name)
    if as_json:
        output.print_json({**asdict(found), "total": found.total})
        return
    views.show_report(found, table=table, as_csv=as_csv)
