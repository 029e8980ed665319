import re

import pytest

from lumiere_sms.audience.fields import FIELDS, Operator
from lumiere_sms.cli.guide import TOPICS, read_topic
from lumiere_sms.definitions.entries import SECTIONS
from lumiere_sms.definitions.reading import read_definitions
from lumiere_sms.definitions.schema import definitions_schema
from lumiere_sms.errors import DefinitionError


@pytest.fixture
def guide(checkout):
    return (checkout / "lumiere_sms/guide/definitions.md").read_text(encoding="utf-8")


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("topic", TOPICS)
def test_each_example_of_the_guide_is_valid(topic, tmp_path):
    blocks = re.findall(r"```yaml\n(.*?)```", read_topic(topic), re.DOTALL)
    examples = [block for block in blocks if re.search(rf"^(?:{'|'.join(SECTIONS)}):", block, re.MULTILINE)]

    for number, example in enumerate(examples):
        (tmp_path / f"{number}.yaml").write_text(example, encoding="utf-8")
        read_definitions([tmp_path / f"{number}.yaml"])

    assert topic != "definitions" or len(examples) >= 6


def test_the_problems_that_the_guide_shows_are_what_is_told(guide, tmp_path):
    (shown,) = re.findall(r"```text\n(.*?)```", guide, re.DOTALL)
    (tmp_path / "campaigns.yaml").write_text(
        "campaigns:\n  spring:\n    segmnet: lapsed\n    window: 09:00-25:00\n    message: Hi\n", encoding="utf-8"
    )

    with pytest.raises(DefinitionError) as caught:
        read_definitions([tmp_path.joinpath("campaigns.yaml").relative_to(tmp_path)])

    assert f"{caught.value}\n" == shown


def test_the_guide_names_every_key_field_and_operator():
    schema = definitions_schema()["$defs"]
    properties = [pair for one in schema.values() for pair in one.get("properties", {}).items()]
    keys = {key for key, about in properties if key.islower() and not about.get("doNotSuggest")}
    guide = "".join(map(read_topic, TOPICS))

    words = (keys - {"name"}) | set(FIELDS) | set(Operator)
    assert [word for word in sorted(words) if not re.search(rf"(?<!\w){word}(?:`|:)", guide)] == []
