# Everything one needs, from a machine that has Python and make. `make help` lists the targets.

PYTHON ?= python3
PIP = -m pip install -qq --disable-pip-version-check --constraint constraints.txt

# One more process than there are cores: tests of servers and clusters often wait.
WORKERS ?= $(shell echo $$(($$(nproc) + 1)))
INTERPRETERS = TIN_TEST_PYTHON=$(CURDIR)/.venv/bin/python TIN_TEST_GENERATOR=$(CURDIR)/.venv-openapi/bin/python
PYTEST = OMP_NUM_THREADS=1 .venv-dev/bin/python -m pytest --numprocesses $(WORKERS)

# 1.9 MB in the repository, of which a browser fetches nothing before somebody tries an operation.
SWAGGER_UI = 5.35.0

# Of ONNX Runtime, for what imports it without our packages.
export ORT_DISABLE_TELEMETRY ?= 1

serve: .venv/ready ## start the service with the models in model_store/, on PORT or TIN_PORT (8000)
	.venv/bin/python -m service serve $(if $(PORT),--port $(PORT))

test: .venv/ready .venv-dev/ready .venv-openapi/ready ## run all tests, the service's against the base environment
	@command -v chromium >/dev/null || echo "without chromium the browser tests are skipped"
	@command -v java >/dev/null || echo "without Java 17 the TorchServe tests are skipped"
	@command -v promtool >/dev/null || echo "without promtool the test that it makes of /metrics is skipped"
	@/usr/bin/python3 -c "import gi; gi.require_version('GstRtspServer', '1.0')" 2>/dev/null \
	  || echo "without GStreamer's RTSP server the tests of RTSP are skipped"
	$(INTERPRETERS) $(PYTEST) --dist loadfile

test-fast: .venv-dev/ready ## run the tests that take no seconds, browser, Java, Ray or containers
	$(PYTEST) -m "not slow"

coverage: .venv/ready .venv-dev/ready .venv-openapi/ready ## run all tests and print the lines that none of them runs
	$(INTERPRETERS) $(PYTEST) --dist loadfile --cov --cov-report term

check: .venv-dev/ready ## lint, formatting, types
	.venv-dev/bin/ruff check .
	.venv-dev/bin/ruff format --check .
	.venv-dev/bin/mypy

demo-model: .venv-dev/ready ## train the demo model from nothing and publish it to model_store/
	.venv-dev/bin/python -m training.train tin_motion --work-dir work-dirs/tin_motion --validate
	.venv-dev/bin/python -m training.train tin_motion_finish --work-dir work-dirs/tin_motion_finish --validate
	.venv-dev/bin/python -m training.train tin_motion_figures --work-dir work-dirs/tin_motion_figures --validate
	.venv-dev/bin/python -m training.evaluate tin_motion work-dirs/tin_motion_figures/checkpoint.safetensors --calibrate
	.venv-dev/bin/python -m export work-dirs/tin_motion_figures/checkpoint.safetensors --name tin-motion --version 1 \
	  --formats onnx,onnx-int8,onnx-fp16,torchserve,triton --replace
	.venv-dev/bin/python -m tests.benchmarks.timelines --write  # window, step and threshold of its timelines
	.venv-dev/bin/python -m tin reexport --store model_store --formats onnx,onnx-int8,onnx-fp16,torchserve,triton

figures: .venv-dev/ready ## print how well the demo model sees motion (a few minutes)
	.venv-dev/bin/python -m training.motion_report tin_motion model_store/tin-motion/1/checkpoint.safetensors \
	  --out tests/benchmarks/results/motions-$$(date +%F).json

control: .venv-dev/ready ## train the demo network without interlacing, briefly, and print its figures
	.venv-dev/bin/python -m training.train tin_motion --work-dir work-dirs/control \
	  --set model.temporal=none --set data.steps_per_epoch=10
	.venv-dev/bin/python -m training.motion_report tin_motion work-dirs/control/checkpoint.safetensors --clips 128

