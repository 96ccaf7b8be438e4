"""``python -m atrous``."""

from atrous.cli.main import main

main()
