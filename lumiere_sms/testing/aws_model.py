"""What AWS's own description of a service says of a request: botocore carries it, and checks little of it.

The description is data: which parameters an operation takes, of which type, how long, of which form. botocore
looks at types and at what is missing; here the lengths, forms and choices count too, as they do at AWS.
"""

import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from botocore.loaders import Loader
from botocore.model import OperationModel, ServiceModel, Shape
from botocore.validate import ParamValidator


@cache
def service_model(service: str) -> ServiceModel:
    """Return the description of a service."""
    return ServiceModel(Loader().load_service_model(service, "service-2"), service)


def operation_of(service: str, target: str) -> OperationModel | None:
    """Return the operation that the header X-Amz-Target names, or None."""
    model = service_model(service)
    prefix, _, name = target.partition(".")
    known = prefix == model.metadata["targetPrefix"] and name in model.operation_names
    return model.operation_model(name) if known else None


def complaints(operation: OperationModel, parameters: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return what is wrong with a request: the parameter, and what it is."""
    report = ParamValidator().validate(parameters, operation.input_shape)
    if report.has_errors():
        said = report.generate_report()
        found = re.search(r'parameter (?:in input: ")?(\w+)', said)
        return [(found[1] if found else "", said)]
    return list(_of_structure(operation.input_shape, parameters))


def exception_of(service: str, reason: str) -> str:
    """Return the exception that gives a reason, or the reason itself where it is the name of one."""
    for shape in service_model(service).error_shapes:
        reasons = getattr(shape.members.get("Reason"), "enum", ())
        if reason in reasons:
            return str(shape.name)
    return reason


def _of_structure(shape: Shape, values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name, value in values.items():
        for said in _of_value(shape.members[name], value):
            yield name, said


def _of_value(shape: Shape, value: Any) -> Iterator[str]:
    limits = shape.metadata
    match value:
        case str():
            yield from _of_text(shape, value)
        case dict():
            yield from _of_size(len(value), limits)
            for key, each in value.items() if shape.type_name == "map" else ():
                yield from _of_text(shape.key, key)
                yield from _of_text(shape.value, each)
        case int() if not isinstance(value, bool):
            yield from _of_size(value, limits)


def _of_text(shape: Shape, value: str) -> Iterator[str]:
    yield from _of_size(len(value), shape.metadata)
    pattern = shape.metadata.get("pattern")
    if pattern and not re.fullmatch(pattern, value):
        yield f"it is not of the form {pattern}"
    if shape.enum and value not in shape.enum:
        yield f"it is none of {', '.join(shape.enum)}"


def _of_size(size: int, limits: Mapping[str, Any]) -> Iterator[str]:
    if not limits.get("min", size) <= size <= limits.get("max", size):
        yield f"{size} is not between {limits.get('min', 0)} and {limits.get('max')}"
