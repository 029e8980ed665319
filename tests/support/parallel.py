"""How the suite is shared out over processes."""

import math
import os

from xdist.scheduler import LoadScopeScheduling

MOST = 8
TIMED = ("tests/crash/", "tests/daemon/")


class FoldersOfTheClock(LoadScopeScheduling):
    """Each test goes to whoever is free; those that live by the machine's clock follow one another, by folder."""

    def _split_scope(self, nodeid: str) -> str:
        return next((folder for folder in TIMED if nodeid.startswith(folder)), nodeid)


def processes() -> int:
    """Return how many: more than there are cores, since half of a test is waiting."""
    return min(MOST, math.ceil(1.5 * (os.cpu_count() or 1)))
