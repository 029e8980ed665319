"""How a tenant's rules are shown: what holds for each type of campaign, its own word or what is so without one."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from lumiere_sms.cli import output

if TYPE_CHECKING:
    from lumiere_sms.database.tenants import Tenant
    from lumiere_sms.definitions.tenant_rules import TenantRules


def show(tenant: "Tenant", *, as_json: bool) -> None:
    """Print the rules of a tenant."""
    from lumiere_sms.definitions.tenant_rules import TenantRules

    rules = TenantRules.from_payload(tenant.rules)
    windows = list(_windows(rules))
    if as_json:
        about = {
            name: getattr(tenant, name) for name in ("slug", "name", "legal_name", "timezone", "country", "currency")
        }
        by_type = {row["type"]: {name: row[name] for name in ("window", "is_own", "ever_opens")} for row in windows}
        output.print_json({**about, "rules": rules.payload(), "windows": by_type})
        return
    legal_name = tenant.legal_name or "not known: lumiere-sms tenant set --legal-name"
    named = [("name", tenant.name), ("formal name", legal_name), ("timezone", tenant.timezone)]
    output.print_facts([*named, *_facts(rules)])
    output.print_table(
        ("type", "when its texts leave", "said by"),
        ((row["type"], _shown(row), "you" if row["is_own"] else "the package") for row in windows),
    )


def _windows(rules: "TenantRules") -> Iterator[dict[str, Any]]:
    """Yield when the texts of each type leave where a campaign says nothing of it."""
    from lumiere_sms.campaigns.tenant_rules import KINDS, may_leave, of_kind

    for kind in KINDS:
        windows = [*map(str, of_kind(kind, rules).windows().windows)] or None
        about = {"is_own": kind in rules.windows, "ever_opens": may_leave(kind, rules)}
        yield {"type": kind, "window": windows, **about}


def _shown(row: Mapping[str, Any]) -> str:
    windows = ", ".join(row["window"] or ()) or "any time that is not quiet"
    return windows if row["ever_opens"] else f"never: {windows} is quiet"


def _stretches(days: Sequence[str]) -> Iterator[str]:
    """Yield days that follow each other as one stretch."""
    stretch: list[date] = []
    for day in map(date.fromisoformat, days):
        if stretch and day != stretch[-1] + timedelta(days=1):
            yield _stretch(stretch)
            stretch = []
        stretch.append(day)
    if stretch:
        yield _stretch(stretch)


def _stretch(days: Sequence[date]) -> str:
    return f"{days[0]}" if len(days) == 1 else f"{days[0]}..{days[-1]}"


def _facts(rules: "TenantRules") -> Iterator[tuple[str, str]]:
    from lumiere_sms.campaigns.tenant_rules import of_kind
    from lumiere_sms.definitions.values import duration_text
    from lumiere_sms.schedule.days import WEEKDAYS

    yield "quiet hours", of_kind("blast", rules).quiet_hours or ""
    closed = [f"{WEEKDAYS[number - 1]}s" for number in rules.closed_weekdays or ()]
    yield "closed", ", ".join([*closed, *_stretches(rules.closed_days)]) or "no days are named"
    yield "holidays", rules.holidays or "not named: where a campaign goes by them, its country's"
    yield "opt-out link", f"{rules.opt_out_url}…" if rules.opt_out_url else "none: texts have no {{ opt_out_url }}"
    yield "parts", f"at most {rules.max_parts} of a text" if rules.max_parts else "told when a text has more than 3"
    if rules.double_opt_in:
        yield "consent", "to advertising is confirmed by text (double opt-in)"
    if rules.opt_in_request:
        yield "request", rules.opt_in_request
    for kind, text in rules.answers.model_dump(exclude_none=True).items():
        yield f"answer to {kind}", text
    for data, kept in rules.retention.told() if rules.retention else ():
        yield f"{data} are kept", f"{kept.days:,} days"
    for kind, cap in rules.frequency_caps.items():
        then = "more wait" if cap.then == "postpone" else "more are left out"
        yield f"{kind} cap", f"{cap.most} to one person per {duration_text(cap.within)}; {then}"
