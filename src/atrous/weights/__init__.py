"""Model files, and foreign weights to start from."""
