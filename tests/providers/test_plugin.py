import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from support.loft import Loft, PigeonWorld, open_loft
from support.processes import environment, other_side_of_the_clock, run
from support.seeds import phone, seed_campaign

from lumiere_sms.errors import ConfigurationError
from lumiere_sms.providers import registry
from lumiere_sms.settings import Settings
from lumiere_sms.testing.contract import CHECKS

EXAMPLE = Path(__file__).parent / "example_plugin"
PRICES = '[pigeon]\nas_of = 2026-11-01\ncurrency = "USD"\ndefault = "0.5"\n[pigeon.countries]\n'


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example, installed as a package: python3 brings the pip that a lean environment lacks."""
    folder = tmp_path_factory.mktemp("site")
    options = ["--quiet", "--no-deps", "--no-index", "--no-build-isolation", "--disable-pip-version-check"]
    command = ["python3", "-m", "pip", "--python", sys.executable, "install", *options, "--target", str(folder)]
    subprocess.run([*command, str(EXAMPLE)], check=True, capture_output=True, text=True)
    return folder


@pytest.fixture
def plugin(installed: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.syspath_prepend(str(installed))
    return installed


@pytest.fixture
def loft() -> Iterator[Loft]:
    with open_loft() as loft:
        yield loft


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_a_provider_of_another_package_keeps_the_contract(check, plugin, loft):
    asyncio.run(check(PigeonWorld(loft)))


def test_it_stands_beside_ours_and_says_its_pace_and_sender_itself(plugin, monkeypatch):
    monkeypatch.setenv("PIGEON_RING", "ring-7")
    settings = Settings.read({})

    assert registry.provider_names()[-1] == "pigeon"
    assert registry.plain_pace("pigeon") == 0.5
    assert registry.default_sender("pigeon", settings) == "ring-7"
    assert "pigeon" in registry.sender_hint("pigeon")
    with pytest.raises(ConfigurationError, match="PIGEON_LOFT is not set"):
        registry.make_provider("pigeon", settings)


@pytest.mark.parametrize(
    ("target", "said"),
    [
        pytest.param("pigeon_post.nowhere:It", "cannot be imported: No module", id="no module"),
        pytest.param("pigeon_post.provider:Nobody", "cannot be imported", id="no class"),
        pytest.param("pigeon_post.provider:json", "not a class that keeps the contract", id="something else"),
        pytest.param("lumiere_sms.providers.console:ConsoleProvider", 'calls itself "console"', id="another's name"),
    ],
)
def test_an_entry_point_that_leads_nowhere_is_told(plugin, tmp_path, monkeypatch, target, said):
    described = tmp_path / "broken-1.0.dist-info"
    described.mkdir()
    (described / "METADATA").write_text("Name: broken\nVersion: 1.0\n")
    (described / "entry_points.txt").write_text(f"[{registry.GROUP}]\nbroken = {target}\n")
    monkeypatch.syspath_prepend(str(tmp_path))

    with pytest.raises(ConfigurationError, match=said):
        registry.make_provider("broken", Settings.read({}))


def test_the_command_texts_through_it(database, database_url, user_id, installed, loft, tmp_path):
    seed_campaign(database, user_id, now=datetime.now(UTC), texts=2, quiet_hours=other_side_of_the_clock())
    prices = tmp_path / "prices.toml"
    prices.write_text(PRICES)
    more = {
        "PYTHONPATH": os.pathsep.join((str(installed), os.environ.get("PYTHONPATH", ""))),
        "PIGEON_LOFT": loft.address,
        "PIGEON_RING": "ring-7",
        "LUMIERE_SMS_PROVIDER": "pigeon",
        "LUMIERE_SMS_PARTS_PER_SECOND": "100",
        "LUMIERE_SMS_PRICES": str(prices),
    }

    done = run("run", "--once", env=environment(tmp_path, database_url=database_url, **more))

    assert done.returncode == 0, done.stderr
    assert sorted(text["to"] for text in loft.texts) == [phone(0), phone(1)], done.stderr
