"""Run the benchmarks and print each figure beside its floor and its goal (PERFORMANCE.md); asserts nothing.

    python tests/benchmarks/run.py [NAME …] [--rows N] [--runs N] [--database URL] [--json]

Names: sending, queues, daemons, claims, launch, plan, import, segments, startup, simulate, audit, refusals,
law; all of them unless named.
The database is an embedded PostgreSQL in a temporary folder with its default settings, durable, or the server at URL,
where databases are made and dropped. What sends needs nginx: apt-get install --no-install-recommends nginx-light;
where a call takes its time, libnginx-mod-http-echo too; the queues, pip install 'celery[redis]' procrastinate and
redis-server.
"""

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from importlib import import_module

from measuring import Figure
from server import open_server

MODULES = {
    "sending": "sending",
    "queues": "queues",
    "daemons": "daemons",
    "claims": "claims",
    "launch": "launch",
    "plan": "plan",
    "import": "imports",
    "segments": "segments",
    "startup": "startup",
    "simulate": "simulate",
    "audit": "audit",
    "refusals": "refusals",
    "law": "law",
}
MARKS = {True: "met", False: "missed", None: ""}
WIDTHS = (9, 36, 11, 9, 9, 6)
HEADERS = ("benchmark", "what", "unit", "figure", "floor", "ratio")


def main() -> None:
    """Measure what is asked for and print it as it comes."""
    options = _options()
    figures = _measured(options)
    if options.json:
        _say(json.dumps([figure.as_json() for figure in figures], indent=2, ensure_ascii=False))
        return
    _say(f"{_columns(HEADERS)} goal")
    for figure in figures:
        _say(_line(figure))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(MODULES))
    parser.add_argument("--rows", type=int, default=0, help="texts, recipients or customers; each has its own default")
    parser.add_argument("--runs", type=int, default=3, help="turns that product and floor take (default: 3)")
    parser.add_argument(
        "--database", default="", metavar="URL", help="a server whose databases may be made and dropped"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON array")
    options = parser.parse_args()
    if unknown := set(options.names) - MODULES.keys():
        parser.error(f"there is no benchmark {min(unknown)}; there are {', '.join(MODULES)}")
    return options


def _measured(options: argparse.Namespace) -> Iterator[Figure]:
    with open_server(options.database) as server:
        for name in options.names or MODULES:
            sys.stderr.write(f"measuring {name} …\n")
            yield from import_module(MODULES[name]).measure(server, rows=options.rows, runs=options.runs)


def _line(figure: Figure) -> str:
    ratio, floor = figure.ratio, figure.floor
    shown = (figure.benchmark, figure.what, figure.unit, _number(figure.value), _number(floor), _number(ratio))
    goal = f"{figure.goal.text}: {MARKS[figure.is_met]}" if figure.goal else ""
    return f"{_columns(shown)} {goal}{f'  (floor: {figure.floor_is})' if figure.floor_is else ''}".rstrip()


def _columns(cells: Sequence[str]) -> str:
    left = (f"{cell:<{width}}" for cell, width in zip(cells[:3], WIDTHS[:3], strict=True))
    right = (f"{cell:>{width}}" for cell, width in zip(cells[3:], WIDTHS[3:], strict=True))
    return " ".join((*left, *right))


def _number(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:,.0f}" if value >= 1000 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
