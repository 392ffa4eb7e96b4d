# The project in an image: locked packages, nobody's root, its data under /data. Built and started by compose.yaml.
#
#   docker build -t tmdb-assets .

FROM python:3.11-slim-bookworm AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /build
RUN python -m venv /venv
# Packages change seldom: this layer is kept while the lock files are what they were.
COPY requirements.lock requirements-dashboard.lock ./
RUN /venv/bin/pip install --require-hashes --no-deps -r requirements.lock -r requirements-dashboard.lock
COPY pyproject.toml README.md LICENSE ./
COPY tmdb_assets tmdb_assets
RUN /venv/bin/pip install --no-deps --no-build-isolation . \
 && /venv/bin/python -m compileall -q /venv/lib

FROM python:3.11-slim-bookworm
RUN groupadd --gid 10001 tmdb \
 && useradd --uid 10001 --gid tmdb --home-dir /data --no-create-home --shell /usr/sbin/nologin tmdb \
 && install -d -o tmdb -g tmdb /data /data/dagster /data/drops/streamflow
COPY --from=build /venv /venv
COPY --chown=tmdb:tmdb data/dagster/dagster.yaml /data/dagster/dagster.yaml
COPY ops/compose/workspace.yaml /app/workspace.yaml
ENV PATH=/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    DAGSTER_HOME=/data/dagster \
    TMDB_ASSETS_LAKE=/data/lake \
    TMDB_ASSETS_WAREHOUSE=/data/warehouse.duckdb \
    TMDB_ASSETS_REPORTS=/data/reports \
    TMDB_ASSETS_SPILL=/data/spill \
    STREAMFLOW_DROPS=/data/drops/streamflow
WORKDIR /app
USER 10001:10001
VOLUME /data
# Whatever a container runs, it is well while it answers on its own port; compose.yaml says where each one is asked.
HEALTHCHECK --interval=30s --timeout=10s --start-period=60s --retries=3 \
    CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:3000/server_info', timeout=8)"]
EXPOSE 3000 8501 9321
CMD ["dagster-webserver", "--host", "0.0.0.0", "--port", "3000", "--workspace", "/app/workspace.yaml"]
