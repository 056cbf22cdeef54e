# The gateway on processors: FastAPI and ONNX Runtime, no torch.
#
#   docker build --file docker/gateway.Dockerfile --tag tin-serve/gateway .

FROM python:3.11-slim-bookworm AS build

RUN apt-get update -qq \
 && apt-get install -y -qq --no-install-recommends binutils \
 && python3 -m venv /opt/venv
WORKDIR /build
# The project without its code gives what it depends on: this layer stays when only code changes.
COPY pyproject.toml constraints.txt ./
RUN touch README.md \
 && /opt/venv/bin/pip install --no-cache-dir --no-compile --constraint constraints.txt .[oip,otel,remote] \
 && /opt/venv/bin/pip uninstall --yes pip setuptools \
 && find /opt/venv -type d -name tests -prune -exec rm -r {} + \
 # Some wheels' modules hold what only a debugger reads, 44 MB in all.
 && find /opt/venv -name "*.cpython-*.so" -exec strip --strip-debug {} + \
 && find /opt/venv -name "*.abi3.so" -exec strip --strip-debug {} +

COPY clips /app/clips
COPY service /app/service
COPY tin /app/tin
# Bytecode of the modules that the service imports, and of no others: a container could not keep it.
ENV PYTHONPYCACHEPREFIX=/opt/bytecode
RUN cd /app && /opt/venv/bin/python -c "import urllib.request, uvicorn.lifespan.on, uvicorn.loops.auto, \
      service.__main__, service.serve_command, service.deployment.uvicorn_server, service.backends.onnx_runtime, \
      service.decoding.worker, service.decoding.sandbox.late_parts"

FROM python:3.11-slim-bookworm

LABEL org.opencontainers.image.title="tin-serve gateway" \
      org.opencontainers.image.description="Names the actions in videos with TIN, on processors" \
      org.opencontainers.image.licenses="Apache-2.0"

RUN useradd --uid 10001 --user-group --no-create-home --home-dir /tmp --shell /usr/sbin/nologin tin
COPY --from=build /opt/venv /opt/venv
COPY --from=build /opt/bytecode /opt/bytecode
COPY --from=build /app /app

ENV PATH=/opt/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONPYCACHEPREFIX=/opt/bytecode \
    TIN_HOST=0.0.0.0 \
    TIN_MODEL_STORE=/model_store
WORKDIR /app
USER tin
EXPOSE 8000
HEALTHCHECK --interval=5s --timeout=3s --start-period=60s --retries=3 \
  CMD ["python", "-c", "import os, urllib.request as u; e = os.environ.get; p = e('TIN_PORT') or e('PORT') or 8000; \
    u.urlopen(f'http://127.0.0.1:{p}/health/ready', timeout=2)"]
ENTRYPOINT ["python", "-m", "service"]
CMD ["serve"]
