# The program alone, for a cron job or a pipeline of your own.
#   docker build --tag reconciler .
#   docker run --rm --read-only --cap-drop ALL --security-opt no-new-privileges \
#     --volume "$PWD:/roles:ro" reconciler drift roles.yaml
# It runs as nobody in particular, and writes no file that it is not told to write.
FROM python:3.12-slim-bookworm@sha256:782412e85d0f0984994c290652577d4018aff08145c85b262bb63dc0c7522254 AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_NO_CACHE_DIR=1 \
    PIP_ROOT_USER_ACTION=ignore
WORKDIR /source
COPY requirements/build.txt requirements/run.txt requirements/
RUN python -m venv --without-pip /opt/reconciler \
    && python -m pip install --require-hashes -r requirements/build.txt \
    && python -m pip --python /opt/reconciler install --require-hashes -r requirements/run.txt
COPY . .
RUN python -m pip wheel --no-deps --no-build-isolation --wheel-dir /wheels . \
    && python -m pip --python /opt/reconciler install --no-index --no-deps /wheels/*.whl

FROM python:3.12-slim-bookworm@sha256:782412e85d0f0984994c290652577d4018aff08145c85b262bb63dc0c7522254
LABEL org.opencontainers.image.title="reconciler" \
      org.opencontainers.image.licenses="Apache-2.0"
RUN python -m pip uninstall --yes --root-user-action ignore pip
COPY --from=build /opt/reconciler /opt/reconciler
# A copy of the site would leave people's names on a volume.
ENV PATH=/opt/reconciler/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    RECONCILER_NO_CACHE=1
USER 65532:65532
WORKDIR /roles
ENTRYPOINT ["reconciler"]
CMD ["--help"]
