import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import timedelta
from urllib.request import Request, urlopen
from uuid import uuid4

import pytest
from support.wire import closing

from lumiere_sms.providers.base import Message
from lumiere_sms.providers.registry import make_provider
from lumiere_sms.settings import Settings
from lumiere_sms.testing.twilio_faults import Fault

Serve = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def serve(tmp_path) -> Iterator[Serve]:
    started = []

    def start(*options: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "lumiere_sms", "sandbox", "serve", *options]
        pipe = subprocess.PIPE
        process = subprocess.Popen(
            command, stdout=pipe, stderr=pipe, text=True, cwd=tmp_path, env=os.environ | {"COLUMNS": "200"}
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def exports_of(process: subprocess.Popen[str], count: int = 5) -> dict[str, str]:
    lines = [process.stdout.readline().removeprefix("export ").strip() for _ in range(count)]
    return dict(line.split("=", 1) for line in lines)


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
def test_it_prints_what_to_export_serves_and_stops_when_told(serve, stop):
    process = serve("--port", "0")
    exports = exports_of(process)
    with urlopen(exports["LUMIERE_SMS_TWILIO_BASE_URL"] + "/_log") as answer:
        log = json.load(answer)
    process.send_signal(stop)
    _, said = process.communicate(timeout=20)

    assert log == []
    assert exports["TWILIO_ACCOUNT_SID"].startswith("AC")
    assert exports.keys() == {
        "LUMIERE_SMS_PROVIDER",
        "TWILIO_ACCOUNT_SID",
        "TWILIO_AUTH_TOKEN",
        "LUMIERE_SMS_TWILIO_BASE_URL",
        "LUMIERE_SMS_TWILIO_FROM",
    }
    assert process.returncode == 0
    assert "nothing leaves this machine" in said
    assert "stopped; 0 texts were accepted" in said


def test_it_speaks_for_aws_too_and_its_exports_lead_the_provider_there(serve, monkeypatch):
    process = serve("--provider", "aws", "--port", "0", "--latency", "1ms")
    exports = exports_of(process, count=6)
    for name, value in exports.items():
        monkeypatch.setenv(name, value)
    provider = make_provider(exports["LUMIERE_SMS_PROVIDER"], Settings.read())
    message = Message(uuid4(), "+819012345678", "default", "hello", timedelta(minutes=5))

    closing(provider, provider.submit(message))

    with urlopen(exports["AWS_ENDPOINT_URL"] + "/_log") as answer:
        assert [text["body"] for text in json.load(answer)] == ["hello"]
    with urlopen(Request(exports["AWS_ENDPOINT_URL"] + "/_log", method="DELETE")):
        pass
    with urlopen(exports["AWS_ENDPOINT_URL"] + "/_log") as answer:
        assert json.load(answer) == []


def test_every_option_is_understood(serve, tmp_path):
    process = serve(
        *("--host", "127.0.0.1", "--port", "0", "--log", "texts.jsonl", "--latency", "5ms", "--deliver-after", "2s"),
        *(
            "--fault",
            "cut_after=0.05",
            "--fault",
            "throttle=.1",
            "--fail-delivery",
            "0.02",
            "--list-lag",
            "1m",
            "--seed",
            "3",
        ),
    )
    exports_of(process)
    process.terminate()
    process.communicate(timeout=20)

    assert process.returncode == 0
    assert (tmp_path / "texts.jsonl").exists()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        pytest.param(
            ["--fault", "earthquake=1"], '"earthquake" is not a fault; there are throttle', id="no such fault"
        ),
        pytest.param(["--fault", "throttle"], "needs a probability", id="no probability"),
        pytest.param(["--fault", "throttle=1.5"], "needs a probability", id="a probability over 1"),
        pytest.param(["--fault", "throttle=.6", "--fault", "cut_after=.6"], "at most 1", id="more than everything"),
        pytest.param(["--latency", "5"], '"5" is not a time', id="a time without a unit"),
        pytest.param(["--port", "70000"], "65535", id="no such port"),
    ],
)
def test_a_wrong_option_is_told_in_a_sentence(serve, options, said):
    process = serve(*options)
    _, told = process.communicate(timeout=20)

    assert process.returncode == 2
    assert said in " ".join(told.replace("│", " ").split())


def test_a_port_that_is_taken_is_a_matter_of_configuration(serve):
    port = exports_of(serve("--port", "0"))["LUMIERE_SMS_TWILIO_BASE_URL"].rpartition(":")[2]
    second = serve("--port", port)
    _, told = second.communicate(timeout=20)

    assert second.returncode == 4
    assert f"cannot listen on 127.0.0.1:{port}" in told


def test_a_log_in_a_folder_that_does_not_exist_is_a_matter_of_configuration(serve):
    process = serve("--port", "0", "--log", "no/folder.jsonl")
    _, told = process.communicate(timeout=20)

    assert process.returncode == 4
    assert "cannot be written" in told


def test_the_guide_names_every_fault_and_every_option(serve, checkout):
    guide = (checkout / "lumiere_sms" / "guide" / "sandbox.md").read_text("utf-8")
    process = serve("--help")
    told, _ = process.communicate(timeout=20)

    assert {fault.value for fault in Fault} <= set(re.findall(r"`(\w+)`", guide))
    assert set(re.findall(r"--[a-z-]+", told)) - {"--help"} <= set(re.findall(r"--[a-z-]+", guide))
    assert {fault.value for fault in Fault} <= set(re.findall(r"\w+", told))


def test_the_guide_s_python_runs(checkout):
    guide = (checkout / "lumiere_sms" / "guide" / "sandbox.md").read_text("utf-8")
    (code,) = re.findall(r"```python\n(.*?)```", guide, flags=re.DOTALL)

    exec(compile(code, "sandbox.md", "exec"), {})


@pytest.mark.skipif(shutil.which("jq") is None, reason="no jq")
def test_the_guide_s_count_of_doubles_finds_them_and_takes_no_line_of_a_text_for_one(checkout, tmp_path):
    guide = (checkout / "lumiere_sms" / "guide" / "sandbox.md").read_text("utf-8")
    (line,) = re.findall(r"^    (jq .*)$", guide, flags=re.MULTILINE)
    texts = [{"phone": phone, "body": "Spring\nStop: s.example"} for phone in ("+819012345678", "+819012345679")]
    told = []
    for log in (texts, [*texts, texts[0]]):
        (tmp_path / "texts.jsonl").write_text("".join(f"{json.dumps(each)}\n" for each in log), "utf-8")
        told.append(subprocess.run(["bash", "-c", line], cwd=tmp_path, capture_output=True, check=True).stdout)

    assert told == [b"", b'["+819012345678","Spring\\nStop: s.example"]\n']
