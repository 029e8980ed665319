"""Where something about a person is kept, table by table, and what becomes of it when they are erased.

This is the list that an export and an erasure go by. Every column that could hold something about a person stands in
it: in a `Place` where it does, in `OURS` where it does not. A test holds it against the schema, so that a new table or
column cannot be forgotten.

A row whose number goes keeps a stand-in that is the same for a text and all that belongs to it, so that keys stay
unique and reports stay right: `erased:` and the id of the text. A number that somebody else has too is theirs: it
stays, so that their caps count what came to their phone and no run texts it twice; whose text it was goes.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import LiteralString

_NOTHING: Mapping[str, LiteralString] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Place:
    """A table with rows of a person.

    `of` says which, in SQL. Its binds: `id` the customer's, `numbers` all that were theirs, `own` those of them that
    nobody else has, `spellings` of `own` as a regular expression, `hashes` of `own`, `recipients` the ids of their
    texts. `becomes` says what an erasure makes of columns, with `now`, and `macs`, the keyed hashes of numbers by
    number; a row `goes` whole; what does neither is only exported.
    """

    table: LiteralString
    of: LiteralString
    becomes: Mapping[str, LiteralString] = field(default_factory=lambda: _NOTHING)
    goes: bool = False
    is_mention: bool = False  # a definition or a sentence that names the number: it is the business's own


_STAND_IN: LiteralString = "CASE WHEN phone_number = ANY (%(own)s) THEN 'erased:' || {} ELSE phone_number END"
_WHOSE: LiteralString = "CASE WHEN phone_number = ANY (%(own)s) THEN customer_id END"
# A text to several who share a phone that says the names of all of them, whoever of them it went to.
NAMES_OTHERS: LiteralString = (
    "phone_number = ANY (%(numbers)s) AND customer_id <> %(id)s AND occurrence_id IN ("
    "SELECT id FROM campaign_occurrences WHERE user_id = %(user_id)s AND definition ->> 'shared_phones' = 'merge')"
)
_UNNAMED: LiteralString = "regexp_replace({}::text, %(spellings)s, 'erased', 'g')"
# Whom a campaign looks for; its texts are the business's own words, and a number in them is the business's.
_IN_CRITERIA: LiteralString = (
    "jsonb_set(definition, '{criteria}', "
    + _UNNAMED.replace("{}", "coalesce(definition -> 'criteria', 'null')")
    + "::jsonb, false)"
)

# What was sent by hand to nobody but them may be words about them.
_WRITTEN_TO_THEM: LiteralString = (
    "{} IN (SELECT campaign_id FROM campaign_recipients WHERE user_id = %(user_id)s AND id = ANY (%(recipients)s))"
    " AND NOT EXISTS (SELECT FROM campaign_occurrences AS run JOIN campaign_recipients AS other"
    " ON other.user_id = %(user_id)s AND other.occurrence_id = run.id AND other.id <> ALL (%(recipients)s)"
    " AND other.personalized_content <> '' WHERE run.user_id = %(user_id)s AND run.campaign_id = {})"
    " AND EXISTS (SELECT FROM sms_campaigns AS sent"
    " WHERE sent.user_id = %(user_id)s AND sent.id = {} AND sent.source = 'send')"
)
_HAS_WORDS: LiteralString = "definition ->> 'message' IS NOT NULL"
_WITHOUT_WORDS: LiteralString = (
    f"CASE WHEN {_HAS_WORDS} THEN definition - 'variables' || '{{\"message\": \"erased\"}}'"
    " ELSE definition - 'variables' END"
)

#: In the order in which an erasure goes: what refers to others first, the person last.
PLACES: tuple[Place, ...] = (
    Place(
        "consent_evidence",
        "id IN (SELECT id FROM consents WHERE user_id = %(user_id)s AND customer_id = %(id)s)",
        goes=True,
    ),
    Place("person_keys", "id = %(id)s", goes=True),
    Place("consents", "customer_id = %(id)s"),
    Place("segment_members", "customer_id = %(id)s", goes=True),
    Place("segment_revisions", "%(id)s = ANY (members)", {"members": "array_remove(members, %(id)s)"}),
    Place(
        "enrolments",
        "customer_id = %(id)s OR phone_number = ANY (%(own)s) AND NOT EXISTS ("
        "SELECT FROM customers WHERE customers.user_id = %(user_id)s AND customers.id = enrolments.customer_id)",
        {
            "phone_number": _STAND_IN.replace("{}", "id::text"),
            "left_at": "coalesce(left_at, %(now)s)",
            "left_reason": "coalesce(left_reason, 'erased')",
            "next_at": "NULL",
        },
    ),
    Place(
        "delivery_events",
        "(provider, provider_message_id) IN (SELECT provider, provider_message_id FROM submissions"
        " WHERE user_id = %(user_id)s AND phone_number = ANY (%(numbers)s) AND recipient_id = ANY (%(recipients)s))",
    ),
    Place(
        "responses",
        "phone_number = ANY (%(numbers)s)"
        " AND (recipient_id = ANY (%(recipients)s) OR recipient_id IS NULL AND phone_number = ANY (%(own)s))",
        {"phone_number": _STAND_IN.replace("{}", "coalesce(recipient_id, id)::text")},
    ),
    Place(
        "inbound_messages",
        "customer_id = %(id)s OR phone_number = ANY (%(numbers)s)"
        " AND (recipient_id = ANY (%(recipients)s) OR customer_id IS NULL AND phone_number = ANY (%(own)s))",
        {
            "phone_number": _STAND_IN.replace("{}", "coalesce(recipient_id, id)::text"),
            "customer_id": _WHOSE,
            "body": "''",
        },
    ),
    Place(
        "submissions",
        "phone_number = ANY (%(numbers)s) AND recipient_id = ANY (%(recipients)s)",
        {"phone_number": _STAND_IN.replace("{}", "recipient_id::text"), "detail": "NULL", "finding": "NULL"},
    ),
    Place(
        "campaign_recipients",
        "id = ANY (%(recipients)s)",
        {
            "phone_number": _STAND_IN.replace("{}", "id::text"),
            "customer_id": _WHOSE,
            "personalized_content": "''",
            "error_message": "NULL",
            "preferred_time": "NULL",
            "appointment_at": "NULL",
            "expires_at": "least(expires_at, %(now)s)",  # whatever comes back of it late, it goes no more
        },
    ),
    Place(
        "campaign_recipients",
        NAMES_OTHERS + " AND status NOT IN ('submitting', 'unknown')",
        {"personalized_content": "''"},
        is_mention=True,
    ),
    Place("opt_out_links", "phone_number = ANY (%(own)s)", goes=True),
    Place("phone_turns", "number_hash = ANY (%(hashes)s)", goes=True),
    Place("alerts", "message ~ %(spellings)s", {"message": _UNNAMED.replace("{}", "message")}, is_mention=True),
    Place(
        "audience_segments",
        "criteria::text ~ %(spellings)s",
        {"criteria": _UNNAMED.replace("{}", "criteria") + "::jsonb"},
        is_mention=True,
    ),
    Place(
        "segment_revisions",
        "criteria::text ~ %(spellings)s",
        {"criteria": _UNNAMED.replace("{}", "criteria") + "::jsonb"},
        is_mention=True,
    ),
    Place(
        "sms_campaigns",
        "(definition -> 'criteria')::text ~ %(spellings)s OR target_criteria::text ~ %(spellings)s"
        " OR status_reason ~ %(spellings)s",
        {
            "definition": _IN_CRITERIA,
            "target_criteria": _UNNAMED.replace("{}", "target_criteria") + "::jsonb",
            "status_reason": _UNNAMED.replace("{}", "status_reason"),
        },
        is_mention=True,
    ),
    Place(
        "sms_campaigns",
        _WRITTEN_TO_THEM.replace("{}", "sms_campaigns.id"),
        {
            "message_content": f"CASE WHEN {_HAS_WORDS} THEN 'erased' ELSE message_content END",
            "definition": _WITHOUT_WORDS,
        },
        is_mention=True,
    ),
    Place(
        "campaign_occurrences",
        _WRITTEN_TO_THEM.replace("{}", "campaign_occurrences.campaign_id"),
        {"definition": _WITHOUT_WORDS},
        is_mention=True,
    ),
    Place(
        "campaign_occurrences",
        "(definition -> 'criteria')::text ~ %(spellings)s",
        {"definition": _IN_CRITERIA},
        is_mention=True,
    ),
    Place(
        "suppressions",
        "phone_number = ANY (%(own)s)",
        {"phone_number": "NULL", "number_mac": "decode(%(macs)s::jsonb ->> phone_number, 'hex')", "note": "NULL"},
    ),
    Place(
        "audit_log",
        "subject = ANY (%(recipients)s::text[] || %(id)s::text"
        " || ARRAY(SELECT suppressions.id::text FROM suppressions"
        " WHERE suppressions.user_id = %(user_id)s AND suppressions.phone_number = ANY (%(own)s))"
        " || ARRAY(SELECT inbound_messages.id::text FROM inbound_messages"
        " WHERE inbound_messages.user_id = %(user_id)s AND inbound_messages.customer_id = %(id)s))",
    ),
    Place("customers", "id = %(id)s", goes=True),
)

#: Columns that say nothing of a person: the business's own words, states and codes, names of providers and of our own
#: senders, who of the business did something, and ids that lead to nobody once the person's row is gone.
OURS: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        table: frozenset(columns.split())
        for table, columns in {
            "alerts": "kind subject acknowledged_by",
            "audience_segments": "name description",
            "audit_heads": "hash",
            "audit_log": "actor action subject reason before after hash",
            "budgets": "month currency",
            "campaign_occurrences": "status exclusions priority phase winner decision contents",
            "campaign_recipients": "step variant timezone encoding status reason provider"
            " provider_message_id error_code currency",
            "consents": "customer_id purpose source wording evidence_mac hash",
            "daemons": "host version",
            "delivery_events": "provider provider_message_id status code currency source",
            "enrolments": "customer_id",
            "erasures": "number_mac",
            "inbound_messages": "provider provider_message_id sender meaning decided_by",
            "pace_limits": "provider sender blocked_reason cut_reason zone day",
            "provider_health": "provider state reason said",
            "responses": "kind",
            "secrets": "purpose key proof",
            "link_guesses": "source",
            "sms_campaigns": "name description type status status_by priority timezone repeat_pattern"
            " currency source created_by overrides",
            "sms_templates": "name category description subject content variables encoding compliance_notes tags",
            "submissions": "provider sender outcome provider_message_id provider_code receipt_status receipt_code",
            "suppressions": "reason source",
            "users": "slug name timezone country currency sender legal_name providers routing senders rules",
        }.items()
    }
)
