"""Errors that a user of atrous can meet and act on.

* AtrousError          exit code 2 of the command
  * ConfigError        2: a recipe or option is wrong, or does not fit another one
  * InputError         3: a picture, folder or file given as input cannot be used
    * DatasetError     3: files on disk do not match the layout or labels we expect
  * WeightsError       4: a model file or checkpoint is missing, damaged, or does not fit
  * ExportError        5: an exported graph disagrees with the model it came from
  * ResourceError      6: the disk is full, a folder read-only, memory short
  * DependencyError    2: an extra is not installed
  * TrainingError      6: losses or gradients are not finite, again and again
  * Interrupted        130: asked to stop by a signal; the state is saved

Each takes one message string and nothing else, so that a DataLoader worker can re-raise it in
the main process with its type kept.
"""


class AtrousError(Exception):
    """Base of every error raised on purpose by atrous."""

    exit_code = 2
    """What the command exits with."""


class ConfigError(AtrousError, ValueError):
    """A recipe or option is wrong, or does not fit another one."""


class InputError(AtrousError):
    """A picture, folder or file given as input cannot be used."""

    exit_code = 3


class DatasetError(InputError):
    """Files on disk do not match the layout or labels we expect."""


class WeightsError(AtrousError):
    """A model file or checkpoint is missing, damaged, or does not fit."""

    exit_code = 4


class ExportError(AtrousError):
    """An exported graph disagrees with the model it came from."""

    exit_code = 5


class ResourceError(AtrousError):
    """The disk is full, a folder cannot be written, or memory is short."""

    exit_code = 6


class DependencyError(AtrousError, ImportError):
    """An optional part of atrous is asked for that is not installed."""


class TrainingError(AtrousError):
    """Training cannot go on: losses or gradients are not finite, again and again."""

    exit_code = 6


class Interrupted(AtrousError):  # noqa: N818, it is a wish and not a mistake
    """A signal has asked to stop, and the state is saved."""

    exit_code = 130
