"""Ways out: networks as files for other runtimes."""

from atrous.export.graph import Request
from atrous.export.write import FORMATS, Checks, export_model, find_format

__all__ = ["FORMATS", "Checks", "Request", "export_model", "find_format"]
