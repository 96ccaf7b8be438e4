"""Run the released TensorFlow training code for a few steps and keep what it did.

The numbers are held against our own steps in `tests/parity/test_official_training.py`. Needed are
the folder ``research`` of the TensorFlow models (its state of 30 July 2020, with ``deeplab`` and
``slim``), and an environment of its own with ``tensorflow==2.15``, ``tf_keras==2.15`` and
``tf_slim``. Run from the root of the repository::

    PYTHONPATH=tests python tools/official_training.py RESEARCH tests/parity/data

Network, loss, learning rate, multipliers, momentum and updates of norms are the official functions,
joined as ``main`` of the official ``train.py`` joins them. Only dropout is taken out, as its random
numbers cannot be had twice.
"""

import json
import sys
from dataclasses import asdict, dataclass, field
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from parity.made_up import IGNORED, blocks, pixels, variable

BATCH, CROP, CLASSES, SAMPLES = 4, 65, 21, 4
FROZEN = {"fine_tune_batch_norm": False}
_SEPARABLE_DECODER = {"decoder_output_stride": ["4"], "atrous_rates": [6, 12, 18]}


@dataclass(frozen=True)
class Run:
    """Settings of an official run that differ from its defaults."""

    variant: str = "mobilenet_v2"
    steps: int = 2
    flags: dict[str, Any] = field(default_factory=dict)


RUNS = {
    "norms_learn": Run(steps=1),
    "norms_frozen": Run(steps=3, flags=FROZEN),
    "last_layers": Run(flags=FROZEN | {"last_layer_gradient_multiplier": 10.0}),
    "hard_pixels": Run(steps=1, flags=FROZEN | {"top_k_percent_pixels": 0.25}),
    "mined_slowly": Run(
        flags=FROZEN | {"top_k_percent_pixels": 0.25, "hard_example_mining_step": 2}
    ),
    "class_weights": Run(
        flags=FROZEN | {"label_weights": [0.5 + 0.1 * index for index in range(CLASSES)]}
    ),
    "pyramid": Run(flags=FROZEN | {"image_pyramid": [0.5, 0.75, 1.0]}),
    "xception": Run(
        variant="xception_65",
        flags=FROZEN | _SEPARABLE_DECODER | {"base_learning_rate": 1e-4},
    ),
}
COMMON = {
    "base_learning_rate": 0.007,
    "training_number_of_steps": 10,
    "train_crop_size": [str(CROP), str(CROP)],
    "weight_decay": 4e-5,
}


def main() -> None:
    """Write one file for each run, or for those that are named behind the folder."""
    research, folder = Path(sys.argv[1]), Path(sys.argv[2])
    tf, train = _official(research)
    saved_flags = import_module("absl.testing.flagsaver").flagsaver
    for name in sys.argv[3:] or RUNS:
        run = RUNS[name]
        with saved_flags(**COMMON | run.flags, model_variant=run.variant):
            kept = _take(tf, train, run)
        np.savez_compressed(folder / f"train_{name}.npz", **kept)
        print(name, kept["cross_entropy"], kept["penalty"], flush=True)


def _take(tf: Any, train: Any, run: Run) -> dict[str, Any]:
    """The losses, and what became of each variable, in each step of a run."""
    tf.reset_default_graph()
    step = _Step(tf, train)
    names = [v.op.name for v in step.variables]
    slots = [slot for slot in step.slots if slot is not None]
    rows: list[dict[str, Any]] = []
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        # All at once: a session takes a while to look through the graph for each new request.
        fed = {
            v.initializer.inputs[1]: variable(name, tuple(v.shape.as_list()))
            for name, v in zip(names, step.variables, strict=True)
        }
        session.run([v.initializer for v in step.variables], fed)
        for _ in range(run.steps):
            rows.append(session.run(step.losses))
            session.run(step.update)
            rows[-1]["speed"] = session.run(slots)
        values = session.run(step.variables)
    speeds = [row["speed"] for row in rows]
    return {
        "meta": json.dumps(asdict(run) | {"common": COMMON}),
        "names": json.dumps(names),
        **{key: np.array([row[key] for row in rows]) for key in step.losses},
        "speed_norm": np.array([[np.linalg.norm(s) for s in speed] for speed in speeds]),
        "speed": np.array([[_some(s) for s in speed] for speed in speeds]),
        "values": np.array([_some(value) for value in values]),
    }


