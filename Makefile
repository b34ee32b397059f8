# make demo, make test: everything from a bare machine with python3, pip and make.
#
# The environment is .venv, with an editable install: changed and new source files count
# at once. A stamp for each extra and each dependency group of pyproject.toml says that it
# is installed, in the versions of constraints/ci.txt; CONSTRAINTS= takes the newest ones.
#
# mypy, pyright and editors cannot see an editable install in which schemas/ and cli/ are
# mapped into speccompiler. `make check` therefore copies the sources to build/check, where
# the tree looks as it does in the wheel.

PYTHON ?= python3
CONSTRAINTS = constraints/ci.txt
export PIP_DISABLE_PIP_VERSION_CHECK = 1

RUN = .venv/bin/python
SOURCES = speccompiler schemas cli convspec tests examples benchmarks scripts noxfile.py docs/conf.py

.NOTPARALLEL:
.PHONY: help demo test browser npm screenshots story nox coverage test-cuda-ptx test-cuda sanitize-cuda \
	fuzz bench bench-quick \
	bench-cuda test-keras check types format schema onnx docs docs-linkcheck constraints wheel \
	release clean editable

help:
	@echo 'make demo    set up .venv, run a model over a photograph, write out/demo.png'
	@echo 'make test    set up .venv, run the tests'
	@echo 'make browser  see to it that the tests of HTML pages have a Chromium'
	@echo 'make npm      see to it that the test of yaml-language-server has npm'
	@echo 'make screenshots  write the pictures of HTML pages that docs/ shows'
	@echo 'make story  the pictures and transcripts of docs/tutorial/review.md'
	@echo 'make nox     the tests in an environment of their own; SESSION=<one that nox --list names>'
	@echo 'make coverage  the tests again, and how much of the code they run'
	@echo 'make test-cuda-ptx  compile every CUDA kernel; needs no GPU, installs 200 MB of compilers'
	@echo 'make test-cuda      the conformance tests on this machine'"'"'s GPU (CUDA=12 for older drivers)'
	@echo 'make test-keras     Keras 3 itself loads the .keras files that convert writes; installs JAX'
	@echo 'make sanitize-cuda  kernels under compute-sanitizer, memcheck and racecheck'
	@echo 'make bench-cuda     beside torch on the GPU; TORCH_INDEX=<index of CUDA builds> if need be'
	@echo 'make fuzz    the long random tests as well (make fuzz SECONDS=3600 for each kind of file)'
	@echo 'make bench   set up the other runtimes too, compare speed and memory, write docs/benchmarks.*'
	@echo '             (tens of minutes; make bench CASES=vgg shows the times of some cases only)'
	@echo 'make bench-quick  roughly the same for the times alone, and writes nothing'
	@echo 'make check   format, lint, types, spelling, workflows and this repository'"'"'s files'
	@echo 'make format  write the format and the fixes that ruff can make'
	@echo 'make schema  write what is made from the schemas, codes and commands in docs/'
	@echo 'make onnx    run the backend tests of ONNX, write the table of docs/onnx.md'
	@echo 'make docs    make the site in build/docs; a warning, a broken link or a lost page fails'
	@echo 'make docs-linkcheck  the same, and follow links to other sites (OFFLINE=1 does not)'
	@echo 'make constraints  write constraints/: the newest versions, and the lowest allowed'
	@echo 'make wheel   a wheel in dist/ that brings machine code: no run compiles anything'
	@echo 'make release VERSION=1.2.3  write the version and the changelog, build and check dist/'
	@echo 'make clean   remove .venv and everything built'
	@echo 'PYTHON=python3.12 chooses the interpreter for .venv (3.11 or later)'

demo: .venv/demo.stamp
	@$(RUN) examples/demo.py

test: .venv/test.stamp editable
	$(RUN) -m pytest -n auto --dist loadgroup --basetemp=$$(mktemp -d)/t

# What tests of pages need. They are skipped without it, or fail: CONVSPEC_TEST_REQUIRE=browser.
browser: .venv/test.stamp editable
	$(RUN) scripts/find_browser.py

# What the test of the JSON Schema in yaml-language-server needs, likewise: CONVSPEC_TEST_REQUIRE=npm.
npm:
	@command -v npm > /dev/null || apt-get install --yes --no-install-recommends nodejs npm

screenshots: browser
	$(RUN) scripts/screenshots.py

