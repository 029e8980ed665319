"""What a daemon of a proof dies of, and when: known before it starts, so that a death can be planted in it."""

import json
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from random import Random
from typing import Self

PASSES = 5  # a death comes the first to the fifth time that its moment is passed
AFTER_WORK = 1.5  # seconds; a kill from outside falls this long after the first claim at most


class Moment(StrEnum):
    """Where a daemon is killed: from outside at any moment, or by its own hand at a named one."""

    ANY = "at a random moment"
    AFTER_CLAIM = "after the claim"
    BEFORE_ARM = "before the arm"
    IN_ARM = "inside the arm"
    AFTER_ARM = "after the arm"
    AFTER_CALL = "after the call"
    AFTER_SETTLE = "after the settlement"
    IN_RECONCILE = "inside reconcile"


@dataclass(frozen=True, slots=True)
class Fate:
    """How one daemon ends: at the `passes`-th pass of a moment, or `seconds` after its work began; None lives on."""

    moment: Moment | None = None
    passes: int = 1
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Orders:
    """What a daemon is told when it starts: its fate, how its clock runs, and the file that says it works."""

    fate: Fate
    speed: float
    since: datetime
    mark: Path

    def to_json(self) -> str:
        """Write them on a command line."""
        return json.dumps(asdict(self), default=str)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read them from a command line."""
        plain = json.loads(text)
        fate = plain["fate"]
        moment = Moment(fate["moment"]) if fate["moment"] else None
        since = datetime.fromisoformat(plain["since"])
        return cls(Fate(moment, fate["passes"], fate["seconds"]), plain["speed"], since, Path(plain["mark"]))


def draw_fates(kills: int, chance: Random) -> list[Fate]:
    """Draw how `kills` daemons end: half of them at any moment, the others at each named one as often."""
    named = [moment for moment in Moment if moment is not Moment.ANY]
    moments = [Moment.ANY if each % 2 else named[each // 2 % len(named)] for each in range(kills)]
    chance.shuffle(moments)
    return [_fate(moment, chance) for moment in moments]


def _fate(moment: Moment, chance: Random) -> Fate:
    return Fate(moment, passes=chance.randint(1, PASSES), seconds=chance.uniform(0, AFTER_WORK))
