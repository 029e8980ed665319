"""`lumiere-sms verify`: the proofs, for anybody to run."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lumiere_sms.cli import output
from lumiere_sms.cli.output import AsJson

if TYPE_CHECKING:
    from lumiere_sms.verification.crash import CrashProof
    from lumiere_sms.verification.failover import FailoverProof
    from lumiere_sms.verification.pace import PaceProof

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    help="The proofs: nobody gets two texts and nobody is lost, on a scratch database.",
)

FAILED = 1  # exit code


@app.callback()
def verify() -> None:
    """Make a scratch database beside yours, drop it at the end. No text leaves this machine."""


@app.command()
def crash(  # noqa: PLR0913 - each is an option of the command line
    context: typer.Context,
    *,
    texts: Annotated[int, typer.Option(min=1, max=1_000_000, help="How many texts.")] = 3000,
    kills: Annotated[int, typer.Option(min=1, max=100_000, help="How many daemons are killed.")] = 200,
    daemons: Annotated[int, typer.Option(min=1, max=32, help="How many run at a time.")] = 3,
    seed: Annotated[int, typer.Option(help="Runs with one seed kill and fail alike, but for their timing.")] = 0,
    speed: Annotated[
        float, typer.Option(min=1, max=20, help="How fast time runs for leases and looks; 1 is real time.")
    ] = 10.0,
    keep: Annotated[
        Path | None, typer.Option(help="A folder for the daemons' logs; keeps the scratch database too.")
    ] = None,
    naive: Annotated[bool, typer.Option("--naive", hidden=True)] = False,
    as_json: AsJson = False,
) -> None:
    """Kill daemons while they text, then read the provider's log: nobody twice, nobody lost.

    Real daemons send to a local stand-in that loses answers; they are killed at
    random and where a protocol breaks, frozen, and cut off from the database.
    Ends with 0 only if nobody got two texts and nobody was lost.

    Example: lumiere-sms verify crash --texts 3000 --kills 200 --daemons 3
    """
    from lumiere_sms.verification.crash import CrashPlan, prove_crash

    plan = CrashPlan(texts, kills, daemons, seed, speed, is_naive=naive, keep=keep)
    with output.progress("kills, then texts", quiet=as_json) as progress:
        proof = prove_crash(context.obj.settings, plan, progress=progress, say=output.say)
    _show_crash(proof, as_json=as_json)
    raise typer.Exit(0 if proof.holds else FAILED)


@app.command()
def pace(
    context: typer.Context,
    *,
    daemons: Annotated[int, typer.Option(min=1, max=32, help="How many send at a time.")] = 4,
    per_second: Annotated[float, typer.Option(min=0.2, max=500, help="The sender's pace, in parts.")] = 20.0,
    seconds: Annotated[float, typer.Option(min=1, max=3600, help="How long they send, about.")] = 20.0,
    as_json: AsJson = False,
) -> None:
    """Let daemons send as fast as they may, then look at every window of time.

    Shows the fullest window of each length: how many parts left in it, and how
    many may. Ends with 0 only if none held more than its share.

    Example: lumiere-sms verify pace --daemons 4 --per-second 20
    """
    from lumiere_sms.verification.pace import PacePlan, prove_pace

    plan = PacePlan(daemons, per_second, seconds)
    with output.progress("texts", quiet=as_json) as progress:
        proof = prove_pace(context.obj.settings, plan, progress=progress)
    _show_pace(proof, as_json=as_json)
    raise typer.Exit(0 if proof.holds else FAILED)


@app.command()
def failover(
    context: typer.Context,
    *,
    texts: Annotated[int, typer.Option(min=8, max=100_000, help="How many texts.")] = 300,
    per_second: Annotated[float, typer.Option(min=0.2, max=500, help="The pace of each sender, in parts.")] = 10.0,
    as_json: AsJson = False,
) -> None:
    """Let the first of two providers die while it texts; see when the other takes over.

    Shows how long it took to find out and to switch, and who got what. Ends with
    0 only if nobody got two texts, nobody was lost, and it took less than 5
    seconds at 5 texts a second and more, less than 30 below.

    Example: lumiere-sms verify failover --texts 300 --per-second 10
    """
    from lumiere_sms.verification.failover import FailoverPlan, prove_failover

    with output.progress("texts", quiet=as_json) as progress:
        proof = prove_failover(context.obj.settings, FailoverPlan(texts, per_second), progress=progress)
    _show_failover(proof, as_json=as_json)
    raise typer.Exit(0 if proof.holds else FAILED)


def _show_crash(proof: "CrashProof", *, as_json: bool) -> None:
    if as_json:
        output.print_json(proof)
        return
    verdict = proof.verdict
    output.print_facts(
        [
            ("texts", verdict.texts),
            ("requests", proof.requests),
            ("accepted by the provider", verdict.accepted),
            ("daemons killed", sum(proof.kills.values())),
            *((f"  {moment}", count) for moment, count in sorted(proof.kills.items())),
            ("daemons frozen for two leases", proof.freezes),
            ("database connections cut", proof.cuts),
            *((f"daemons that ended by themselves ({code})", count) for code, count in sorted(proof.ended.items())),
            ("duplicates", verdict.duplicates),
            ("lost", verdict.lost),
            ("unknown", verdict.unknown),
            ("reconciled", verdict.found + verdict.absent),
            ("  found, so not sent again", verdict.found),
            ("  proved absent, so sent", verdict.absent),
            ("seconds", proof.seconds),
        ]
    )
    for words in proof.words:
        output.say(words)


def _show_pace(proof: "PaceProof", *, as_json: bool) -> None:
    if as_json:
        output.print_json(proof)
        return
    columns = ("window", ">most parts", ">allowed", "")
    cells = ((each, "" if each.holds else "too many") for each in proof.windows)
    rows = [(f"{each.seconds:g} s", each.parts, f"{each.allowed:g}", remark) for each, remark in cells]
    output.print_table(columns, rows)
    output.print_facts(
        [
            ("texts", proof.texts),
            ("parts", proof.parts),
            ("parts per second", f"{proof.reached:.2f} of {proof.plan.parts_per_second:g}"),
        ]
    )


def _show_failover(proof: "FailoverProof", *, as_json: bool) -> None:
    if as_json:
        output.print_json(proof)
        return
    output.print_facts(
        [
            ("texts", proof.verdict.texts),
            ("through the first provider", proof.first),
            ("through the second", proof.second),
            ("found out after", _seconds(proof.detected)),
            ("switched after", f"{_seconds(proof.switched)}, of {proof.allowed:g} s that it may take"),
            ("duplicates", proof.verdict.duplicates),
            ("lost", proof.verdict.lost),
            ("unknown", proof.verdict.unknown),
        ]
    )


def _seconds(seconds: float | None) -> str:
    return "never" if seconds is None else f"{seconds:.2f} s"
