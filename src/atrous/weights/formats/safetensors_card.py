"""The card of a safetensors file, read without torch and without its values."""

import json
from pathlib import Path

from atrous.errors import WeightsError
from atrous.runtime.card import CARD_KEY, ModelCard, read_card

_LENGTH_BYTES = 8
_MAX_HEADER_BYTES = 16 << 20


def read_safetensors_card(path: Path) -> ModelCard:
    """Read what a ``.safetensors`` file of ours says of itself.

    The file starts with the length of a JSON header in eight bytes, lowest first. The header has
    the card among its metadata, and says where behind it each tensor ends.

    Raises:
        WeightsError: If the file is truncated, its header damaged, or it has no card of ours.
    """
    try:
        with path.open("rb") as file:
            length = int.from_bytes(file.read(_LENGTH_BYTES), "little")
            if length > _MAX_HEADER_BYTES:
                raise WeightsError(f"{path}: its header has {length} bytes, too many to be real")
            header = json.loads(file.read(length))
        text = header.pop("__metadata__", {}).get(CARD_KEY)
        values = max((entry["data_offsets"][1] for entry in header.values()), default=0)
        missing = _LENGTH_BYTES + length + values - path.stat().st_size
    except OSError as error:
        raise WeightsError(f"{path}: cannot be read ({error.strerror})") from None
    except (ValueError, LookupError, AttributeError, TypeError, RecursionError) as error:
        raise WeightsError(f"{path}: not a whole safetensors file ({error})") from None
    if missing:
        raise WeightsError(f"{path}: not a whole safetensors file; {missing} bytes are missing")
    return read_card(text if isinstance(text, str) else None, where=str(path))
