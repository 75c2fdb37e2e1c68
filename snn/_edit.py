"""Editing a description: one field of a nested value replaced, everything validated anew."""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError

from snn._model import NO_FIELD, Described
from snn.errors import NEAR, DescriptionError, nearest, sentence


def first_error(error: Exception) -> str:
    """Shorten pydantic's report to its first complaint, on one line.

    Where a value could be one of several things, each of them complains. The one that knows a field of a near name was meant most likely,
    one that has no such field least.

    Parameters
    ----------
    error : Exception

    Returns
    -------
    str
    """
    if isinstance(error, ValidationError):
        detail = min(error.errors(), key=_strangeness)
        message = str(detail["msg"]).removeprefix("Value error, ")
        place = ".".join(str(x) for x in detail["loc"])
        got = detail.get("input")
        plain = isinstance(got, int | float | str | tuple | None) and detail["type"] != "value_error"
        return (f"{place}: " if place else "") + " ".join(message.split()) + (f"; got {got!r}" if plain else "")
    return " ".join(str(error).split())


def _strangeness(detail: Any) -> int:
    if NO_FIELD not in detail["msg"]:
        return 1
    return 0 if NEAR in detail["msg"] else 2


def rebuilt(item: Described, changes: dict[str, Any], path: str, value: Any) -> Any:
    fields = {name: getattr(item, name) for name in type(item).model_fields}
    try:
        return type(item)(**{**fields, **changes})
    except ValidationError as error:
        raise DescriptionError(sentence(path, f"refused: {first_error(error)}", got=value)) from error


def replaced(item: Any, parts: list[str], value: Any, path: str) -> Any:
    if not isinstance(item, Described) or parts[0] not in type(item).model_fields:
        known = type(item).model_fields if isinstance(item, Described) else ()
        raise DescriptionError(sentence(path, f"{NO_FIELD} {parts[0]!r}", cure=nearest(parts[0], known)))
    new = value if len(parts) == 1 else replaced(getattr(item, parts[0]), parts[1:], value, path)
    return rebuilt(item, {parts[0]: new}, path, value)
