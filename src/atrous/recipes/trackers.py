"""Where the numbers of a run go beside its own files: TensorBoard and other trackers, by name."""

import difflib
import hashlib
import importlib.util
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from accelerate.tracking import LOGGER_TYPE_TO_CLASS

from atrous.errors import ConfigError, DependencyError
from atrous.imaging import Pixels

_PROJECT = "atrous"
_PACKAGES = {"comet_ml": "comet-ml"}
"""Where the name of the package to install is another one."""
_TAKES_PICTURES = ("tensorboard", "wandb", "swanlab", "clearml")


class Tracker(Protocol):
    """What is asked of a tracker; those of accelerate have it."""

    def log(self, values: dict[str, Any], step: int | None) -> None:
        """Take numbers down."""

    def log_images(self, values: dict[str, Any], step: int | None, **layout: str) -> None:
        """Take pictures down, (N, H, W, 3)."""

    def finish(self) -> None:
        """Write what is left."""


def trackers_from(text: str | None) -> tuple[str, ...]:
    """Names of trackers joined by commas; ``none`` for none, None for TensorBoard if it is there.

    Examples:
        >>> trackers_from("tensorboard, wandb"), trackers_from("none")
        (('tensorboard', 'wandb'), ())
    """
    if text is None:
        return ("tensorboard",) if is_installed("tensorboard") else ()
    names = (name.strip().lower() for name in text.split(","))
    return tuple(dict.fromkeys(name for name in names if name not in ("", "none")))


def check_trackers(names: Sequence[str]) -> None:
    """Refuse trackers that there are not, before anything is begun.

    Raises:
        ConfigError: If accelerate has none of that name.
        DependencyError: If the package of one is not installed.
    """
    for name in names:
        if name not in LOGGER_TYPE_TO_CLASS:
            close = difflib.get_close_matches(name, LOGGER_TYPE_TO_CLASS, n=1)
            hint = f"did you mean {close[0]!r}? " if close else ""
            raise ConfigError(
                f"--log {name}: no such tracker; {hint}known: {', '.join(LOGGER_TYPE_TO_CLASS)}"
            )
        if not is_installed(name):
            package = _PACKAGES.get(name, name)
            raise DependencyError(f"--log {name}: needs {package}; pip install {package}")


def is_installed(name: str) -> bool:
    """Whether the package of a tracker is there."""
    found = importlib.util.find_spec(name)
    return found is not None and found.origin is not None  # a folder of that name has none


def open_trackers(
    names: Sequence[str],
    out: Path,
    *,
    step: int,
    settings: dict[str, Any],
    told: Callable[[str], None],
) -> "Trackers":
    """Begin with all of them, or go on from a step.

    Args:
        names: See `check_trackers`.
        out: The run folder.
        step: Steps that are over; what TensorBoard has of later ones is dropped.
        settings: What the run was told.
        told: Called with what goes wrong.
    """
    return Trackers({name: partial(_begin, name, out, step, settings) for name in names}, told)


def _begin(name: str, out: Path, step: int, settings: dict[str, Any]) -> Tracker:
    kind = LOGGER_TYPE_TO_CLASS[name]
    folder = {"logging_dir": str(out)} if kind.requires_logging_directory else {}
    if name == "tensorboard":
        # The name is that of the folder. Hyperparameters would make a folder for each resumption.
        tracker = kind("tensorboard", **folder, purge_step=step + 1)
        tracker.start()
        return tracker
    tracker = kind(_PROJECT, **folder, **_options(name, out))
    tracker.start()
    tracker.store_init_configuration(_flat(settings))
    return tracker


def _options(name: str, out: Path) -> dict[str, Any]:
    if name == "wandb":
        # The same folder is the same run, so that a resumed one goes on there.
        identity = hashlib.sha256(str(out.resolve()).encode()).hexdigest()[:16]
        return {"name": out.name, "id": identity, "resume": "allow", "dir": str(out)}
    return {"run_name": out.name} if name == "mlflow" else {}


def _flat(settings: dict[str, Any], where: str = "") -> dict[str, Any]:
    """Settings by dotted names, as text where they are no numbers."""
    found: dict[str, Any] = {}
    for key, value in settings.items():
        if isinstance(value, dict):
            found |= _flat(value, f"{where}{key}.")
        else:
            found[where + key] = value if isinstance(value, bool | int | float) else str(value)
    return found


class Trackers:
    """Several trackers that cannot break a run: one that fails is told of once and left.

    Args:
        begin: Makes each, by name.
        told: Called with what goes wrong.
    """

    def __init__(
        self, begin: dict[str, Callable[[], Tracker]], told: Callable[[str], None]
    ) -> None:
        self._told = told
        self._trackers: dict[str, Tracker] = {}
        for name, make in begin.items():
            self._try(name, partial(self._add, name, make))

    def log(self, values: dict[str, float], step: int) -> None:
        """Give numbers to all."""
        for name, tracker in self._trackers.copy().items():
            self._try(name, partial(tracker.log, values, step=step))

    def show(self, name: str, picture: Pixels, step: int) -> None:
        """Give a picture, (H, W, 3), to all that take pictures."""
        for kind, tracker in self._trackers.copy().items():
            if kind in _TAKES_PICTURES:
                layout = {"dataformats": "NHWC"} if kind == "tensorboard" else {}
                images = {name: picture[None]}
                self._try(kind, partial(tracker.log_images, images, step=step, **layout))

    def finish(self) -> None:
        """Let all write what is left."""
        for name, tracker in self._trackers.copy().items():
            self._try(name, tracker.finish)
        self._trackers.clear()

    def _add(self, name: str, make: Callable[[], Tracker]) -> None:
        self._trackers[name] = make()

    def _try(self, name: str, do: Callable[[], object]) -> None:
        try:
            do()
        except Exception as error:  # of other people's code, which must not end a run
            self._trackers.pop(name, None)
            reason = (str(error) or type(error).__name__).splitlines()[0]
            self._told(f"{name} takes nothing more down: {reason}; the run goes on without it")
