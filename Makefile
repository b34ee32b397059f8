# make demo, make test: everything from a bare machine with python3, pip and make.
#
# The environment is .venv, with an editable install: changed and new source files count
# at once. A stamp for each set of extras, newer than pyproject.toml, says it is installed.
#
# mypy and editors cannot see an editable install in which schemas/ and cli/ are mapped
# into speccompiler. `make check` therefore lays links in build/check, where the tree
# looks as it does in the wheel; they are laid afresh each time and cost nothing.

PYTHON ?= python3
export PIP_DISABLE_PIP_VERSION_CHECK = 1

RUN = .venv/bin/python
SOURCES = speccompiler schemas cli convspec tests examples benchmarks

.NOTPARALLEL:
.PHONY: help demo test test-cuda-ptx test-cuda sanitize-cuda fuzz bench bench-quick bench-cuda \
	check format schema clean

help:
	@echo 'make demo    set up .venv, run a model over a photograph, write out/demo.png'
	@echo 'make test    set up .venv, run the tests'
	@echo 'make test-cuda-ptx  compile every CUDA kernel; needs no GPU, installs 200 MB of compilers'
	@echo 'make test-cuda      the conformance tests on this machine'"'"'s GPU (CUDA=12 for older drivers)'
	@echo 'make sanitize-cuda  kernels under compute-sanitizer, memcheck and racecheck'
	@echo 'make bench-cuda     beside torch on the GPU; TORCH_INDEX=<index of CUDA builds> if need be'
	@echo 'make fuzz    the long random tests as well (make fuzz SECONDS=3600 for each kind of file)'
	@echo 'make bench   set up the other runtimes too, compare speed and memory, write docs/benchmarks.*'
	@echo '             (tens of minutes; make bench CASES=vgg shows the times of some cases only)'
	@echo 'make bench-quick  roughly the same for the times alone, and writes nothing'
	@echo 'make check   format, lint and types'
	@echo 'make format  write the format and the fixes that ruff can make'
	@echo 'make schema  write what is made from the schemas and codes in docs/'
	@echo 'make clean   remove .venv and everything built'
	@echo 'PYTHON=python3.12 chooses the interpreter for .venv (3.11 or later)'

demo: .venv/demo.stamp
	@$(RUN) examples/demo.py

test: .venv/test.stamp
	$(RUN) -m pytest -n auto --basetemp=$$(mktemp -d)/t

# The CUDA major version of the extra: what nvidia-smi shows or an older one.
CUDA ?= 13

test-cuda-ptx: .venv/test.stamp .venv/cuda$(CUDA).stamp
	$(RUN) -m pytest -n auto tests/kernels/cuda/test_ptx.py $(if $(UPDATE),-n0 --update-golden)

# One process: every worker would hold memory of the GPU.
test-cuda: .venv/test.stamp .venv/cuda$(CUDA).stamp
	$(RUN) -c 'from speccompiler.kernels.cuda.runtime.cuda_device import devices; devices()'
	CONVSPEC_TEST_TARGETS=cuda $(RUN) -m pytest -n0 tests/kernels/cuda/test_gpu.py tests/kernels/cuda/test_ptx.py \
		tests/test_conformance.py tests/test_semantics.py tests/lowering/test_lowering.py

# compute-sanitizer comes with the CUDA toolkit.
sanitize-cuda: .venv/test.stamp .venv/cuda$(CUDA).stamp
	for tool in memcheck racecheck; do \
		compute-sanitizer --tool $$tool --error-exitcode 1 $(RUN) -m pytest -n0 -x \
			tests/kernels/cuda/test_gpu.py -k "layers or tiles" || exit 1; \
	done

fuzz: .venv/test.stamp
	CONVSPEC_FUZZ_SECONDS=$(or $(SECONDS),300) $(RUN) -m pytest -n0 -m slow tests
	CONVSPEC_FUZZ_SECONDS=$(or $(SECONDS),300) $(RUN) -m pytest -n0 tests/files/test_fuzz_files.py

# On Linux, torch may come with GPU libraries of gigabytes that nothing here uses. Its
# pages on installing name a package index of CPU builds: TORCH_INDEX=<that address>.
bench: .venv/torch.stamp .venv/bench.stamp
	$(RUN) -m benchmarks $(if $(CASES),$(foreach case,$(CASES),--cases '$(case)'),--docs docs)

bench-quick: .venv/torch.stamp .venv/bench.stamp
	$(RUN) -m benchmarks --part speed --seconds 0.3 $(foreach case,$(CASES),--cases '$(case)')

bench-cuda: .venv/torch.stamp .venv/bench.stamp .venv/cuda$(CUDA).stamp
	$(RUN) -m benchmarks.cuda $(foreach case,$(CASES),--cases '$(case)')

check: .venv/check.stamp .venv/test.stamp .venv/demo.stamp
	$(RUN) -m ruff format --check $(SOURCES)
	$(RUN) -m ruff check $(SOURCES)
	@rm -rf build/check && mkdir -p build/check/speccompiler
	@cd build/check && ln -s ../../examples ../../benchmarks ../../convspec .
	@cd build/check/speccompiler && ln -s ../../../speccompiler/* ../../../schemas ../../../cli .
	cd build/check && ../../$(RUN) -m mypy --config-file ../../pyproject.toml \
		--cache-dir ../../.mypy_cache speccompiler convspec examples benchmarks
	CONVSPEC_TEST_TYPES=1 $(RUN) -m pytest -n0 -q tests/test_types.py

format: .venv/check.stamp
	$(RUN) -m ruff check --fix $(SOURCES)
	$(RUN) -m ruff format $(SOURCES)

schema: .venv/test.stamp
	@mkdir -p build
	.venv/bin/convspec schema > build/convspec.schema.json
	mv build/convspec.schema.json docs/convspec.schema.json
	$(RUN) -c 'from speccompiler.schemas.reference import as_markdown; print(as_markdown(), end="")' > build/spec.md
	mv build/spec.md docs/spec.md
	$(RUN) -c 'from speccompiler.diagnostics.codes import as_markdown; print(as_markdown(), end="")' > build/diagnostics.md
	mv build/diagnostics.md docs/diagnostics.md

clean:
	rm -rf .venv build dist out *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis

# Where Python comes without ensurepip (Debian's python3 without python3-venv), the pip
# that goes with $(PYTHON) fills the environment.
.venv/created.stamp:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "convspec needs Python 3.11 or later; '$(PYTHON)' is $$($(PYTHON) --version 2>&1)." >&2; \
		echo "Name another one: make PYTHON=python3.12 $(or $(MAKECMDGOALS),demo)" >&2; \
		exit 1; }
	$(PYTHON) -m venv .venv || { $(PYTHON) -m venv --without-pip .venv && \
		$(PYTHON) -m pip --python $(RUN) install --quiet pip; }
	@touch $@

.venv/torch.stamp: | .venv/created.stamp
	$(if $(TORCH_INDEX),$(RUN) -m pip install --quiet --index-url '$(TORCH_INDEX)' torch)
	@touch $@

.venv/%.stamp: pyproject.toml | .venv/created.stamp
	$(RUN) -m pip install --quiet --editable '.[$*]'
	@touch $@
