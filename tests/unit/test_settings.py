from pathlib import Path

import pytest

from lumiere_sms.errors import ConfigurationError, DefinitionError
from lumiere_sms.settings import Settings, variable_of


def test_a_variable_is_read_and_given_its_type(tmp_path):
    settings = Settings.read(
        {
            "LUMIERE_SMS_DATA_DIR": str(tmp_path),
            "LUMIERE_SMS_SLOTS": "8",
            "LUMIERE_SMS_PARTS_PER_SECOND": "2.5",
            "DATABASE_URL": "postgresql://db/salon",
            "TWILIO_ACCOUNT_SID": "AC1",
        }
    )

    assert (settings.data_dir, settings.slots, settings.parts_per_second) == (tmp_path, 8, 2.5)
    assert (settings.database_url, settings.twilio_account_sid) == ("postgresql://db/salon", "AC1")


def test_an_empty_variable_is_as_good_as_none():
    assert Settings.read({"LUMIERE_SMS_SLOTS": ""}).slots == 64


def test_a_messaging_service_beats_a_number():
    both = {"LUMIERE_SMS_TWILIO_FROM": "+15005550006", "LUMIERE_SMS_TWILIO_MESSAGING_SERVICE_SID": "MG1"}

    assert Settings.read(both).sender_of("twilio") == "MG1"


@pytest.mark.parametrize(
    ("value", "said"),
    [
        pytest.param("many", 'LUMIERE_SMS_SLOTS is "many"; it must be a number', id="no number"),
        pytest.param("0", "greater than 0", id="zero"),
        pytest.param("-3", "greater than 0", id="negative"),
        pytest.param("2000000", "below 1,000,000", id="absurd"),
    ],
)
def test_a_value_that_makes_no_sense_is_refused(value, said):
    with pytest.raises(ConfigurationError, match=said):
        Settings.read({"LUMIERE_SMS_SLOTS": value})


def settings_file(folder: Path, text: str) -> dict[str, str]:
    path = folder / "settings.env"
    path.write_text(text, encoding="utf-8")
    return {"LUMIERE_SMS_SETTINGS": str(path)}


def test_a_settings_file_is_read_and_a_variable_beats_it(tmp_path):
    named = settings_file(tmp_path, '# ours\n\nLUMIERE_SMS_SLOTS=4\nLUMIERE_SMS_PROVIDER="console"\n')

    settings = Settings.read({**named, "LUMIERE_SMS_SLOTS": "16"})

    assert (settings.slots, settings.provider) == (16, "console")


def test_a_settings_file_in_the_working_folder_is_found(tmp_path, monkeypatch):
    (tmp_path / "lumiere-sms.env").write_text("LUMIERE_SMS_SLOTS=4\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)

    assert Settings.read({}).slots == 4


def test_every_bad_line_of_a_settings_file_is_told_with_its_place(tmp_path):
    named = settings_file(tmp_path, "LUMIERE_SMS_SLOT=4\nTWILIO_AUTH_TOKEN=hunter2\nnothing\n")

    with pytest.raises(DefinitionError) as caught:
        Settings.read(named)

    assert [(problem.line, problem.message) for problem in caught.value.problems] == [
        (1, 'unknown setting "LUMIERE_SMS_SLOT"; did you mean "LUMIERE_SMS_SLOTS"?'),
        (2, "TWILIO_AUTH_TOKEN is a secret and does not belong in a file; set it in the environment"),
        (3, "expected NAME=value"),
    ]
    assert "hunter2" not in str(caught.value)


def test_a_settings_file_that_is_not_there_is_told():
    with pytest.raises(ConfigurationError, match=r"nowhere\.env does not exist"):
        Settings.read({"LUMIERE_SMS_SETTINGS": "/nowhere.env"})


@pytest.mark.parametrize(
    ("name", "variable"),
    [("slots", "LUMIERE_SMS_SLOTS"), ("database_url", "DATABASE_URL"), ("twilio_auth_token", "TWILIO_AUTH_TOKEN")],
)
def test_a_setting_has_its_variable(name, variable):
    assert variable_of(name) == variable


def test_a_settings_file_that_is_not_utf_8_is_told(tmp_path):
    path = tmp_path / "settings.env"
    path.write_bytes("LUMIERE_SMS_TENANT=銀座".encode("shift_jis"))

    with pytest.raises(ConfigurationError, match=r"settings\.env is not UTF-8"):
        Settings.read({"LUMIERE_SMS_SETTINGS": str(path)})


def test_a_settings_file_that_cannot_be_read_is_told(tmp_path):
    path = tmp_path / "settings.env"
    path.symlink_to("/proc/self/mem")  # a file that not even root can read from its beginning

    with pytest.raises(ConfigurationError, match="cannot be read"):
        Settings.read({"LUMIERE_SMS_SETTINGS": str(path)})


def test_a_byte_order_mark_before_the_first_setting_does_no_harm(tmp_path):
    assert Settings.read(settings_file(tmp_path, "\ufeffLUMIERE_SMS_SLOTS=4\n")).slots == 4


def test_secrets_are_not_shown_where_settings_are(tmp_path):
    told = {"DATABASE_URL": "postgresql://me:open-sesame@db/x", "TWILIO_AUTH_TOKEN": "sesame-1"}

    settings = Settings.read({**told, "LUMIERE_SMS_SECRET": "sesame-2", "LUMIERE_SMS_DATA_DIR": str(tmp_path)})

    assert settings.secret == "sesame-2"
    assert "sesame" not in repr(settings)
