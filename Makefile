# The five commands, the same for people and for CI.
.PHONY: setup check test docs build

setup:
	python -m pip install -e '.[dev]'

check:
	ruff check .
	ruff format --check .
	mypy
	lint-imports

test:
	python -m pytest -n auto

docs:
	python -m pytest tests/test_docs.py

build:
	python -m pip wheel --no-deps --wheel-dir dist .
