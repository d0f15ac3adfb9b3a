# One image for every process: `python -m gateway`, `python -m services.chat`, `seda migrate deploy`, ...
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
COPY search_text search_text
COPY servicekit servicekit
COPY services services
COPY gateway gateway
COPY ops ops
COPY migrations migrations
RUN pip wheel --no-deps --no-build-isolation --wheel-dir dist . \
 && pip --python /opt/seda/bin/python install --no-deps --no-index dist/*.whl \
 && /opt/seda/bin/python -m compileall -q /opt/seda/lib

FROM python:3.11.14-slim-bookworm@sha256:65a93d69fa75478d554f4ad27c85c1e69fa184956261b4301ebaf6dbb0a3543d
RUN useradd --uid 10001 --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin seda
COPY --from=build /opt/seda /opt/seda
ENV PATH=/opt/seda/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
WORKDIR /tmp
USER 10001:10001
CMD ["seda", "--help"]
