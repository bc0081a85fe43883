# Everything a person types. Each target is enough alone: it sets up .venv when that is needed.
.DEFAULT_GOAL := help
.PHONY: help setup demo test lint format bench tables clean

PYTHON ?= python3
# `make test TORCH=2.14.1 TORCHVISION=0.29.1` tests another pair, in an environment of its own.
VENV   := .venv$(if $(TORCH),-torch$(TORCH))
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready
PIP    := $(BIN)/python -m pip install --quiet --disable-pip-version-check

help:            ## Show this list
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

# Set up anew only when what is to be installed has changed.
$(READY): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
ifdef TORCH
	grep -vE '^(torch|torchvision|triton)==' constraints.txt > $(VENV)/constraints.txt
	$(PIP) -c $(VENV)/constraints.txt torch==$(TORCH) torchvision==$(TORCHVISION) -e '.[dev]'
else
	$(PIP) -c constraints.txt -e '.[dev]'
endif
	@touch $@

setup: $(READY)  ## Create .venv and install (two minutes, nothing is compiled)

demo: $(READY)   ## Pretrain, probe, fine-tune and tabulate on generated images (under 10 minutes)
	$(BIN)/python tools/pipeline.py configs/pipelines/collage_demo.py

# A file of tests stays on one process, for its fixtures; a process needs a gigabyte of memory.
test: $(READY)   ## Run the tests, on as many cores as there are
	$(BIN)/python -m pytest --numprocesses auto --maxprocesses 8 --dist loadfile

lint: $(READY)   ## ruff (lint and format), mypy, codespell
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/codespell

format: $(READY) ## Let ruff mend and format
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(READY)  ## Run the benchmarks; each prints a ratio
	$(BIN)/python -m benchmarks

tables: $(READY) ## Write the README tables from results/ (CHECK=--check only compares)
	$(BIN)/python tools/tables.py $(CHECK)

clean:           ## Remove what a run or a set-up made; data/ and results/ stay
	rm -rf .venv .venv-torch* work_dirs build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache
