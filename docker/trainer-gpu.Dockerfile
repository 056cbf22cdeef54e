# Trains and exports on an NVIDIA GPU, with TensorRT's builder: what it makes of a model, docker/gateway-gpu.Dockerfile serves.
#
#   docker build --file docker/trainer-gpu.Dockerfile --tag tin-serve/trainer-gpu .
#
# torch comes with CUDA from PyPI. TensorRT's wheels fetch their libraries from NVIDIA while they are installed; where that
# cannot be reached, --build-arg EXTRAS=export leaves TensorRT out, and no engine can be built.

FROM python:3.11-slim-bookworm AS build

RUN python3 -m venv /opt/venv
WORKDIR /build
COPY pyproject.toml constraints.txt ./
ARG EXTRAS=export,tensorrt
# torch needs the very versions of CUDA's libraries that it was built with, and the pins are those of the gateway.
RUN touch README.md \
 && sed -i -e "/^nvidia-/d" -e "/^cuda-/d" -e "/^triton=/d" constraints.txt \
 && /opt/venv/bin/pip install --no-cache-dir --no-compile --constraint constraints.txt .[$EXTRAS] \
 && /opt/venv/bin/pip uninstall --yes pip

FROM python:3.11-slim-bookworm

LABEL org.opencontainers.image.title="tin-serve trainer for GPUs" \
      org.opencontainers.image.description="Trains TIN, exports it, and builds TensorRT engines, on an NVIDIA GPU" \
      org.opencontainers.image.licenses="Apache-2.0"

# Triton compiles the launchers of its kernels with it.
RUN apt-get update -qq \
 && apt-get install -y -qq --no-install-recommends gcc libc6-dev \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --uid 10001 --user-group --no-create-home --home-dir /tmp --shell /usr/sbin/nologin tin
COPY --from=build /opt/venv /opt/venv
COPY clips /app/clips
COPY service /app/service
COPY tin /app/tin
COPY training /app/training
COPY export /app/export

ENV PATH=/opt/venv/bin:$PATH \
    CUDA_DEVICE_ORDER=PCI_BUS_ID \
    NVIDIA_VISIBLE_DEVICES=all \
    NVIDIA_DRIVER_CAPABILITIES=compute,utility \
    PYTHONPATH=/app \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1
# Relative paths such as work-dirs/mine are the caller's, who mounts a folder here.
WORKDIR /project
USER tin
ENTRYPOINT ["python", "-m"]
CMD ["training.train", "--help"]