test-rtx: .venv-rtx/ready ## let TensorRT-RTX, which needs no GPU, parse and build the full-size network
	.venv-rtx/bin/python -m pytest -rs tests/export/formats/test_tensorrt.py

gpu: ## with a GPU: test and measure all that needs one, into OUT, within SECONDS (900); PYTHON has torch with CUDA
	$(PYTHON) -m tests.gpu $(if $(OUT),--out $(OUT)) $(if $(SECONDS),--seconds $(SECONDS))

gpu-pack: .venv-dev/ready ## fill gpu-pack.tar.xz with what `make gpu` needs on a machine without a package index
	.venv-dev/bin/python -m tests.gpu.pack

bench-decode: .venv-bench/ready ## compare decoders; FILES="a.mp4 ..." adds your own videos
	.venv-bench/bin/python -m tests.benchmarks.decoding $(FILES)

bench-ut: .venv-dev/ready ## fine-tune on UT-Interaction in DATA, ten folds a set, TIN, TSM and TSN (hours); goes on where it was
	.venv-dev/bin/python -m tests.benchmarks.bench_ut $(DATA)

bench-timeline: .venv-dev/ready ## measure the segments of made films, and of UT-Interaction in DATA with the runs that bench-ut left
	.venv-dev/bin/python -m tests.benchmarks.timelines $(if $(DATA),--data $(DATA))

bench-latency: .venv-dev/ready ## measure a video alone on one core and on two, and four clients (three minutes on a quiet machine)
	.venv-dev/bin/python -m tests.benchmarks.latency $(ARGS)

bench-peers: .venv-peers/ready ## compare whole answers with what else one would run (a quarter of an hour, ARGS=--short four minutes; needs Java 17)
	.venv-peers/bin/python -m tests.benchmarks.peers $(ARGS)

figures-docs: .venv-dev/ready ## write the tables of README and docs from tests/benchmarks/results
	.venv-dev/bin/python -m tests.benchmarks.tables

bench-export: .venv-dev/ready ## compare exported graphs, int8 and OpenVINO too, with torch and with the obvious export on one core
	.venv-dev/bin/python -m tests.benchmarks.bench_export

bench-start: .venv/ready .venv-dev/ready ## measure how soon the service is ready, what is imported, and what is installed
	.venv-dev/bin/python -m tests.benchmarks.start

load: .venv-load/ready ## send the service more than it can take, beside the same work without a server (two minutes)
	.venv-load/bin/python -m tests.benchmarks.load --out tests/benchmarks/results $(if $(FILE),--video $(FILE))

soak: .venv-dev/ready ## send 10,000 requests and see that no memory is lost (a few minutes)
	SOAK_REQUESTS=10000 .venv-dev/bin/python -m pytest tests/service/test_soak.py

soak-live: .venv-dev/ready ## run `tin live` on an RTSP server that is ended twice; memory, CPU, dropped frames (30 minutes)
	.venv-dev/bin/python -m tests.benchmarks.live.soak --minutes $(or $(MINUTES),30) $(if $(JSON),--json $(JSON))

soak-live-page: .venv-dev/ready ## watch a film of motions on the page /live and print how soon each is named (ten minutes)
	LIVE_SECONDS=600 .venv-dev/bin/python -m pytest tests/service/web/live/test_motions.py

attack: .venv/ready .venv-dev/ready ## send 100,000 hostile uploads and count the answers by status (ten minutes or so)
	TIN_TEST_PYTHON=$(CURDIR)/.venv/bin/python SVT_LOG=1 .venv-dev/bin/python -m tests.helpers.hostile.attack

smoke: ## build the images, start them, post a clip, look inside, remove the containers (needs Docker)
	docker/smoke tests/benchmarks/results

