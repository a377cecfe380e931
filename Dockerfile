# The image runs every command, as a user without rights, and on a read-only root: what it writes goes to
# /tmp and to the volume, and to the volume only with the embedded database. compose.yaml and
# deploy/kubernetes are made of it; by itself, for this machine alone:
#   docker run --init --network host --read-only --tmpfs /tmp --cap-drop ALL \
#       --security-opt no-new-privileges -v teamgauge:/var/lib/teamgauge -v "$PWD":/etc/teamgauge:ro teamgauge

FROM python:3.13-slim AS builder
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
WORKDIR /src
COPY requirements-build.lock requirements.lock ./
RUN python -m venv /build && \
    /build/bin/python -m pip install --require-hashes --no-deps -r requirements-build.lock && \
    python -m venv --without-pip /opt/teamgauge && \
    /build/bin/python -m pip --python /opt/teamgauge/bin/python install --require-hashes --no-deps -r requirements.lock
COPY . .
RUN /build/bin/python -m pip wheel --no-index --no-deps --no-build-isolation --wheel-dir /wheels . && \
    /build/bin/python -m pip --python /opt/teamgauge/bin/python install --no-index --no-deps /wheels/*.whl

FROM python:3.13-slim
LABEL org.opencontainers.image.title="teamgauge" \
      org.opencontainers.image.description="Eight indicators per engineering team, from merge requests as they stood on any day" \
      org.opencontainers.image.licenses="Apache-2.0"
RUN groupadd --gid 10001 teamgauge && \
    useradd --uid 10001 --gid teamgauge --no-create-home --home-dir /var/lib/teamgauge teamgauge && \
    install --directory --owner teamgauge --group teamgauge --mode 0700 /var/lib/teamgauge /var/backups/teamgauge && \
    install --directory --owner teamgauge --group teamgauge /etc/teamgauge
COPY --from=builder /opt/teamgauge /opt/teamgauge
# A secret that is mounted below /run/secrets under its key's name, such as gitlab.token, needs no setting.
ENV PATH=/opt/teamgauge/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    CREDENTIALS_DIRECTORY=/run/secrets \
    TEAMGAUGE_DATABASE__DATA_DIR=/var/lib/teamgauge \
    TEAMGAUGE_SERVER__PORT=8000
USER 10001:10001
# where teamgauge.toml is looked for
WORKDIR /etc/teamgauge
VOLUME /var/lib/teamgauge
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s \
    CMD ["python", "-c", "import os, urllib.request as r; r.urlopen('http://127.0.0.1:' + os.environ['TEAMGAUGE_SERVER__PORT'] + '/healthz', timeout=4)"]
ENTRYPOINT ["teamgauge"]
CMD ["serve"]
