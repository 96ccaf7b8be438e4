"""Readers of files: what lies in them, by name, before anyone asks what it is of."""
