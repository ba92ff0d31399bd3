# One name a chore; each is a script that can be read and run alone.
.PHONY: setup run check test bench docs clean

setup: .venv/ready

.venv/ready: pyproject.toml constraints.txt scripts/setup
	scripts/setup

run: setup
	scripts/run

check: setup
	scripts/check

test: setup
	scripts/check
	scripts/test

bench: setup
	scripts/bench

clean:
	rm -rf .venv .mypy_cache .pytest_cache .ruff_cache
