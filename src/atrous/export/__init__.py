"""Ways out: networks as graphs for other runtimes."""
