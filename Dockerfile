# Two stages: pip and the build tools stay behind. Build behind a closed network with wheels from elsewhere:
#   docker build --build-arg BASE=... --build-arg PIP_ARGS="--no-index --find-links=/wheels" ...
# Runs read-only: docker run --read-only --tmpfs /tmp -v sayso:/var/lib/sayso -v ./sayso.toml:/etc/sayso/sayso.toml:ro ...
ARG BASE=python:3.13-slim

FROM ${BASE} AS build
ARG PIP_ARGS=""
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /src
COPY requirements/ requirements/
# What runs is compiled here, as it will lie on a read-only root; the build tools are used once and thrown away.
# hadolint ignore=SC2086
RUN python3 -m venv /opt/build \
    && /opt/build/bin/pip install ${PIP_ARGS} --no-compile --require-hashes -r requirements/build.txt \
    && python3 -m venv --without-pip /opt/sayso \
    && /opt/build/bin/pip --python /opt/sayso/bin/python install ${PIP_ARGS} --require-hashes -r requirements/runtime.txt
COPY pyproject.toml README.md LICENSE ./
COPY proxy/ proxy/
COPY forwarders/ forwarders/
COPY config/ config/
RUN /opt/build/bin/hatchling build --target wheel --directory /dist \
    && /opt/build/bin/pip --python /opt/sayso/bin/python install --no-index --no-deps /dist/*.whl

FROM ${BASE}
ENV PATH=/opt/sayso/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 \
    SAYSO_CONFIG=/etc/sayso/sayso.toml SAYSO_DATA_DIR=/var/lib/sayso
COPY --from=build /opt/sayso /opt/sayso
# The embedded store's files are on the volume, unless the configuration names another data_dir.
RUN install -d -o 10001 -g 10001 -m 0700 /var/lib/sayso && install -d /etc/sayso
WORKDIR /var/lib/sayso
VOLUME /var/lib/sayso
USER 10001:10001
EXPOSE 8080
# Asks /healthz wherever admin_listen is. -I: nothing on the volume can stand in for a module.
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s --retries=3 \
    CMD ["python3", "-I", "-m", "proxy.healthcheck"]
ENTRYPOINT ["sayso"]
CMD ["serve"]
