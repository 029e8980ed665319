from pathlib import Path

import pytest

from lumiere_sms.database.connection import Database
from lumiere_sms.database.tenants import choose_tenant, chosen_tenant, create_tenant, find_tenant, list_tenants
from lumiere_sms.errors import ConfigurationError, StateError


def test_a_tenant_that_is_created_is_found_and_listed(database: Database):
    made = create_tenant(database, "ginza", name="Salon Ginza", country="jp", currency="jpy", sender="+815012345678")

    assert find_tenant(database, "ginza") == made
    assert (made.country, made.currency) == ("JP", "JPY")
    assert [tenant.slug for tenant in list_tenants(database)] == ["default", "ginza"]


def test_a_tenant_without_a_name_is_called_by_its_slug(database: Database):
    assert create_tenant(database, "ginza").name == "ginza"


@pytest.mark.parametrize(
    ("values", "said"),
    [
        pytest.param({"slug": "Ginza 2"}, "is no slug", id="slug"),
        pytest.param({"country": "Japan"}, "is no country", id="country"),
        pytest.param({"country": "ZZ"}, "is no country", id="two letters that are no country"),
        pytest.param({"currency": "¥"}, "is no currency", id="currency"),
        pytest.param({"timezone": "Asia/Tokio"}, "is no time zone", id="time zone"),
    ],
)
def test_a_value_that_is_not_one_is_refused(database: Database, values: dict, said: str):
    with pytest.raises(ConfigurationError, match=said) as caught:
        create_tenant(database, **{"slug": "ginza", **values})

    assert caught.value.hint


def test_a_time_zone_that_is_nearly_right_is_guessed(database: Database):
    with pytest.raises(ConfigurationError) as caught:
        create_tenant(database, "ginza", timezone="Asia/Tokio")

    assert caught.value.hint == 'did you mean "Asia/Tokyo"?'


def test_a_slug_is_taken_once(database: Database):
    with pytest.raises(StateError, match='a tenant "default" already'):
        create_tenant(database, "default")


def test_a_sender_belongs_to_one_tenant(database: Database):
    create_tenant(database, "ginza", sender="+815012345678")

    with pytest.raises(StateError, match='the sender of the tenant "ginza"'):
        create_tenant(database, "ueno", sender="+815012345678")


def test_the_chosen_tenant_is_written_down(database: Database, tmp_path: Path):
    assert chosen_tenant(tmp_path) == ""

    choose_tenant(database, "default", data_dir=tmp_path / "new")

    assert chosen_tenant(tmp_path / "new") == "default"


def test_a_tenant_that_does_not_exist_is_not_chosen(database: Database, tmp_path: Path):
    with pytest.raises(StateError, match='no tenant "nix"'):
        choose_tenant(database, "nix", data_dir=tmp_path)

    assert chosen_tenant(tmp_path) == ""


def test_a_folder_that_takes_no_file_is_said(database: Database, tmp_path: Path):
    (tmp_path / "file").write_text("")

    with pytest.raises(ConfigurationError, match="cannot be written") as caught:
        choose_tenant(database, "default", data_dir=tmp_path / "file")

    assert "LUMIERE_SMS_TENANT=default" in caught.value.hint
