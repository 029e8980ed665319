"""Import: a million customers from a CSV, end to end, against reading their phone numbers and nothing else.

Each number has to be parsed and checked against its country's numbering plan. The phonenumbers package is
what everybody does that with; its speed on one core, on the same numbers, is the floor of any import that is
written plainly. Memory must not grow with the list: the peak of the whole is told beside that of a tenth.
"""

import csv
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic
from typing import Any

from measuring import Figure, Finished, Goal, environment, run_process, run_side, turns
from server import Server

ROWS = 1_000_000
MOST_PARSED = 200_000  # numbers that the floor reads: its speed does not change
GOAL = Goal("≥ 30,000 rows/s", at_least=30_000)
FLAT = Goal("≤ 1.25 × that of a tenth", at_most=1.25)
HEADER = ("顧客番号", "姓", "名", "電話番号", "来店回数", "最終来店日", "売上", "担当")
FAMILIES = ("田中", "佐藤", "鈴木", "高橋", "伊藤", "渡辺", "山本")
PREFIXES = ("090", "080", "070")


def measure(server: Server, *, rows: int, runs: int) -> Iterator[Figure]:
    """Import `rows` people (a million unless told) in turns with the floor."""
    count = rows or ROWS
    empty = server.new_database()
    with TemporaryDirectory(prefix="benchmark-list-") as folder:
        whole, tenth = Path(folder) / "whole.csv", Path(folder) / "tenth.csv"
        _write(whole, count)
        _write(tenth, count // 10)
        found = turns(
            runs,
            lambda: _imported(server, empty, whole, count),
            lambda: run_side("imports", "parsed", str(whole)),
            lambda: _imported(server, empty, tenth, count // 10),
        )
    server.drop(empty)
    whole_runs, floors, tenth_runs = zip(*found, strict=True)
    rates = tuple(count / run.seconds for run in whole_runs)
    parsing = tuple(floor["rows"] / floor["seconds"] for floor in floors)
    yield Figure(
        "import", f"{count:,} customers", "rows/s", rates, parsing, "phonenumbers alone", GOAL, goal_is_of_value=True
    )
    peaks, small = (tuple(run.peak_mib for run in some) for some in (whole_runs, tenth_runs))
    yield Figure("import", "peak memory", "MiB", peaks, small, "a tenth of the list", FLAT)


def _imported(server: Server, empty: Any, file: Path, count: int) -> Finished:
    database = server.new_database(like=empty)
    command = [sys.executable, "-m", "lumiere_sms", "customer", "import", str(file), "--json"]
    finished = run_process(command, env=environment(DATABASE_URL=database.url))
    server.drop(database)
    if (created := json.loads(finished.said)["created"]) != count:
        raise SystemExit(f"{created} of {count} people were imported")
    return finished


def _write(file: Path, count: int) -> None:
    with file.open("w", encoding="utf-8", newline="") as out:
        rows = csv.writer(out)
        rows.writerow(HEADER)
        rows.writerows(_person(number) for number in range(count))


def _person(number: int) -> tuple[object, ...]:
    tail = 10_000_000 + number * 77 % 89_999_999
    phone = f"{PREFIXES[number % 3]}-{tail // 10_000:04d}-{tail % 10_000:04d}"
    day = f"2026-{1 + number % 12:02d}-{1 + number % 28:02d}"
    return f"C{number}", FAMILIES[number % 7], "花子", phone, number % 40, day, number % 900 * 110, f"S{number % 30}"


def parsed(file: str) -> dict[str, Any]:
    """Parse and validate the phone numbers of a list, on one core."""
    from phonenumbers import is_valid_number, parse  # noqa: PLC0415 - a side imports only what it measures

    with Path(file).open(encoding="utf-8", newline="") as lines:
        numbers = [row["電話番号"] for row, _ in zip(csv.DictReader(lines), range(MOST_PARSED), strict=False)]
    begun = monotonic()
    valid = sum(is_valid_number(parse(number, "JP")) for number in numbers)
    seconds = monotonic() - begun
    if valid != len(numbers):
        raise SystemExit(f"only {valid} of {len(numbers)} numbers are valid")
    return {"rows": valid, "seconds": seconds}
