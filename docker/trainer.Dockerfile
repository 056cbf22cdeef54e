# Trains and exports. Says what it can do when it is run without arguments.
#
#   docker build --file docker/trainer.Dockerfile --tag tin-serve/trainer .
#
# Which torch goes in, for processors or with CUDA, is chosen as in torchserve.Dockerfile.

FROM python:3.11-slim-bookworm AS build

RUN python3 -m venv /opt/venv
WORKDIR /build
COPY pyproject.toml constraints.txt ./
COPY docker/wheels wheels
ARG PIP_EXTRA_INDEX_URL
RUN touch README.md \
 && /opt/venv/bin/pip install --no-cache-dir --no-compile --constraint constraints.txt --find-links wheels .[export] \
 && /opt/venv/bin/pip uninstall --yes pip

FROM python:3.11-slim-bookworm

LABEL org.opencontainers.image.title="tin-serve trainer" \
      org.opencontainers.image.description="Trains TIN, exports it, and proves the export" \
      org.opencontainers.image.licenses="Apache-2.0"

RUN useradd --uid 10001 --user-group --no-create-home --home-dir /tmp --shell /usr/sbin/nologin tin
COPY --from=build /opt/venv /opt/venv
COPY clips /app/clips
COPY service /app/service
COPY tin /app/tin
COPY training /app/training
COPY export /app/export

ENV PATH=/opt/venv/bin:$PATH \
    PYTHONPATH=/app \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1
# Relative paths such as work-dirs/mine are the caller's, who mounts a folder here.
WORKDIR /project
USER tin
ENTRYPOINT ["python", "-m"]
CMD ["training.train", "--help"]
