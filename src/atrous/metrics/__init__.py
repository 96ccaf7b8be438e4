"""Scores as the benchmarks count them."""