# The tutorial on a pull request: its pictures, and what its commands print.
story: browser .venv/docs.stamp
	$(RUN) scripts/review_story.py
	$(RUN) -m pytest -n 0 -q tests/docs/test_pages.py -k tutorial/review --update-golden

SESSION = tests-$(shell $(RUN) -c 'import sys; print("%d.%d" % sys.version_info[:2])')

nox: .venv/nox.stamp
	$(RUN) -m nox --session $(SESSION)

coverage: .venv/coverage.stamp editable
	$(RUN) -m coverage erase
	$(RUN) -m coverage run -m pytest -n auto --dist loadgroup --basetemp=$$(mktemp -d)/t
	$(RUN) -m coverage combine --quiet
	$(RUN) -m coverage report

# The CUDA major version of the extra: what nvidia-smi shows or an older one.
CUDA ?= 13

test-cuda-ptx: .venv/test.stamp .venv/cuda$(CUDA).stamp
	$(RUN) -m pytest -n auto tests/kernels/cuda/test_ptx.py $(if $(UPDATE),-n0 --update-golden)

# One process: every worker would hold memory of the GPU.
test-cuda: .venv/test.stamp .venv/cuda$(CUDA).stamp
	$(RUN) -c 'from speccompiler.kernels.cuda.runtime.cuda_device import devices; devices()'
	CONVSPEC_TEST_TARGETS=cuda $(RUN) -m pytest -n0 tests/kernels/cuda/test_gpu.py tests/kernels/cuda/test_ptx.py \
		tests/test_conformance.py tests/test_conformance_recurrent.py tests/test_conformance_keras2.py \
		tests/test_semantics.py tests/lowering/test_lowering.py

# compute-sanitizer comes with the CUDA toolkit.
sanitize-cuda: .venv/test.stamp .venv/cuda$(CUDA).stamp
	for tool in memcheck racecheck; do \
		compute-sanitizer --tool $$tool --error-exitcode 1 $(RUN) -m pytest -n0 -x \
			tests/kernels/cuda/test_gpu.py -k "layers or tiles" || exit 1; \
	done

# Keras 3 loads what convert wrote; it brings JAX, about 200 MB.
test-keras: .venv/keras.stamp editable
	KERAS_BACKEND=jax $(RUN) -m pytest -n0 -q -m keras tests/convert

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

check: .venv/check.stamp .venv/test.stamp .venv/demo.stamp editable types
	$(RUN) -m ruff format --check $(SOURCES)
	$(RUN) -m ruff check $(SOURCES)
	$(RUN) -m codespell_lib
	$(RUN) -m validate_pyproject pyproject.toml
	.venv/bin/zizmor --offline --quiet .github action.yml
	$(RUN) -m check_jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yml
	$(RUN) -m check_jsonschema --builtin-schema vendor.dependabot .github/dependabot.yml
	$(RUN) -m check_jsonschema --builtin-schema vendor.github-actions action.yml
	$(RUN) -m repo_review --show err .
	$(RUN) -m towncrier build --draft --version next > build/changes.md
	CONVSPEC_TEST_TYPES=1 $(RUN) -m pytest -n0 -q tests/test_types.py

types: .venv/check.stamp .venv/test.stamp .venv/demo.stamp editable
	@rm -rf build/check && mkdir -p build/check
	@cp -Rp speccompiler convspec examples benchmarks build/check
	@cp -Rp schemas cli build/check/speccompiler
	@cp pyproject.toml build/check
	cd build/check && ../../$(RUN) -m mypy --config-file ../../pyproject.toml \
		--cache-dir ../../.mypy_cache speccompiler convspec examples benchmarks
	cd build/check && ../../$(RUN) -m basedpyright --pythonpath ../../$(RUN)

format: .venv/check.stamp
	$(RUN) -m ruff check --fix $(SOURCES)
	$(RUN) -m ruff format $(SOURCES)
	.venv/bin/convspec fmt examples

