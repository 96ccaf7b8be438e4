"""The part of YAML that a ``data.yaml`` needs: texts, lists of texts, and numbered names.

No tags, anchors or nested structures: what is not understood is refused with its line.
"""

import re
from pathlib import Path
from typing import TypeAlias

from atrous.data.text import read_text
from atrous.errors import DatasetError

Value: TypeAlias = str | list[str] | dict[str, str]

_MAX_BYTES = 1 << 20
_KEY = re.compile(r"(\s*)([\w-]+|'[^']*'|\"[^\"]*\"):(?:\s+(.*))?")
_ITEM = re.compile(r"\s*-\s+(.*)")
_PART = re.compile(r"\s*('[^']*'|\"[^\"]*\"|[^,'\"\[\]{}]+?)\s*(?:,|$)")


def read_plain_yaml(path: Path) -> dict[str, Value]:
    """Keys of the outermost level with a text, a list of texts, or keys with texts below.

    Raises:
        DatasetError: If the file holds more than that, with the line.
    """
    content: dict[str, Value] = {}
    last = ""
    for number, line in enumerate(read_text(path, _MAX_BYTES).splitlines(), start=1):
        text = re.sub(r"(^|\s)#.*$", "", line).rstrip()
        if not text or text == "---":
            continue
        where = f"{path}: line {number}"
        item, key = _ITEM.fullmatch(text), _KEY.fullmatch(text)
        if item and last:
            _append(content, last, _text(item[1], where), where)
        elif key and not key[1]:
            last = _text(key[2], where)
            content[last] = _value(key[3] or "", where)
        elif key and last:
            _enter(content, last, _text(key[2], where), _text(key[3] or "", where), where)
        else:
            raise _not_understood(where, line)
    return content


def _not_understood(where: str, text: str) -> DatasetError:
    return DatasetError(
        f"{where}: not understood: {text.strip()[:60]!r}; write names as a list, and classes of "
        "your own into dataset.toml"
    )


def _append(content: dict[str, Value], key: str, text: str, where: str) -> None:
    values = content[key] or []
    if not isinstance(values, list):
        raise _not_understood(where, text)
    content[key] = [*values, text]


def _enter(content: dict[str, Value], key: str, inner: str, text: str, where: str) -> None:
    values = content[key] or {}
    if not isinstance(values, dict) or inner in values:
        raise _not_understood(where, inner)
    content[key] = {**values, inner: text}


def _value(text: str, where: str) -> Value:
    if text.startswith("[") and text.endswith("]"):
        return [_text(part, where) for part in _parts(text[1:-1], where)]
    if text.startswith("{") and text.endswith("}"):
        pairs = [part.partition(":") for part in _parts(text[1:-1], where)]
        return {_text(key.strip(), where): _text(value.strip(), where) for key, _, value in pairs}
    return _text(text, where)


def _parts(text: str, where: str) -> list[str]:
    parts, place = [], 0
    while place < len(text.rstrip()):
        found = _PART.match(text, place)
        if not found:
            raise _not_understood(where, text)
        parts.append(found[1])
        place = found.end()
    return parts


def _text(text: str, where: str) -> str:
    if len(text) > 1 and text[0] == text[-1] and text[0] in "'\"" and "\\" not in text:
        return text[1:-1]
    if text[:1] in tuple("&*!|>%@`[{'\""):
        raise _not_understood(where, text)
    return text
