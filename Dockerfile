# One image for every process: `python -m gateway`, `python -m services.chat`, `seda health`, ... The target `operations`
# adds what backups need: docker build --target operations --build-arg POSTGRES_MAJOR=18 -t seda-operations . The target
# `pgbouncer` is that pooler, in the version of Debian that the tests run.
# Debian, because the wheels of the locked packages are made for glibc.

FROM python:3.11.14-slim-bookworm@sha256:65a93d69fa75478d554f4ad27c85c1e69fa184956261b4301ebaf6dbb0a3543d AS build
WORKDIR /src
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
SHELL ["/bin/bash", "-euo", "pipefail", "-c"]
# The environment gets only runtime packages: no pip, no generator, no test library.
COPY requirements-runtime.lock ./
RUN python -m venv --without-pip /opt/seda \
 && pip --python /opt/seda/bin/python install --require-hashes -r requirements-runtime.lock
# The project is built with the locked setuptools, so nothing outside the lock files takes part.
COPY requirements.lock ./
RUN sed -n '/^setuptools==/,/[^\\]$/p' requirements.lock > build.lock \
 && pip install --require-hashes --no-deps -r build.lock
COPY pyproject.toml README.md ./
COPY buf buf
COPY seda seda
# The extra `nats`: needs nothing besides.
RUN sed -n -E '/^nats-py==/,/[^\\]$/p' requirements.lock > nats.lock \
 && pip --python /opt/seda/bin/python install --require-hashes --no-deps -r nats.lock
# The extra `otel`: what it needs besides is a runtime package already, or named here.
RUN sed -n -E '/^opentelemetry-[a-z-]+==/,/[^\\]$/p' requirements.lock > otel.lock \
 && pip --python /opt/seda/bin/python install --require-hashes --no-deps -r otel.lock
# The extra `native`: needs nothing besides.
RUN sed -n -E '/^pygrpc-native==/,/[^\\]$/p' requirements.lock > native.lock \
 && pip --python /opt/seda/bin/python install --require-hashes --no-deps -r native.lock
COPY sedaclient sedaclient
COPY search_text search_text
COPY servicekit servicekit
COPY services services
COPY gateway gateway
COPY ops ops
COPY migrations migrations
RUN pip wheel --no-deps --no-build-isolation --wheel-dir dist . \
 && pip --python /opt/seda/bin/python install --no-deps --no-index dist/*.whl \
 && /opt/seda/bin/python -m compileall -q /opt/seda/lib

FROM build AS build-backup
# The extra `backup`: what it needs besides is a runtime package already.
RUN sed -n -E '/^(obstore|pyrage)==/,/[^\\]$/p' requirements.lock > backup.lock \
 && pip --python /opt/seda/bin/python install --require-hashes --no-deps --target /opt/backup -r backup.lock

FROM python:3.11.14-slim-bookworm@sha256:65a93d69fa75478d554f4ad27c85c1e69fa184956261b4301ebaf6dbb0a3543d AS services
RUN useradd --uid 10001 --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin seda
COPY --from=build /opt/seda /opt/seda
ENV PATH=/opt/seda/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
WORKDIR /tmp
USER 10001:10001
CMD ["seda", "--help"]

FROM services AS operations
# That of the server: an archive of a newer pg_dump is not restored to an older server.
ARG POSTGRES_MAJOR=15
# As root for the package manager alone.
USER 0:0
# Debian has one version; the others are in the repository of the PostgreSQL project, whose key Debian has.
RUN apt-get update \
 && if [ "$POSTGRES_MAJOR" != 15 ]; then \
      apt-get install -y --no-install-recommends postgresql-common=248+* \
      && /usr/share/postgresql-common/pgdg/apt.postgresql.org.sh -y; \
    fi \
 && apt-get install -y --no-install-recommends "postgresql-client-$POSTGRES_MAJOR=$POSTGRES_MAJOR.*" \
 && rm -rf /var/lib/apt/lists/* \
 && install -d -o 10001 -g 10001 -m 700 /backups
COPY --from=build-backup /opt/backup /opt/seda/lib/python3.11/site-packages
USER 10001:10001

FROM services AS pgbouncer
# As root for the package manager alone.
USER 0:0
RUN apt-get update \
 && apt-get install -y --no-install-recommends "pgbouncer=1.18.*" \
 && rm -rf /var/lib/apt/lists/*
USER 10001:10001
CMD ["pgbouncer", "/etc/seda/pgbouncer.ini"]

# Without --target, the image of the services.
FROM services
