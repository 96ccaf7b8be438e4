"""Which labels were measured."""

import hashlib

import numpy as np

from atrous.engine.evaluate import Measured


class Fingerprint:
    """A hash of names and label values, whatever file format held them."""

    def __init__(self) -> None:
        self._hash = hashlib.sha256()

    def see(self, picture: Measured) -> None:
        """Add its name and labels."""
        labels = picture.sample.labels.astype("<u2")
        self._hash.update(f"{picture.sample.name}\0{labels.shape}\0".encode())
        self._hash.update(np.ascontiguousarray(labels).data)

    def hexdigest(self) -> str:
        """Of all that was added, in hexadecimal."""
        return self._hash.hexdigest()
