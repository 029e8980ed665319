"""What people agreed to, refused and answered, and what is kept of whom when they are erased."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import SQLModel

from lumiere_sms.database.tables.columns import Json, TableClass, described, instant, stored, tenant_key


class Secret(SQLModel, table=True):
    """What a tenant's keyed hashes and tokens are made with, together with LUMIERE_SMS_SECRET where that is set."""

    __tablename__ = "secrets"
    __table_args__: Any = (
        UniqueConstraint("user_id", "purpose", name="secrets_purpose_key"),
        CheckConstraint("purpose IN ('number', 'link')", name="secrets_purpose_is_known"),
        CheckConstraint("length(key) >= 32", name="secrets_key_is_long"),
        described(TableClass.TENANT),
    )

    user_id: UUID = tenant_key()
    id: UUID = stored(Uuid(), key=True)
    purpose: str = stored(Text())
    key: bytes = stored(LargeBinary())
    proof: bytes = stored(LargeBinary())


class Consent(SQLModel, table=True):
    """What a customer agreed to, or took back. Append-only; it outlives the customer, and then names nobody."""

    __tablename__ = "consents"
    __table_args__: Any = (
        CheckConstraint("purpose IN ('promotional', 'reminder')", name="consents_purpose_is_known"),
        CheckConstraint(
            "source IN ('import', 'operator', 'reply', 'link', 'form', 'provider')", name="consents_source_is_known"
        ),
        Index("consents_customer_id_idx", "customer_id", "at"),
        described(TableClass.TENANT),
    )

    user_id: UUID = tenant_key()
    id: UUID = stored(Uuid(), key=True)
    customer_id: UUID = stored(Uuid())
    purpose: str = stored(Text())
    is_granted: bool = stored(Boolean())
    source: str = stored(Text())
    wording: str | None = stored(Text(), optional=True)
    evidence_mac: bytes | None = stored(LargeBinary(), optional=True)
    at: datetime = stored(instant())
    recorded_at: datetime = stored(instant(), default="now()")
    audit_id: UUID = stored(Uuid())
    hash: bytes = stored(LargeBinary())


class ConsentEvidence(SQLModel, table=True):
    """What proves a consent and is about the person. Goes when they are erased. `id` is the consent's."""

    __tablename__ = "consent_evidence"
    __table_args__: Any = (
        ForeignKeyConstraint(["user_id", "id"], ["consents.user_id", "consents.id"]),
        described(TableClass.TENANT),
    )

    user_id: UUID = tenant_key()
    id: UUID = stored(Uuid(), key=True)
    customer_id: UUID = stored(Uuid())
    evidence: Json = stored(JSONB())


class PersonKey(SQLModel, table=True):
    """What the hashes over somebody's evidence are made with. `id` is the customer's."""

    __tablename__ = "person_keys"
    __table_args__: Any = (described(TableClass.TENANT),)

    user_id: UUID = tenant_key()
    id: UUID = stored(Uuid(), key=True)
    key: bytes = stored(LargeBinary())


class Erasure(SQLModel, table=True):
    """Who was erased, as a keyed hash of their number, until the law's date. `id` is the customer's."""

    __tablename__ = "erasures"
    __table_args__: Any = (
        Index("erasures_due_idx", text("COALESCE(look_at, keep_until)")),
        Index("erasures_number_mac_idx", "number_mac"),
        described(TableClass.TENANT),
    )

    user_id: UUID = tenant_key()
    id: UUID = stored(Uuid(), key=True)
    number_mac: bytes | None = stored(LargeBinary(), optional=True)
    erased_at: datetime = stored(instant())
    keep_until: datetime = stored(instant())
    look_at: datetime | None = stored(instant(), optional=True)


class InboundMessage(SQLModel, table=True):
    """What somebody answered, to which of our senders, and what it means."""

    __tablename__ = "inbound_messages"
    __table_args__: Any = (
        UniqueConstraint("user_id", "provider", "provider_message_id", name="inbound_messages_provider_message_id_key"),
        CheckConstraint(
            "meaning IN ('stop', 'start', 'help', 'confirm', 'other', 'review')",
            name="inbound_messages_meaning_is_known",
        ),
        CheckConstraint("(decided_by IS NULL) = (decided_at IS NULL)", name="inbound_messages_a_decision_has_a_person"),
        Index("inbound_messages_phone_number_idx", "phone_number", "received_at"),
        Index("inbound_messages_received_at_idx", "user_id", "received_at"),
        Index("inbound_messages_occurrence_id_idx", "occurrence_id"),
        Index("inbound_messages_customer_id_idx", "customer_id"),
        Index("inbound_messages_review_idx", "user_id", "received_at", postgresql_where=text("meaning = 'review'")),
        Index("inbound_messages_kept_idx", "user_id", "received_at", postgresql_where=text("body <> ''")),
        described(TableClass.TENANT),
    )

    user_id: UUID = tenant_key()
    id: UUID = stored(Uuid(), key=True)
    provider: str = stored(Text())
    provider_message_id: str = stored(Text())
    phone_number: str = stored(Text())
    sender: str = stored(Text())
    body: str = stored(Text())
    received_at: datetime = stored(instant())
    recorded_at: datetime = stored(instant(), default="now()")
    recipient_id: UUID | None = stored(Uuid(), optional=True)
    occurrence_id: UUID | None = stored(Uuid(), optional=True)
    customer_id: UUID | None = stored(Uuid(), optional=True)
    meaning: str = stored(Text())
    decided_by: str | None = stored(Text(), optional=True)
    decided_at: datetime | None = stored(instant(), optional=True)
    answer_id: UUID | None = stored(Uuid(), optional=True)


class LinkGuesses(SQLModel, table=True):
    """How many wrong links somebody has come with in the minute since then."""

    __tablename__ = "link_guesses"
    __table_args__: Any = (
        UniqueConstraint("user_id", "source", name="link_guesses_source_key"),
        CheckConstraint("wrong >= 0", name="link_guesses_wrong_is_not_negative"),
        described(TableClass.TENANT, fillfactor=50),
    )

    user_id: UUID = tenant_key()
    id: UUID = stored(Uuid(), key=True)
    source: str = stored(Text())
    since: datetime = stored(instant())
    wrong: int = stored(Integer())


class OptOutLink(SQLModel, table=True):
    """A token by which a number refuses further texts, the same for ever."""

    __tablename__ = "opt_out_links"
    __table_args__: Any = (
        UniqueConstraint("user_id", "token", name="opt_out_links_token_key"),
        Index("opt_out_links_phone_number_idx", "phone_number"),
        described(TableClass.TENANT),
    )

    user_id: UUID = tenant_key()
    id: UUID = stored(Uuid(), key=True)
    token: str = stored(Text())
    phone_number: str = stored(Text())
    created_at: datetime = stored(instant(), default="now()")
