"""How consents look."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from datetime import datetime
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from lumiere_sms.cli import output

if TYPE_CHECKING:
    from lumiere_sms.audience.consent_lists import ImportedConsents
    from lumiere_sms.audience.consents import Noted
    from lumiere_sms.audience.proof import Person, Proof
    from lumiere_sms.campaigns.launch import Launched
    from lumiere_sms.database.tenants import Tenant
    from lumiere_sms.tracking.link_refusals import LinkRefusal

_HASH_SHOWN = 16  # digits of a hash on a page; JSON has all


def show_noted(noted: "Noted", *, as_json: bool) -> None:
    """Show what an act came to."""
    if as_json:
        ids = [str(row["id"]) for row in noted.customers]
        output.print_json({"customers": ids, "holds": noted.holds, "outdated": noted.outdated})
        return
    count = output.counted(len(noted.customers), "customer")
    if noted.holds:
        output.say(f"noted for {count}: {', '.join(noted.holds)}")
    if noted.outdated:
        output.say(
            f"kept as proof, and changes nothing, since the contrary was said later: {', '.join(noted.outdated)}"
        )


def show_link(refusal: "LinkRefusal", *, as_json: bool) -> None:
    """Show what an opt-out link came to."""
    phone = output.phone(refusal.phone_number, show_phones=False)
    if as_json:
        output.print_json({"phone_number": phone, "is_new": refusal.is_new})
    else:
        output.say(
            f"{phone} is not texted any more" if refusal.is_new else f"{phone} refused before; nothing else was changed"
        )


def show_request(sent: "Launched | None", *, again: bool, as_json: bool) -> None:
    """Show whether a request was sent."""
    if as_json:
        output.print_json({"is_sent": sent is not None})
    elif sent is None and again:
        output.say("they were asked within the last day; ask again tomorrow")
    elif sent is None:
        output.say("they were asked already; --again asks once more")
    else:
        output.say("the request waits to be sent; their yes in answer is the consent")


def show_imported(imported: "ImportedConsents", *, as_json: bool) -> None:
    """Show what a list of consents came to."""
    if as_json:
        output.print_json(asdict(imported))
        return
    told = ("rows", "granted", "withdrawn", "known", "outdated")
    output.print_facts((name, f"{getattr(imported, name):,}") for name in told)
    if imported.dry_run:
        output.say("a dry run: nothing was changed")


def show_state(proof: "Proof", *, zone: str, show_phones: bool, as_json: bool) -> None:
    """Show what holds for each person, and since when."""
    if as_json:
        people = [{**_plain_person(each), "consents": list(_states(each))} for each in proof.people]
        output.print_json({**_plain_number(proof, show_phones=show_phones), "people": people})
        return
    columns = ("who", "purpose", "texts", "since", "how", "wording")
    rows = [_state(person, state, zone) for person in proof.people for state in _states(person)]
    output.print_table(columns, rows, empty="nobody has this number")
    if proof.suppression:
        output.say(f"the number is not texted: {_suppressed(proof.suppression, zone)}")


def show_proof(proof: "Proof", *, tenant: "Tenant", now: datetime, show_phones: bool, as_json: bool) -> None:
    """Print the page."""
    if as_json:
        output.print_json(_document(proof, show_phones=show_phones))
        return
    for line in _page(proof, tenant=tenant, now=now, show_phones=show_phones):
        output.print_wrapped(line)


def _states(person: "Person") -> Iterator[dict[str, Any]]:
    """Yield what holds of each purpose, and by what it has held since it last changed; None where nothing was noted."""
    for purpose in sorted({*person.holds, *(row["purpose"] for row in person.consents)}):
        said = [row for row in person.consents if row["purpose"] == purpose]
        turns = [next(alike) for _, alike in groupby(said, key=itemgetter("is_granted"))]
        about = {name: turns[-1][name] if turns else None for name in ("at", "source", "wording")}
        yield {"purpose": purpose, "texts": _word(person, purpose), **about}


def _state(person: "Person", state: Mapping[str, Any], zone: str) -> tuple[Any, ...]:
    since = output.local(state["at"], zone) or "not known"
    return _who(person), state["purpose"], state["texts"], since, state["source"], state["wording"]


def _word(person: "Person", purpose: str) -> str:
    if person.erased_at:
        return "erased"
    return "refused" if person.refused_at else "yes" if person.holds[purpose] else "no"


def _who(person: "Person") -> str:
    if person.erased_at:
        return f"erased {person.id.hex[-8:]}"
    return " ".join(part for part in (person.external_id, person.name) if part) or str(person.id)


def _page(proof: "Proof", *, tenant: "Tenant", now: datetime, show_phones: bool) -> Iterator[str]:
    zone = tenant.timezone
    yield f"Consent of {output.phone(proof.phone_number, show_phones=show_phones) or 'a person without a number'}"
    yield f"{tenant.name}, {output.local(now, zone)}"
    for person in proof.people:
        yield ""
        yield from _of_person(person, zone)
    yield ""
    yield f"Refusal of the number: {_suppressed(proof.suppression, zone) if proof.suppression else 'none'}"
    if proof.suppression and proof.suppression["entry"]:
        yield f"  {_entry(proof.suppression)}"
    yield ""
    yield f"Texts to the number: {len(proof.texts):,}"
    for text in proof.texts:
        yield from _of_text(text, zone)
    yield ""
    yield f"Answers from the number: {len(proof.answers):,}"
    for answer in proof.answers:
        yield f"  {output.local(answer['at'], zone)}  to {answer['sender']}, read as {answer['meaning']}"
        yield f"    {answer['body']}"


def _of_person(person: "Person", zone: str) -> Iterator[str]:
    yield f"{_who(person)}, id {person.id}"
    if person.erased_at:
        until = output.local(person.keep_until, zone)
        yield f"  erased {output.local(person.erased_at, zone)}; this is kept until {until}"
    if person.refused_at:
        yield f"  refused all texts {output.local(person.refused_at, zone)}"
    for purpose in person.holds:
        if not any(row["purpose"] == purpose for row in person.consents):
            yield f"  {purpose}: {'yes' if person.holds[purpose] else 'no'}; nothing was noted of it"
    for row in person.consents:
        yield from _of_consent(row, zone)


def _of_consent(row: Mapping[str, Any], zone: str) -> Iterator[str]:
    did = "agreed to" if row["is_granted"] else "said no to"
    yield f"  {output.local(row['at'], zone)}  {did} {row['purpose']} texts, by {row['source']}"
    if row["wording"]:
        yield f'    in these words: "{row["wording"]}"'
    if row["evidence"]:
        yield f"    proof: {_evidence(row['evidence'])}"
    elif row["had_evidence"]:
        yield "    its proof was erased"
    yield f"    noted {output.local(row['recorded_at'], zone)}, SHA-256 {_short(row['hash'])}{_altered(row)}"
    yield f"    {_entry(row)}"


def _evidence(evidence: Mapping[str, Any]) -> str:
    """Write what proves a consent: where the paper is, or which answer it was."""
    if "body" in evidence:
        return f'they wrote "{evidence["body"]}"'
    return ", ".join(value if name == "note" else f"{name} {value}" for name, value in sorted(evidence.items()))


def _of_text(text: Mapping[str, Any], zone: str) -> Iterator[str]:
    yield (
        f"  {output.local(text['at'], zone)}  {text['campaign'] or 'erased'} ({text['type'] or '?'}),"
        f" from {text['sender']} by {text['provider']}: {text['outcome'] or 'not known'}"
    )
    if text["text"]:
        yield f"    {text['text']}"
    for each in text["receipts"] or ():
        yield f"    {output.local(datetime.fromisoformat(each['at']), zone)}  {each['status']}"


def _altered(row: Mapping[str, Any]) -> str:
    return "" if row["is_whole"] else ": IT IS NOT WHAT WAS WRITTEN"


def _entry(row: Mapping[str, Any]) -> str:
    if row["entry"] is None:
        return "no entry of the audit log covers it"
    return f"entry {row['entry']:,} of the audit log, {_short(row['entry_hash'])}"


def _short(digest: bytes | None) -> str:
    return f"{bytes(digest).hex()[:_HASH_SHOWN]}…" if digest else "without a hash"


def _suppressed(suppression: Mapping[str, Any], zone: str) -> str:
    note = f" ({suppression['note']})" if suppression["note"] else ""
    since = output.local(suppression["created_at"], zone)
    return f"{suppression['reason']} since {since}, by {suppression['source']}{note}"


def _plain_number(proof: "Proof", *, show_phones: bool) -> dict[str, Any]:
    suppression = _plain(proof.suppression) if proof.suppression else None
    if suppression:
        suppression["phone_number"] = output.phone(proof.phone_number, show_phones=show_phones)
    return {"phone_number": output.phone(proof.phone_number, show_phones=show_phones), "suppression": suppression}


def _plain_person(person: "Person") -> dict[str, Any]:
    return {**asdict(person), "consents": [_plain(row) for row in person.consents]}


def _plain(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: bytes(value).hex() if isinstance(value, bytes) else value for name, value in row.items()}


def _document(proof: "Proof", *, show_phones: bool) -> dict[str, Any]:
    people = [_plain_person(each) for each in proof.people]
    numbered = _plain_number(proof, show_phones=show_phones)
    return {**numbered, "people": people, "texts": list(map(_plain, proof.texts)), "answers": list(proof.answers)}
