# The image of every part that is not a database: Airflow, the DAGs and the package.
ARG PYTHON_IMAGE=python:3.11.14-slim-bookworm

FROM ${PYTHON_IMAGE} AS build
# "yes" adds what workers on Celery need.
ARG CELERY=no
WORKDIR /opt/wattmark
RUN python -m venv .venv
COPY requirements.lock deploy/requirements-celery.lock ./
RUN .venv/bin/pip install --no-cache-dir --require-hashes --no-deps --requirement requirements.lock
RUN if [ "${CELERY}" = yes ]; then \
      .venv/bin/pip install --no-cache-dir --require-hashes --no-deps --requirement requirements-celery.lock; \
    fi
COPY pyproject.toml README.md LICENSE NOTICE ./
COPY src ./src
# Editable: the package finds include/ and migrations/ beside src/.
RUN .venv/bin/pip install --no-cache-dir --no-deps --no-build-isolation --editable . \
 && .venv/bin/pip check \
 && .venv/bin/python -m compileall -q src

FROM ${PYTHON_IMAGE}
RUN groupadd --gid 10001 wattmark \
 && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /var/lib/wattmark --shell /usr/sbin/nologin wattmark \
 && install --directory --owner=wattmark --group=wattmark --mode=0700 /var/lib/wattmark
WORKDIR /opt/wattmark
COPY --from=build /opt/wattmark ./
COPY include ./include
COPY expectations ./expectations
COPY migrations ./migrations
COPY dags ./dags
COPY plugins ./plugins
ENV PATH=/opt/wattmark/.venv/bin:$PATH \
    WATTMARK_HOME=/var/lib/wattmark \
    WATTMARK_PROJECT=/opt/wattmark \
    AIRFLOW_HOME=/var/lib/wattmark/airflow \
    PYTHONUNBUFFERED=1
USER 10001:10001
WORKDIR /var/lib/wattmark
VOLUME /var/lib/wattmark
CMD ["wattmark", "--help"]
