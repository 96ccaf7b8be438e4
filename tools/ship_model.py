"""Make a run's model the one that the package ships, with what it measures written into it.

    python tools/ship_model.py runs/NAME --data CAMVID --out src/atrous/weights/shipped/NAME.onnx

Exports the run's last model with 16-bit weights, holds it against torch on the evaluation pictures,
measures the exported file itself on the evaluation split, and writes the file once more with the
result, the licence and a description in its card.
"""

import argparse
import json
from dataclasses import asdict
from pathlib import Path

import atrous
from atrous.data.detect import open_split
from atrous.data.sample import read_pair
from atrous.engine.evaluate import evaluate, samples_of
from atrous.export.onnx import export_onnx
from atrous.runtime.predictor import prepare

CONVENTION = (
    "one confusion matrix over the split, ignored pixels left out, whole picture, one scale (the "
    "card's longest_side), labels at their own size, measured on the exported file with ONNX "
    "Runtime"
)
DESCRIPTION = (
    "Street scenes seen from a car: DeepLab V3+ with MobileNetV2, output stride 16, trained on the "
    "train split of CamVid at 480x360."
)
LICENSE = (
    "Apache-2.0 for the weights. Trained on CamVid, research data of the University of Cambridge "
    "whose labels in this split are CC BY-NC 4.0; mind those terms before commercial use. Started "
    "from the released MobileNetV2 DeepLab weights (Apache-2.0)."
)


def main() -> None:
    """Parse, export, measure, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", type=Path)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--longest-side", type=int, help="instead of the card's")
    arguments = parser.parse_args()
    model, card = atrous.load_model(arguments.run / "last.safetensors")
    if arguments.longest_side:
        preprocessing = card.preprocessing.model_copy(
            update={"longest_side": arguments.longest_side}
        )
        card = card.model_copy(update={"preprocessing": preprocessing})
    pairs = open_split(arguments.data, card.result["split"])
    examples = [
        prepare(read_pair(pair, pairs.label_set).image, card.preprocessing) for pair in pairs.pairs
    ]
    card = card.model_copy(update={"description": DESCRIPTION, "license": LICENSE})
    agreement = export_onnx(
        model, card, arguments.out, examples=examples, half=True, overwrite=True
    )
    print(f"against torch on {len(examples)} pictures: {agreement}")
    exported = atrous.load(arguments.out)
    found = evaluate(exported.predict_pixels, pairs, samples_of(pairs))
    result = card.result | asdict(found) | {"convention": CONVENTION}
    card = card.model_copy(update={"result": result})
    export_onnx(model, card, arguments.out, examples=examples[:1], half=True, overwrite=True)
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
