"""What a settings file says that it may not, in sentences."""

import difflib
from typing import get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

_AT_MOST = 5


def describe_problems(error: ValidationError, model: type[BaseModel]) -> str:
    """Turn pydantic's findings into one line: the place, what was found, the nearest right name.

    Args:
        error: What checking against ``model`` raised.
        model: Whose fields are the right names.
    """
    problems = [_describe(problem, model) for problem in error.errors()[:_AT_MOST]]
    left_off = error.error_count() - len(problems)
    return "; ".join(problems) + (f"; and {left_off} more" if left_off else "")


def _describe(problem: ErrorDetails, model: type[BaseModel]) -> str:
    *table, key = (str(part) for part in problem["loc"] or (model.__name__.lower(),))
    place = ".".join((*table, key))
    if problem["type"] == "value_error":
        return f"{place}: {problem['ctx']['error']}"
    if problem["type"] == "missing":
        return f"{place} is missing"
    if problem["type"] == "extra_forbidden":
        known = _fields_at(model, table)
        close = difflib.get_close_matches(key, known, n=1)
        hint = f"did you mean {close[0]!r}?" if close else f"known: {', '.join(known)}"
        return f"unknown key {place!r}; {hint}"
    return f"{place}: {problem['msg']}, not {problem['input']!r}"


def _fields_at(model: type[BaseModel], table: list[str]) -> list[str]:
    fields = model.model_fields
    for part in table:
        annotation = fields[part].annotation
        # A table that may be left out is a union with None.
        kinds = [annotation, *get_args(annotation)]
        tables = [k for k in kinds if isinstance(k, type) and issubclass(k, BaseModel)]
        if not tables:
            return []
        fields = tables[0].model_fields
    return list(fields)