smoke-gpu: .venv-dev/ready ## build the gateway's image for GPUs, without TensorRT, and start it without a GPU (needs Docker and 7 GB)
	docker build --file docker/gateway-gpu.Dockerfile --build-arg TENSORRT= --tag tin-serve/gateway-gpu:0.1.0 .
	.venv-dev/bin/python -m pytest tests/docker/test_gateway_gpu.py

swagger-ui: ## fetch Swagger UI, which the page /docs loads to try an operation, in its pinned version (needs npm)
	folder=$$(mktemp -d) && npm pack --silent --pack-destination $$folder swagger-ui-dist@$(SWAGGER_UI) \
	&& tar -xzmf $$folder/*.tgz --strip-components=1 --no-same-owner -C service/web/docs/swagger-ui \
	  $(addprefix package/,LICENSE NOTICE swagger-ui-bundle.js swagger-ui-bundle.js.LICENSE.txt swagger-ui.css) \
	&& rm -r $$folder

fuzz: .venv-fuzz/ready ## check 5,000 videos with wrong times, then damage videos until Ctrl-C; the corpus grows in work-dirs/fuzz
	.venv-fuzz/bin/python -m tests.helpers.fuzzing.clock_faults --seed $$(date +%s) --cases 5000
	.venv-fuzz/bin/python -m tests.helpers.fuzzing.damage work-dirs/fuzz --atheris -rss_limit_mb=4096

# An environment is ready when the stamp in it is newer than what it is made from.
.venv/ready: pyproject.toml constraints.txt
	@echo "setting up .venv to serve (a minute or so)"
	@$(PYTHON) -m venv .venv
	@.venv/bin/python $(PIP) --editable .
	@touch $@

.venv-%/ready: pyproject.toml constraints.txt
	@echo "setting up .venv-$* (a few minutes)"
	@$(PYTHON) -m venv .venv-$*
	@.venv-$*/bin/python $(PIP) --editable .[$*]
	@touch $@

# torchcodec needs another torch than training, one for CUDA, also where there is no GPU.
.venv-bench/ready: pyproject.toml constraints.txt
	@echo "setting up .venv-bench (5.5 GB)"
	@$(PYTHON) -m venv .venv-bench
	@grep -v -e "^torch=" -e "^nvidia-" -e "^cuda-" -e "^triton=" constraints.txt > .venv-bench/constraints.txt
	@.venv-bench/bin/python -m pip install -qq --disable-pip-version-check --constraint .venv-bench/constraints.txt \
	  torch==2.14.1 --editable .[bench]
	@touch $@

# Not an extra, as this generator of clients takes typer below 0.28 only.
.venv-openapi/ready: constraints.txt
	@echo "setting up .venv-openapi (half a minute)"
	@$(PYTHON) -m venv .venv-openapi
	@grep -v "^typer=" constraints.txt > .venv-openapi/constraints.txt
	@.venv-openapi/bin/python -m pip install -qq --disable-pip-version-check --constraint .venv-openapi/constraints.txt \
	  openapi-python-client typer==0.27.3
	@touch $@

# BentoML's instrumentation of aiohttp has no release for the OpenTelemetry that is pinned for the rest.
.venv-peers/ready: pyproject.toml constraints.txt
	@echo "setting up .venv-peers (a few minutes)"
	@$(PYTHON) -m venv .venv-peers
	@grep -v "^opentelemetry" constraints.txt > .venv-peers/constraints.txt
	@.venv-peers/bin/python -m pip install -qq --disable-pip-version-check --constraint .venv-peers/constraints.txt \
	  --editable .[peers] opentelemetry-sdk==1.45.1
	@touch $@

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## /  make \1\t/p' Makefile | expand -t 22

.PHONY: serve test test-fast coverage check demo-model figures control test-rtx gpu gpu-pack bench-decode bench-export bench-latency bench-peers bench-start figures-docs bench-timeline bench-ut load soak soak-live soak-live-page attack smoke smoke-gpu swagger-ui fuzz help
