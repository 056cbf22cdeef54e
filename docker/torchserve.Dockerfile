# TorchServe, which serves the archives (*.mar) at the root of a model store on processors.
#
#   docker build --file docker/torchserve.Dockerfile --tag tin-serve/torchserve .
#
# TorchServe imports torch, our handler only ONNX Runtime. PyPI's torch brings CUDA, some gigabytes for nothing: give
# the index of torch's builds for processors as --build-arg PIP_EXTRA_INDEX_URL=..., or put its wheel in docker/wheels.

FROM python:3.11-slim-bookworm AS build

RUN python3 -m venv /opt/venv
WORKDIR /build
COPY constraints.txt ./
COPY docker/wheels wheels
ARG PIP_EXTRA_INDEX_URL
RUN /opt/venv/bin/pip install --no-cache-dir --no-compile --constraint constraints.txt --find-links wheels \
      numpy onnxruntime pyyaml torch torchserve \
 && /opt/venv/bin/pip uninstall --yes pip \
 && rm -r /opt/venv/lib/python3.11/site-packages/torch/include \
 && find /opt/venv -type d -name tests -prune -exec rm -r {} +

FROM python:3.11-slim-bookworm

LABEL org.opencontainers.image.title="tin-serve model server" \
      org.opencontainers.image.description="TorchServe with what TIN's archives need, on processors" \
      org.opencontainers.image.licenses="Apache-2.0"

RUN apt-get update \
 && DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends openjdk-17-jre-headless \
 && rm -rf /var/lib/apt/lists/*
RUN useradd --uid 10001 --user-group --no-create-home --home-dir /tmp --shell /usr/sbin/nologin tin \
 && install --directory --owner tin --group tin --mode 0700 /keys
COPY --from=build /opt/venv /opt/venv
COPY docker/torchserve /opt/torchserve

ENV PATH=/opt/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1
# TorchServe writes key_file.json, the tokens that it takes, to where it is started.
WORKDIR /keys
USER tin
EXPOSE 8080
HEALTHCHECK --interval=5s --timeout=3s --start-period=60s --retries=3 CMD ["python", "/opt/torchserve/healthy.py"]
ENTRYPOINT ["/opt/torchserve/start"]