schema: .venv/test.stamp
	@mkdir -p build
	.venv/bin/convspec schema > build/convspec.schema.json
	mv build/convspec.schema.json docs/convspec.schema.json
	$(RUN) -c 'from speccompiler.schemas.reference import as_markdown; print(as_markdown(), end="")' > build/spec.md
	mv build/spec.md docs/spec.md
	$(RUN) -c 'from speccompiler.diagnostics.codes import as_markdown; print(as_markdown(), end="")' > build/diagnostics.md
	mv build/diagnostics.md docs/diagnostics.md
	$(RUN) -c 'from speccompiler.comparing.codes import as_markdown; print(as_markdown(), end="")' > build/changes.md
	mv build/changes.md docs/reference/changes.md
	$(RUN) -c 'from speccompiler.cli.reference import as_markdown; print(as_markdown(), end="")' > build/command-line.md
	mv build/command-line.md docs/command-line.md

onnx: .venv/test.stamp
	$(RUN) -m tests.onnx.backend_table

SPHINX = $(RUN) -m sphinx -W --keep-going -n -q -d build/doctrees docs

docs: .venv/docs.stamp .venv/test.stamp editable
	@rm -rf build/docs build/doctrees
	$(SPHINX) -b html build/docs
	CONVSPEC_TEST_SITE=build/docs $(RUN) -m pytest -n0 -q tests/docs/test_site.py

docs-linkcheck: docs
	$(SPHINX) -b linkcheck $(if $(OFFLINE),-D linkcheck_ignore=https?://) build/linkcheck

# The lowest versions that pyproject.toml allows are those of the dependencies, not of the tools.
COMPILE = $(RUN) -m uv pip compile --quiet --upgrade --universal --python-version 3.11 \
	--custom-compile-command 'make constraints' pyproject.toml --extra hdf5 --extra demo --extra lsp --extra pictures \
	--extra zarr --extra dask --extra xarray --extra remote --extra images --extra onnx
CI_GROUPS = test keras check coverage docs nox release

constraints: .venv/nox.stamp
	$(COMPILE) --extra cuda13 $(addprefix --group ,$(CI_GROUPS)) -o constraints/ci.txt
	$(COMPILE) --resolution lowest-direct -o constraints/lowest.txt

# The pure wheel, and of it one for this platform, which brings the machine code of all kernels.
wheel: .venv/test.stamp
	@rm -rf build/wheel build/lib build/bdist.*
	$(RUN) -m pip wheel --quiet --no-deps --no-build-isolation --wheel-dir build/wheel .
	$(RUN) scripts/wheel.py build/wheel/convspec-*.whl --into dist

release: .venv/release.stamp
	$(RUN) scripts/release.py $(VERSION)

clean:
	rm -rf .venv .nox build dist out *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis

# Where Python comes without ensurepip (Debian's python3 without python3-venv), the pip
# that goes with $(PYTHON) fills the environment. pip knows dependency groups from 25.1 on.
.venv/created.stamp:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "convspec needs Python 3.11 or later; '$(PYTHON)' is $$($(PYTHON) --version 2>&1)." >&2; \
		echo "Name another one: make PYTHON=python3.12 $(or $(MAKECMDGOALS),demo)" >&2; \
		exit 1; }
	$(PYTHON) -m venv .venv || { $(PYTHON) -m venv --without-pip .venv && \
		$(PYTHON) -m pip --python $(RUN) install --quiet pip; }
	$(RUN) -m pip install --quiet --upgrade 'pip>=25.1'
	@touch $@

# setuptools warns of editable installs at some length.
INSTALL = PYTHONWARNINGS=ignore $(RUN) -m pip install --quiet $(addprefix --constraint ,$(CONSTRAINTS))

# `pip install .` puts a copy in the place of the editable install; this puts it back.
editable:
	@ls .venv/lib/*/site-packages/__editable__.convspec-*.pth > /dev/null 2>&1 || \
		PYTHONWARNINGS=ignore $(RUN) -m pip install --quiet --no-deps --editable .

.venv/torch.stamp: | .venv/created.stamp
	$(if $(TORCH_INDEX),$(RUN) -m pip install --quiet --index-url '$(TORCH_INDEX)' torch)
	@touch $@

# CI has the compilers of CUDA 13.
.venv/cuda12.stamp: CONSTRAINTS =

EXTRAS = demo hdf5 cuda12 cuda13
$(EXTRAS:%=.venv/%.stamp): .venv/%.stamp: pyproject.toml $(CONSTRAINTS) | .venv/created.stamp
	$(INSTALL) --editable '.[$*]'
	@touch $@

.venv/%.stamp: pyproject.toml $(CONSTRAINTS) | .venv/created.stamp
	$(INSTALL) --editable . --group $*
	@touch $@
