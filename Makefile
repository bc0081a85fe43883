# Commands for development. Each target sets up .venv if necessary.
.DEFAULT_GOAL := help
.PHONY: help setup demo test lint format bench tables clean

PYTHON ?= python3
# `make test TORCH=2.14.1 TORCHVISION=0.29.1` tests these versions in a separate environment.
VENV   := .venv$(if $(TORCH),-torch$(TORCH))
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready
PIP    := $(BIN)/python -m pip install --quiet --disable-pip-version-check

help:            ## Show this list
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

# Set up again only if the requirements have changed.
$(READY): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
ifdef TORCH
	grep -vE '^(torch|torchvision|triton)==' constraints.txt > $(VENV)/constraints.txt
	$(PIP) -c $(VENV)/constraints.txt torch==$(TORCH) torchvision==$(TORCHVISION) -e '.[dev]'
else
	$(PIP) -c constraints.txt -e '.[dev]'
endif
	@touch $@

setup: $(READY)  ## Create .venv and install everything (two minutes, no compilation)

demo: $(READY)   ## Pretrain, probe and fine-tune on generated images, with a table (under 10 minutes)
	$(BIN)/python tools/pipeline.py configs/pipelines/collage_demo.py

# Tests of one file run in one process and share fixtures; each process needs 1 GB of memory.
test: $(READY)   ## Run the tests on all cores (at most 8)
	$(BIN)/python -m pytest --numprocesses auto --maxprocesses 8 --dist loadfile

lint: $(READY)   ## Run ruff (lint and format), mypy and codespell
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/codespell

format: $(READY) ## Fix lint errors and format the code with ruff
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(READY)  ## Run the benchmarks (each prints a ratio)
	$(BIN)/python -m benchmarks

tables: $(READY) ## Write the tables of README and docs from results/ (CHECK=--check only compares)
	$(BIN)/python tools/tables.py $(CHECK)

clean:           ## Remove .venv, work_dirs and caches; data/ and results/ are kept
	rm -rf .venv .venv-torch* work_dirs build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache
