"""Recipes: everything that makes a result, from a TOML file to a run folder."""
