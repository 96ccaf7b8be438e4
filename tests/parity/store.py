"""Write ``data/*.npz``: a few of our own logits, from networks that agree with the official graph.

They let the comparison run where the outputs of the official graph are not at hand. After a
change of the networks that is meant to change logits, run the tests with the official outputs
first, then this file from the folder ``tests``::

    python -m parity.store
"""

from pathlib import Path

import numpy as np
import torch

from parity.official import STORED_STRIDES, build_official, pictures

STORED = Path(__file__).parent / "data"
STORED_SHAPE = (1, 33, 46)
"""Pictures, height and width: one side odd and one even, which are padded differently."""
CLASS_STEP = 4
"""Every fourth class is kept."""


def main() -> None:
    """Write one file for each network."""
    for variant, strides in STORED_STRIDES.items():
        logits = {}
        for output_stride in strides:
            model = build_official(variant, output_stride=output_stride)
            with torch.inference_mode():
                full = model.logits_at_stride(pictures(*STORED_SHAPE))
            logits[f"logits_os{output_stride}"] = full[:, ::CLASS_STEP].numpy()
        np.savez_compressed(STORED / f"{variant}.npz", **logits)


if __name__ == "__main__":
    main()
