"""Means over seeds, and differences with their intervals."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, stdev

from experiments.catalogue import Experiment
from experiments.records import Record, RunKey, run_key

_T_975 = (
    *(12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228),
    *(2.201, 2.179, 2.160, 2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086),
)
"""Quantiles of Student's t, for 1 to 20 degrees of freedom."""


@dataclass(frozen=True)
class Estimate:
    """A mean with its 95 % interval; the reach is nan from a single value."""

    mean: float
    reach: float
    """Half the width of the interval."""
    spread: float
    """Standard deviation of the values."""

    @property
    def excludes_zero(self) -> bool:
        """Whether the interval lies on one side of 0."""
        return abs(self.mean) > self.reach


def estimate(values: Sequence[float]) -> Estimate:
    """Mean and Student's interval of values that were drawn alike."""
    if len(values) < 2:
        return Estimate(fmean(values), math.nan, math.nan)
    # With more degrees of freedom than the table has, its last value is a little too wide.
    quantile = _T_975[min(len(values) - 1, len(_T_975)) - 1]
    spread = stdev(values)
    return Estimate(fmean(values), quantile * spread / math.sqrt(len(values)), spread)


def difference(values: Sequence[float], others: Sequence[float]) -> Estimate:
    """How much more ``values`` are than ``others``, seed by seed."""
    return estimate([one - other for one, other in zip(values, others, strict=True)])


def records_of(
    experiment: Experiment, records: Mapping[RunKey, Record], *, steps: int
) -> dict[str, list[Record]]:
    """The records of each setting, by seed; of the seeds that all settings have.

    Returns:
        By the name of the setting, the lists equally long.
    """
    seeds = sorted({record.seed for record in records.values()})
    keys = {
        name: [run_key(experiment.task, settings, steps=steps, seed=seed) for seed in seeds]
        for name, settings in experiment.settings.items()
    }
    complete = [all(row[index] in records for row in keys.values()) for index in range(len(seeds))]
    return {
        name: [records[key] for key, there in zip(row, complete, strict=True) if there]
        for name, row in keys.items()
    }
