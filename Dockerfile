# One image for the web, the worker, beat and the migrations: docker-compose.yml says which is which.
# The Python that the tests run on; raise it here and in the tests together.
ARG PYTHON=3.11-slim-bookworm

FROM python:${PYTHON} AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
# Wheels only: nothing is compiled, so no compiler is needed even here. Each is compared with the hash of its lock file.
RUN python -m venv --without-pip /opt/venv
COPY requirements.lock requirements-saml.lock /tmp/
# `--build-arg SAML=1`: an institution's own sign-in may speak SAML (docs/operations.md).
ARG SAML=""
RUN pip --python /opt/venv/bin/python install --only-binary=:all: --require-hashes \
    --requirement /tmp/requirements.lock ${SAML:+--requirement /tmp/requirements-saml.lock}
ENV PATH=/opt/venv/bin:$PATH
WORKDIR /srv/summit
COPY . .
# The key signs nothing: it only lets the settings load while the image is built.
RUN SECRET_KEY=only-while-the-image-is-built-it-signs-nothing-0123456789 python manage.py compilemessages
RUN SECRET_KEY=only-while-the-image-is-built-it-signs-nothing-0123456789 python manage.py collectstatic --noinput
RUN python -m compileall -q accounts allocations attendees core notices outbox partners programme registrations summit venues

FROM python:${PYTHON}
RUN python -m pip uninstall --yes pip setuptools wheel \
    && groupadd --gid 10001 summit \
    && useradd --uid 10001 --gid summit --home-dir /srv/summit --no-create-home --shell /usr/sbin/nologin summit
ENV PATH=/opt/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 PORT=8000
WORKDIR /srv/summit
COPY --from=build /opt/venv /opt/venv
COPY --from=build /srv/summit /srv/summit
# The only folder that the processes may write to.
RUN install --directory --owner summit --group summit var var/media var/imports var/erasures
USER 10001:10001
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request; urllib.request.urlopen(f'http://127.0.0.1:{os.environ[\"PORT\"]}/livez', timeout=4)"]
CMD ["gunicorn", "summit.wsgi"]
