"""How customers look."""

import io
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from lumiere_sms.cli import output
from lumiere_sms.errors import ConfigurationError

if TYPE_CHECKING:
    from lumiere_sms.audience.customers import Standing
    from lumiere_sms.audience.imports import Imported

COLUMNS = ("number", "name", "phone", "?>visits", "last visit", "?>sales", "tags", "texts", "?id")


def show_imported(imported: "Imported", *, as_json: bool) -> None:
    """Show what an import did; what was skipped goes to stderr."""
    if as_json:
        output.print_json(asdict(imported))
        return
    for problem in imported.problems:
        output.say(str(problem))
    told = ("rows", "created", "updated", "unchanged", "skipped", "opted_out")
    output.print_facts((name.replace("_", " "), f"{getattr(imported, name):,}") for name in told)
    if imported.dry_run:
        output.say("a dry run: nothing was changed")


def show_list(people: Sequence[Mapping[str, Any]], *, limit: int, page: int, show_phones: bool, as_json: bool) -> None:
    """Show customers as a table, and how to go on when the page is full."""
    if as_json:
        output.print_json([plain_person(person, show_phones=show_phones) for person in people])
        return
    output.print_table(COLUMNS, (_line(person, show_phones=show_phones) for person in people), empty="no customers")
    if len(people) == limit:
        output.say(f"there may be more: --page {page + 1}")


def show_people(
    people: Sequence[Mapping[str, Any]],
    standings: Sequence["Standing"],
    *,
    zone: str,
    show_phones: bool,
    as_json: bool,
) -> None:
    """Show everything that is known of one customer, or a list of several."""
    if as_json:
        whole = [
            {**plain_person(person, show_phones=show_phones), **asdict(standing)}
            for person, standing in zip(people, standings, strict=True)
        ]
        output.print_json(whole[0] if len(whole) == 1 else whole)
    elif len(people) > 1:
        show_list(people, limit=len(people) + 1, page=1, show_phones=show_phones, as_json=False)
    else:
        output.print_facts(_facts(people[0], standings[0], zone=zone, show_phones=show_phones))


def plain_person(person: Mapping[str, Any], *, show_phones: bool) -> dict[str, Any]:
    """Return a customer for JSON, the phone masked unless it may be shown."""
    plain = {name: value for name, value in person.items() if name != "user_id"}
    return {**plain, "phone_number": output.phone(person["phone_number"], show_phones=show_phones)}


def name_of(person: Mapping[str, Any]) -> str:
    """Return a customer's name, the last name first."""
    return " ".join(part for part in (person["last_name"], person["first_name"]) if part)


@contextmanager
def opened(file: Path | None, stdout: IO[bytes], *, bom: bool) -> Iterator[IO[str]]:
    """Open what an export is written to, in UTF-8; a file is there whole or not at all. Raises: ConfigurationError."""
    encoding = "utf-8-sig" if bom else "utf-8"
    if file is not None:
        half = file.with_name(f"{file.name}.new") if file.is_file() or not file.exists() else file
        try:
            with half.open("w", encoding=encoding, newline="") as stream:
                yield stream
            if half != file:
                half.replace(file)
        except OSError as error:
            raise ConfigurationError(f"{file} cannot be written: {error.strerror}") from error
        finally:
            if half != file:
                half.unlink(missing_ok=True)
        return
    text = io.TextIOWrapper(stdout, encoding=encoding, newline="")
    yield text
    text.detach()


def _line(person: Mapping[str, Any], *, show_phones: bool) -> tuple[Any, ...]:
    return (
        person["external_id"],
        name_of(person),
        output.phone(person["phone_number"], show_phones=show_phones),
        person["visit_count"],
        person["last_visit_date"],
        f"{person['total_sales']:,.0f}",
        ", ".join(person["tags"]),
        _texts(person),
        person["id"],
    )


def _texts(person: Mapping[str, Any]) -> str:
    if person["opt_out_date"] is not None:
        return "refused"
    wanted = [word for word in ("promotional", "reminders") if person[f"allow_{word}"]]
    return ", ".join(wanted) or "no consent"


def _facts(
    person: Mapping[str, Any], standing: "Standing", *, zone: str, show_phones: bool
) -> Iterator[tuple[str, Any]]:
    yield "customer", person["id"]
    yield "number", person["external_id"]
    yield "name", name_of(person) or None
    yield "phone", output.phone(person["phone_number"], show_phones=show_phones)
    yield "visits", f"{person['visit_count']}, the last on {person['last_visit_date'] or 'a day not known'}"
    yield "sales", f"{person['total_sales']:,.2f}"
    yield "next appointment", output.local(person["next_appointment_at"], zone) or None
    yield "birthday", person["birthday"]
    yield "tags", ", ".join(person["tags"]) or None
    yield "preferred time", person["preferred_time"]
    yield "time zone", person["timezone"]
    yield "texts", _texts(person)
    yield "refused", output.local(person["opt_out_date"], zone) or None
    yield "last response", output.local(person["last_sms_response"], zone) or None
    if standing.suppression:
        said = standing.suppression
        yield "suppressed", f"{said['reason']}, by {said['source']}, {output.local(said['created_at'], zone)}"
    yield "segments", ", ".join(standing.segments) or None
    yield from sorted(person["attributes"].items())
    for text in standing.texts:
        yield "text", f"{output.local(text['started_at'], zone)}  {text['campaign']}  {text['status']}"
