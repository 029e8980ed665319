"""What all definitions have in common: frozen, checked, two spellings of a key, a payload, and complaints."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, WithJsonSchema
from pydantic.alias_generators import to_camel

from lumiere_sms.definitions.places import Path

# Trees with a grammar of their own; `format` is what complaints and the JSON Schema know them by, at any depth.
Criteria = Annotated[dict[str, Any], WithJsonSchema({"type": "object", "format": "criteria"})]
Filters = Annotated[dict[str, Any], WithJsonSchema({"type": "object", "format": "filters"})]


@dataclass(frozen=True, slots=True)
class Complaint:
    """One thing that is wrong at a path inside a definition; `at_key` when it is the key itself."""

    path: Path
    message: str
    hint: str = ""
    at_key: bool = False


class Definition(BaseModel):
    """What all definitions have in common: frozen, no unknown keys, camelCase read as well as snake_case."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", alias_generator=to_camel, populate_by_name=True, loc_by_alias=False
    )

    def payload(self) -> dict[str, Any]:
        """Return the definition as plain JSON, keys sorted, defaults written out."""
        return sorted_keys(self.model_dump(mode="json"))

    @classmethod
    def from_payload(cls, payload: Mapping[str, Any]) -> Self:
        """Make the definition of a payload again."""
        return cls.model_validate(payload)


def sorted_keys(plain: dict[str, Any]) -> dict[str, Any]:
    """Return JSON with the keys of every object in order."""
    return {key: sorted_keys(one) if isinstance(one, dict) else one for key, one in sorted(plain.items())}
