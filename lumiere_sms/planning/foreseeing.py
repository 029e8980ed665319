"""What a standing campaign is expected to send in the next days: a sequence step by step, reminders by appointment.

Of the people as they are now, by the functions that take them in: who enters a sequence, or makes an appointment, later
is not known yet; nor is who will reply, visit or leave, so everybody is taken to go on to the last step.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, LiteralString
from uuid import UUID
from zoneinfo import ZoneInfo

from lumiere_sms.audience.caps import Cap
from lumiere_sms.audience.eligibility import Among, audience_query
from lumiere_sms.campaigns.days import Day
from lumiere_sms.campaigns.enrolling import newcomers, rounded_up
from lumiere_sms.campaigns.freezing import Frozen, Person, Prices, Recipe, Row, Tally, audience_batches
from lumiere_sms.campaigns.habits import answers_of, with_habit
from lumiere_sms.campaigns.reminding import foresee_reminders
from lumiere_sms.campaigns.stepping import PASSING, judged
from lumiere_sms.campaigns.writing import Content
from lumiere_sms.database.connection import Connection
from lumiere_sms.database.tenants import Tenant
from lumiere_sms.definitions.models import CampaignDefinition
from lumiere_sms.providers.prices import country_of
from lumiere_sms.schedule.appointments import midnight_after

DAYS = 7
NIL = UUID(int=0)


@dataclass(frozen=True, slots=True)
class ExpectedDay:
    """What one local day of a standing campaign is expected to bring; `steps` counts texts by their step."""

    day: date
    texts: int
    parts: int
    cost: Decimal
    steps: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Foreseen:
    """What the next days bring: all that was counted, by a recipe of the campaign's windows, and by day."""

    recipe: Recipe
    tally: Tally
    days: tuple[ExpectedDay, ...]


