import re

import pytest

from lumiere_sms.audience.fields import FIELDS, Operator
from lumiere_sms.definitions.models import CampaignDefinition, DefaultsDefinition, SegmentDefinition, TemplateDefinition
from lumiere_sms.definitions.reading import read_definitions
from lumiere_sms.errors import DefinitionError


@pytest.fixture
def guide(checkout):
    return (checkout / "lumiere_sms/guide/definitions.md").read_text(encoding="utf-8")


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def test_each_example_of_the_guide_is_valid(guide, tmp_path):
    examples = re.findall(r"```yaml\n(.*?)```", guide, re.DOTALL)

    for number, example in enumerate(examples):
        (tmp_path / f"{number}.yaml").write_text(example, encoding="utf-8")
        read_definitions([tmp_path / f"{number}.yaml"])

    assert len(examples) >= 6


def test_the_problems_that_the_guide_shows_are_what_is_told(guide, tmp_path):
    (shown,) = re.findall(r"```text\n(.*?)```", guide, re.DOTALL)
    (tmp_path / "campaigns.yaml").write_text(
        "campaigns:\n  spring:\n    segmnet: lapsed\n    window: 09:00-25:00\n    message: Hi\n", encoding="utf-8"
    )

    with pytest.raises(DefinitionError) as caught:
        read_definitions([tmp_path.joinpath("campaigns.yaml").relative_to(tmp_path)])

    assert f"{caught.value}\n" == shown


def test_the_guide_names_every_key_field_and_operator(guide):
    models = (TemplateDefinition, SegmentDefinition, CampaignDefinition, DefaultsDefinition)
    words = {name for model in models for name in model.model_fields} | set(FIELDS) | set(Operator)

    assert [word for word in sorted(words - {"name"}) if f"`{word}`" not in guide] == []
