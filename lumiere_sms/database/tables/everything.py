"""All tables at once, for who needs the whole schema."""

from sqlalchemy import MetaData

from lumiere_sms.database.tables.campaigns import SmsCampaign
from lumiere_sms.database.tables.columns import TableClass
from lumiere_sms.database.tables.engine import Daemon
from lumiere_sms.database.tables.following import Enrolment
from lumiere_sms.database.tables.law import Consent
from lumiere_sms.database.tables.money import Budget
from lumiere_sms.database.tables.people import User
from lumiere_sms.database.tables.sending import CampaignRecipient

METADATA: MetaData = CampaignRecipient.metadata
assert all(each.metadata is METADATA for each in (User, SmsCampaign, Daemon, Enrolment, Budget, Consent)), (
    "a table stands apart"
)


def table_classes() -> dict[str, TableClass]:
    """Return the class of every table."""
    return {name: table.info["class"] for name, table in METADATA.tables.items()}
