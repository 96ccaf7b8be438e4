"""The doctor of datasets: what is wrong with files and labels, and what would mend it."""

from atrous.data.doctor.check import Report, check_dataset, quick_check
from atrous.data.doctor.finding import KINDS, Finding

__all__ = ["KINDS", "Finding", "Report", "check_dataset", "quick_check"]
