# make          what there is
# make demo     installs, builds, serves the bundled models and calls them
# make test     installs, builds, runs all tests

BIN := build/release/bin
SUDO := $(shell test `id -u` = 0 || echo sudo)
SOURCES = $(shell git ls-files '*.h' '*.cc')

# Installs what is missing of a list of Debian packages.
define install
	@missing=$$(for p in $$(cat $(1)); do \
	    dpkg-query -W -f '$${Status}' $$p 2>/dev/null | grep -q 'ok installed' || echo $$p; done); \
	if [ -n "$$missing" ]; then \
	  command -v apt-get >/dev/null || { echo "This is not Debian: install what $(1) lists by hand"; exit 1; }; \
	  echo "Installing" $$missing; \
	  $(SUDO) apt-get update -qq && \
	  $(SUDO) env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $$missing; \
	fi
endef

.PHONY: help deps test-deps check-deps bench-deps build test demo simulate format check-format lint fuzz bench-kernels bench-scheduler bench-server bench-doors clean

help:
	@echo "make demo          install, build, serve the bundled models, show predictions and metrics"
	@echo "make test          install, build, run all tests"
	@echo "make build         install, build: $(BIN)/unroll-server and $(BIN)/unroll"
	@echo "make deps          install what the build needs (Debian 12)"
	@echo "make format        format all C++ with clang-format"
	@echo "make check-format  fail if anything is not formatted"
	@echo "make lint          clang's thread-safety analysis (errors) and clang-tidy"
	@echo "make simulate      the scheduler under SIMULATE_SEEDS=100000 random courses of events"
	@echo "make fuzz          the readers of bytes from outside against FUZZ_SECONDS=60 of libFuzzer each"
	@echo "make bench-kernels compare the kernels with other libraries; ONLY='ort_*,...' for some ratios"
	@echo "make bench-scheduler  compare ways of batching (about 20 minutes); ONLY='capacity_*_w1,...' for some ratios"
	@echo "make bench-server  compare the server with a bare gRPC echo server; ONLY='echo_share_*,...' for some ratios"
	@echo "make bench-doors   ModelInfer beside Predict on the same work (a minute)"
	@echo "make clean         remove build/"

deps:
	$(call install,deploy/build-packages.txt)

test-deps: deps
	$(call install,deploy/test-packages.txt)

check-deps: test-deps
	$(call install,deploy/check-packages.txt)

bench-deps: test-deps
	$(call install,deploy/bench-packages.txt)

build/release/build.ninja: | deps
	@cmake --preset release

build: build/release/build.ninja
	@cmake --build --preset release

test: test-deps build
	@ctest --test-dir build/release --output-on-failure -j 2

demo: build
	@tools/demo.sh $(BIN)

format: check-deps
	@clang-format-14 -i $(SOURCES)

check-format: check-deps
	@clang-format-14 --dry-run -Werror $(SOURCES)

SIMULATE_SEEDS := 100000
simulate: test-deps build
	@SIMULATE_SEEDS=$(SIMULATE_SEEDS) $(BIN)/unroll_serve_test --gtest_filter='SimulationTest.*'

FUZZ_SECONDS := 60
fuzz: check-deps
	@test -f build/fuzz/build.ninja || cmake --preset fuzz
	@cmake --build --preset fuzz
	@printf '%s\n' safetensors pytorch pickle onnx config state_token | \
	  xargs -P `nproc` -I{} tests/fuzz/run.sh build/fuzz {} $(FUZZ_SECONDS)

# The newest of the libraries to compare with, in an environment of their own.
BENCH_ENV := build/bench-env
$(BENCH_ENV)/installed: | bench-deps
	@/usr/bin/python3 -m venv $(BENCH_ENV)
	@$(BENCH_ENV)/bin/pip install --quiet --disable-pip-version-check onnxruntime openvino onnx numpy
	@touch $@

ONLY :=
bench-kernels: $(BENCH_ENV)/installed build/release/build.ninja
	@cmake --build --preset release --target unroll_kernel_worker
	@$(BENCH_ENV)/bin/python tests/bench/kernels.py --worker $(BIN)/unroll_kernel_worker $(if $(ONLY),--only '$(ONLY)')

bench-scheduler: test-deps build/release/build.ninja
	@cmake --build --preset release --target unroll_scheduler_worker
	@/usr/bin/python3 tests/bench/scheduler.py --worker $(BIN)/unroll_scheduler_worker $(if $(ONLY),--only '$(ONLY)')

bench-server: test-deps build/release/build.ninja
	@cmake --build --preset release --target unroll_echo_server
	@/usr/bin/python3 tests/bench/server.py --bin $(BIN) $(if $(ONLY),--only '$(ONLY)')

bench-doors: test-deps build/release/build.ninja
	@cmake --build --preset release --target unroll_doors_bench
	@$(BIN)/unroll_doors_bench

lint: check-deps
	@test -f build/clang/build.ninja || cmake --preset clang
	@cmake --build --preset clang --target unroll-server unroll
	@printf "%s\n" $(filter core/% server/% client/%,$(filter %.cc,$(SOURCES))) | \
	  xargs -P `nproc` -n 1 -t clang-tidy-14 --quiet -p build/clang

clean:
	rm -rf build