def _some(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Values at even distances through an array, from its first to its last."""
    return values.ravel()[np.linspace(0, values.size - 1, SAMPLES).astype(int)]


class _Step:
    """The graph of one official step."""

    def __init__(self, tf: Any, train: Any) -> None:
        flags, common = tf.flags.FLAGS, train.common
        samples = {
            common.IMAGE: tf.constant(pixels(BATCH, CROP, CROP)),
            common.LABEL: tf.constant(blocks(BATCH, CROP, CROP, num_classes=CLASSES)[..., None]),
        }
        global_step = tf.train.get_or_create_global_step()
        train._build_deeplab(_Once(samples), {common.OUTPUT_TYPE: CLASSES}, IGNORED)
        entropy = tf.add_n(tf.losses.get_losses())
        penalty = tf.add_n(tf.losses.get_regularization_losses())
        rate = train.train_utils.get_model_learning_rate(
            flags.learning_policy,
            flags.base_learning_rate,
            flags.learning_rate_decay_step,
            flags.learning_rate_decay_factor,
            flags.training_number_of_steps,
            flags.learning_power,
            flags.slow_start_step,
            flags.slow_start_learning_rate,
            decay_steps=flags.decay_steps,
            end_learning_rate=flags.end_learning_rate,
        )
        optimizer = tf.train.MomentumOptimizer(rate, flags.momentum)
        gradients = optimizer.compute_gradients(entropy + penalty)
        multipliers = train.train_utils.get_model_gradient_multipliers(
            train.model.get_extra_layer_scopes(flags.last_layers_contain_logits_only),
            flags.last_layer_gradient_multiplier,
        )
        if multipliers:
            gradients = train.slim.learning.multiply_gradients(gradients, multipliers)
        updates = tf.get_collection(tf.GraphKeys.UPDATE_OPS)
        apply = optimizer.apply_gradients(gradients, global_step=global_step)
        self.update = tf.group(*updates, apply)
        self.losses = {"cross_entropy": entropy, "penalty": penalty, "learning_rate": rate}
        self.variables = tf.model_variables()
        self.slots = [optimizer.get_slot(v, "momentum") for v in self.variables]


class _Once:
    """What the official code takes for an iterator over a dataset."""

    def __init__(self, samples: dict[str, Any]) -> None:
        self._samples = samples

    def get_next(self) -> dict[str, Any]:
        return dict(self._samples)


def _official(research: Path) -> tuple[Any, Any]:
    """TensorFlow in version 1 mode, and the official ``train.py`` with what it lacks put in."""
    sys.path[:0] = [str(research), str(research / "slim")]
    tf = import_module("tensorflow.compat.v1")
    tf.disable_eager_execution()
    tf.logging.set_verbosity(tf.logging.ERROR)
    _put_in_contrib()
    # tf_slim looks for these where older versions had them.
    vars(import_module("tensorflow.python.framework.ops")).update(
        Tensor=tf.Tensor, IndexedSlices=tf.IndexedSlices
    )
    for name in ("deployment", "deployment.model_deploy", "deeplab.datasets.data_generator"):
        sys.modules[name] = ModuleType(name)  # reads files and spreads work: not used here
    sys.modules["deployment"].model_deploy = sys.modules["deployment.model_deploy"]
    slim = import_module("tf_slim")
    slim.dropout = slim.add_arg_scope(_dropout)
    train = import_module("deeplab.train")
    tf.flags.FLAGS(["official_training"])
    return tf, train


def _dropout(inputs: Any, **_: Any) -> Any:
    """Dropout that drops nothing."""
    return inputs


def _put_in_contrib() -> None:
    """Stand-ins for the parts of ``tensorflow.contrib`` that the code imports; TF 2 has none."""
    legacy = import_module("tf_keras.src.legacy_tf_layers")
    sys.modules["tf_keras.legacy_tf_layers"] = legacy
    for part in ("base", "convolutional", "core", "pooling", "normalization"):
        sys.modules[f"tf_keras.legacy_tf_layers.{part}"] = import_module(
            f"tf_keras.src.legacy_tf_layers.{part}"
        )
    slim = import_module("tf_slim")
    layers = import_module("tf_slim.layers.layers")
    initializers = import_module("tf_slim.layers.initializers")
    modules = {
        "framework": vars(slim),
        "layers": vars(layers)
        | vars(initializers)
        | vars(import_module("tf_slim.layers.regularizers")),
        "layers.python": {},
        "layers.python.layers": {
            "layers": layers,
            "utils": import_module("tf_slim.layers.utils"),
        },
        "training": {"HParams": lambda **values: type("HParams", (), values)},
        "quantize": {},
        "tfprof": {},
    }
    root = sys.modules["tensorflow.contrib"] = ModuleType("tensorflow.contrib")
    root.slim = sys.modules["tensorflow.contrib.slim"] = slim
    for name, content in modules.items():
        module = ModuleType(f"tensorflow.contrib.{name}")
        vars(module).update({k: v for k, v in content.items() if not k.startswith("__")})
        sys.modules[module.__name__] = module
        if "." not in name:
            setattr(root, name, module)


if __name__ == "__main__":
    main()
