# One-word commands; CI runs exactly these. All but help and clean make their own virtual
# environment first, so a bare clone needs nothing but Python 3.11 to 3.13 and make.

.DEFAULT_GOAL := help
.PHONY: help run test test-deployed proof check bench package audit clean

VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
JOBS ?= 2
ARCHITECTURE ?= x86_64
AUTHORIZER ?= jwt

help: ## Say what there is
	@sed -n 's/^\([a-z-]*\):.*## /  make \1|/p' $(MAKEFILE_LIST) | awk -F'|' '{printf "%-22s%s\n", $$1, $$2}'

run: $(INSTALLED) ## The whole stack on this machine (PORT=8080, FILES=directory, DEMO=0)
	@$(BIN)/python -m infra.local

test: $(INSTALLED) ## All tests a change must pass (JOBS=2)
	@$(BIN)/python -m pytest -n $(JOBS) --dist loadgroup --proof=check

proof: $(INSTALLED) ## Prove the conformance statement's rows anew and write it
	@$(BIN)/python -m pytest -n $(JOBS) --dist loadgroup -m proves --proof=write
	@$(BIN)/python -m infra.conformance

check: $(INSTALLED) ## Lint, format, types, import contracts, conformance statement
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/python -m infra.conformance --check

bench: package ## What a store costs, next to what it could cost at best
	@$(BIN)/python -m bench

package: $(INSTALLED) ## Template and zip for deployment, in build/ (ARCHITECTURE=x86_64, AUTHORIZER=jwt)
	@rm -rf build
	@$(BIN)/python -m infra.package --architecture $(ARCHITECTURE) --authorizer $(AUTHORIZER)

test-deployed: $(INSTALLED) ## Package, deploy to an emulator of AWS, store, validate, index, be refused
	@STOWAGE_DEPLOYED=1 $(BIN)/python -m pytest tests/deployed

audit: package ## What cfn-lint and checkov say of the template, beside what is justified
	@$(BIN)/python -m infra.audit build/sam.yaml

clean: ## Remove everything that these commands made
	@rm -rf $(VENV) build .stowage .pytest_cache .mypy_cache .ruff_cache .hypothesis \
		.import_linter_cache .chalice/deployments
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(INSTALLED): requirements.txt requirements-dev.txt
	@sh infra/venv.sh $(VENV) "$(PYTHON)"
	@touch $@