class Foresight:
    """Looks ahead for one standing campaign; `campaign_id` is None for one that is not there yet."""

    def __init__(
        self,
        connection: Connection,
        tenant: Tenant,
        definition: CampaignDefinition,
        *,
        content: Content,
        target: Mapping[str, Any],
        campaign_id: UUID | None,
        prices: Prices,
    ) -> None:
        self._connection = connection
        self._tenant = tenant
        self._definition = definition
        self._content = content
        self._target = target
        self._campaign_id = campaign_id or NIL
        self._prices = prices
        self._zone = ZoneInfo(definition.timezone)
        self._texts: list[tuple[str, Frozen]] = []
        self._tally = Tally()
        self._written: set[tuple[str, datetime | None]] = set()
        self._gone: defaultdict[UUID, list[datetime]] = defaultdict(list)

    def look(self, start: datetime) -> Foreseen:
        """Say what the days from `start` on bring."""
        if self._definition.type == "reminder":
            for day in self._days(start):
                self._count("", self._reminders(day))
        else:
            self._steps(start)
        recipe = self._recipe(self._definition, self._first_content(), start)
        return Foreseen(recipe, self._tally, tuple(self._by_day(start)))

    def _days(self, start: datetime) -> Iterator[Day]:
        """Yield the next days, as they will be when they are open."""
        opens = start
        for _ in range(DAYS):
            until = midnight_after(opens, self._zone)
            yield Day(
                self._tenant.id,
                NIL,
                self._campaign_id,
                name=self._definition.name,
                occurs_at=opens,
                open_until=until,
                since=opens,
                now=opens,
                definition=self._definition,
            )
            opens = until

    def _reminders(self, day: Day) -> Iterator[Frozen]:
        about: dict[str, Any] = {"content": self._content, "target": self._target, "written": self._written}
        return foresee_reminders(self._connection, self._tenant, day, **about, tally=self._tally)

    def _steps(self, start: datetime) -> None:
        """Follow everybody from the step that they are at."""
        days = list(self._days(start))
        until, first = days[-1].open_until, (self._definition.steps or ())[0].after
        waiting: dict[int, dict[UUID, datetime]] = defaultdict(dict)
        at = rounded_up(start + first) if first else start
        waiting[1] = dict.fromkeys(newcomers(self._connection, self._tenant, days[0], target=self._target), at)
        for row in self._connection.execute(_UNDER_WAY, {**days[0].binds, "until": until}):
            waiting[row["steps_done"] + 1][row["customer_id"]] = max(row["next_at"], start)
        for number in range(1, len(self._definition.steps or ()) + 1):
            self._step(number, {who: at for who, at in waiting[number].items() if at < until}, waiting, until)

    def _step(
        self, number: int, people: Mapping[UUID, datetime], waiting: dict[int, dict[UUID, datetime]], until: datetime
    ) -> None:
        """Count one step of some people, and have them wait for the next."""
        steps = self._definition.steps or ()
        definition = self._definition.of_step(number)
        name, content = list(self._contents().items())[number - 1]
        recipe = self._recipe(definition, content, min(people.values(), default=until))
        after = steps[number].after if number < len(steps) else None
        for wish, rows in self._rows(people, recipe).items():
            answers = answers_of(self._connection, self._tenant.id, rows, recipe=recipe)
            own = Tally()
            texts, reasons = judged(rows, replace(recipe, wish=wish), own, answers=answers)
            self._tally.matched += own.matched
            self._tally.exclusions += own.exclusions
            self._count(name, [text for text in texts.values() if text.send_after < until])
            gone = {who: text.send_after for who, text in texts.items()}
            for who, at in gone.items():
                self._gone[who].append(at)
            passed_over = {who: wish for who, reason in reasons.items() if reason.startswith(PASSING)}
            for who, at in (gone | passed_over).items():
                waiting[number + 1][who] = rounded_up(at + after) if after else at

    def _rows(self, people: Mapping[UUID, datetime], recipe: Recipe) -> Mapping[datetime, list[Row]]:
        """Return what the audience query says of people, by when their step is wished for."""
        alike: defaultdict[int, list[UUID]] = defaultdict(list)
        for who in people:
            alike[len(self._gone[who])].append(who)
        rows: defaultdict[datetime, list[Row]] = defaultdict(list)
        for steps, some in alike.items():
            query = audience_query(
                self._connection,
                self._tenant.id,
                target={},
                campaign_type=self._definition.type,
                today=recipe.wish.astimezone(ZoneInfo(self._tenant.timezone)).date(),
                among=Among("customers.id = ANY (%(people)s::uuid[])", {"people": some}),
                cap=_left_of(recipe.cap, steps),
            )
            for batch in audience_batches(self._connection, query, columns=recipe.columns):
                for row in batch:
                    rows[people[row[0]]].append(self._behind_steps(row, recipe.cap))
        return rows

    def _behind_steps(self, row: Row, cap: Cap | None) -> Row:
        """Have somebody wait behind the steps that they will have had, where these alone come up to a cap."""
        gone = self._gone[row[0]]
        if cap is None or len(gone) < cap.most:
            return row
        return (*row[:_CAPPED_UNTIL], gone[-cap.most] + cap.within, *row[_CAPPED_UNTIL + 1 :])

    def _recipe(self, definition: CampaignDefinition, content: Content, wish: datetime) -> Recipe:
        recipe = Recipe.of(definition, content, tenant=self._tenant, wish=wish)
        return with_habit(self._connection, self._tenant.id, recipe, definition=definition)

    def _contents(self) -> Mapping[str, Content]:
        return self._content.variants or {"": self._content}

    def _first_content(self) -> Content:
        return next(iter(self._contents().values()))

    def _count(self, step: str, texts: Iterable[Frozen]) -> None:
        tally = self._tally
        for each in texts:
            country, parts = country_of(each.phone_number), each.segments_used
            tally.kept[each.timezone, country, each.encoding, parts] += 1
            times = each.preferred_time, each.send_after, each.expires_at
            tally.waiting[each.timezone, country, *times, parts] += 1
            tally.most_parts[step] = max(parts, tally.most_parts.get(step, 0))
            self._texts.append((step, each))
            if (parts, len(each.personalized_content)) > tally.length_of_dearest:
                tally.dearest = each

    def _by_day(self, start: datetime) -> Iterator[ExpectedDay]:
        """Yield the days, by the clock of the campaign's zone, on which texts may go first."""
        found: defaultdict[date, list[tuple[str, Frozen]]] = defaultdict(list)
        for step, text in self._texts:
            found[text.send_after.astimezone(self._zone).date()].append((step, text))
        first = start.astimezone(self._zone).date()
        for day in sorted({first + timedelta(days=number) for number in range(DAYS)} | found.keys()):
            texts = [text for _, text in found[day]]
            cost = sum(
                (self._prices(country_of(each.phone_number)).amount * each.segments_used for each in texts), Decimal(0)
            )
            steps = Counter(step for step, _ in found[day] if step)
            yield ExpectedDay(day, len(texts), sum(each.segments_used for each in texts), cost, dict(steps))


def _left_of(cap: Cap | None, steps: int) -> Cap | None:
    """Return what a cap leaves to texts that have gone already, beside so many steps; None where that is nothing."""
    return replace(cap, most=cap.most - steps) if cap and steps < cap.most else None


_CAPPED_UNTIL = Person._fields.index("capped_until")
_UNDER_WAY: LiteralString = """
    SELECT customer_id, steps_done, next_at FROM enrolments
    WHERE user_id = %(user_id)s AND campaign_id = %(campaign_id)s AND left_at IS NULL AND next_at < %(until)s
"""
