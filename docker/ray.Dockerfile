# A node of a cluster: the gateway's environment with Ray Serve, for docker/ray/rayservice.yaml, or a cluster in one container.
#
#   docker build --file docker/ray.Dockerfile --tag tin-serve/ray:0.1.0 .
#   docker run --shm-size 2g --publish 8000:8000 --volume $PWD/model_store:/model_store:ro tin-serve/ray:0.1.0

FROM python:3.11-slim-bookworm AS build

RUN python3 -m venv /opt/venv
WORKDIR /build
COPY pyproject.toml constraints.txt ./
RUN touch README.md \
 && /opt/venv/bin/pip install --no-cache-dir --no-compile --constraint constraints.txt .[cluster,otel] \
 && /opt/venv/bin/pip uninstall --yes pip

FROM python:3.11-slim-bookworm

LABEL org.opencontainers.image.title="tin-serve cluster node" \
      org.opencontainers.image.description="Names the actions in videos with TIN, on many machines" \
      org.opencontainers.image.licenses="Apache-2.0"

# KubeRay asks a pod for its health with wget.
RUN apt-get update -qq \
 && apt-get install -y -qq --no-install-recommends wget \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --uid 10001 --user-group --no-create-home --home-dir /tmp --shell /usr/sbin/nologin tin
COPY --from=build /opt/venv /opt/venv
COPY docker/ray /app/docker/ray
COPY clips /app/clips
COPY service /app/service
COPY tin /app/tin

# HAProxy takes requests to the ingress, and gRPC takes them on to the replicas: a third of the CPU time of Ray's own proxy
# and actor calls. The application's log stays on the standard error. By default Ray kills an HTTP proxy that takes more
# than 5 s to start, as it does on a busy node.
ENV PATH=/opt/venv/bin:$PATH \
    RAY_SERVE_ENABLE_HA_PROXY=1 \
    RAY_SERVE_THROUGHPUT_OPTIMIZED=1 \
    RAY_SERVE_LOG_TO_STDERR=1 \
    RAY_SERVE_REPLICA_GRPC_MAX_MESSAGE_LENGTH=2147483647 \
    RAY_SERVE_PROXY_READY_CHECK_TIMEOUT_S=60 \
    PYTHONPATH=/app \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    RAY_USAGE_STATS_ENABLED=0 \
    TIN_MODEL_STORE=/model_store
WORKDIR /app
USER tin
EXPOSE 8000
HEALTHCHECK --interval=5s --timeout=3s --start-period=120s --retries=3 \
  CMD ["wget", "--quiet", "--timeout=2", "--output-document=-", "http://127.0.0.1:8000/health/ready"]
ENTRYPOINT ["serve"]
CMD ["run", "docker/ray/serve.yaml"]
