# The gateway on an NVIDIA GPU: ONNX Runtime with CUDA, and TensorRT. CUDA's libraries come as wheels, so the base is the
# same as everywhere; the driver comes from the host, by way of NVIDIA's container toolkit.
#
#   docker build --file docker/gateway-gpu.Dockerfile --tag tin-serve/gateway-gpu .
#
# TensorRT's wheels fetch their libraries from NVIDIA while they are installed. Where that cannot be reached,
# --build-arg TENSORRT= leaves TensorRT out; ONNX Runtime with CUDA remains.

FROM python:3.11-slim-bookworm AS build

RUN apt-get update -qq \
 && apt-get install -y -qq --no-install-recommends binutils \
 && python3 -m venv /opt/venv
WORKDIR /build
COPY pyproject.toml constraints.txt ./
ARG TENSORRT=tensorrt-cu13
# The two ONNX Runtimes install to the same folder: the one for processors has to go first.
RUN touch README.md \
 && /opt/venv/bin/pip install --no-cache-dir --no-compile --constraint constraints.txt .[otel,remote] \
 && /opt/venv/bin/pip uninstall --yes onnxruntime \
 && /opt/venv/bin/pip install --no-cache-dir --no-compile --constraint constraints.txt \
      cuda-bindings "onnxruntime-gpu[cuda,cudnn]" $TENSORRT \
 && /opt/venv/bin/pip uninstall --yes pip setuptools \
 && find /opt/venv -type d -name tests -prune -exec rm -r {} + \
 && find /opt/venv -name "*.cpython-*.so" -exec strip --strip-debug {} + \
 && find /opt/venv -name "*.abi3.so" -exec strip --strip-debug {} + \
 # TensorRT's builder, the most of its bytes, makes engines only; the gateway runs them. The others are a second build of
 # NVRTC, which nothing loads, and what compilers read.
 && find /opt/venv -name "libnvinfer_builder_resource*" -delete \
 && find /opt/venv -path "*/nvidia/*" \( -name "*.alt.so*" -o -name "*.a" -o -name "*.h" -o -name "*.hpp" \) -delete

COPY clips /app/clips
COPY service /app/service
COPY tin /app/tin
# Bytecode of the modules that the service imports, and of no others: a container could not keep it.
ENV PYTHONPYCACHEPREFIX=/opt/bytecode
RUN cd /app && /opt/venv/bin/python -c "import urllib.request, uvicorn.lifespan.on, uvicorn.loops.auto, \
      service.__main__, service.serve_command, service.deployment.uvicorn_server, service.backends.onnx_cuda, \
      service.backends.tensorrt, service.decoding.worker, service.decoding.sandbox.late_parts"

FROM python:3.11-slim-bookworm

LABEL org.opencontainers.image.title="tin-serve gateway for GPUs" \
      org.opencontainers.image.description="Names the actions in videos with TIN, on an NVIDIA GPU" \
      org.opencontainers.image.licenses="Apache-2.0"

RUN useradd --uid 10001 --user-group --no-create-home --home-dir /tmp --shell /usr/sbin/nologin tin
COPY --from=build /opt/venv /opt/venv
COPY --from=build /opt/bytecode /opt/bytecode
COPY --from=build /app /app

ARG NVIDIA=/opt/venv/lib/python3.11/site-packages/nvidia
ENV PATH=/opt/venv/bin:$PATH \
    LD_LIBRARY_PATH=$NVIDIA/cu13/lib:$NVIDIA/cudnn/lib \
    CUDA_DEVICE_ORDER=PCI_BUS_ID \
    NVIDIA_VISIBLE_DEVICES=all \
    NVIDIA_DRIVER_CAPABILITIES=compute,utility \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONPYCACHEPREFIX=/opt/bytecode \
    TIN_HOST=0.0.0.0 \
    TIN_MODEL_STORE=/model_store
WORKDIR /app
USER tin
EXPOSE 8000
# CUDA graphs of all batch sizes are recorded before anything is answered.
HEALTHCHECK --interval=5s --timeout=3s --start-period=180s --retries=3 \
  CMD ["python", "-c", "import os, urllib.request as u; e = os.environ.get; p = e('TIN_PORT') or e('PORT') or 8000; \
    u.urlopen(f'http://127.0.0.1:{p}/health/ready', timeout=2)"]
ENTRYPOINT ["python", "-m", "service"]
CMD ["serve"]
