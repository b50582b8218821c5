# The kit with the versions of constraints.txt, for whoever grades or teaches from a container:
#
#   docker build -t backprop-dojo --build-arg PIP_EXTRA_INDEX_URL=... .    the index of torch's CPU builds
#   docker build -t backprop-dojo --build-arg TORCH=torch==2.13.0 .        or the large standard build, from any index
#   docker run --rm -it -v "$PWD/course:/course" backprop-dojo autograder init .
#   docker run --rm -it -v "$PWD/course:/course" backprop-dojo autograder grade submitted --assignment backprop
#
# bubblewrap needs user namespaces, which Docker's default profile forbids: with `--security-opt seccomp=unconfined
# --security-opt systempaths=unconfined` student code is confined as on a machine of its own, without them the degree of
# isolation is `process`. `autograder doctor` says which.

FROM python:3.13-slim-bookworm AS wheel
WORKDIR /kit
COPY . .
RUN pip wheel --no-cache-dir --no-deps --wheel-dir /wheels .

FROM python:3.13-slim-bookworm
ARG TORCH=torch==2.13.0+cpu
ARG PIP_EXTRA_INDEX_URL
COPY constraints.txt /tmp/constraints.txt
# torch first: whatever depends on it is then content with this build.
RUN pip install --no-cache-dir "$TORCH" --constraint /tmp/constraints.txt
COPY --from=wheel /wheels /tmp/wheels
RUN pip install --no-cache-dir /tmp/wheels/*.whl --constraint /tmp/constraints.txt \
    && useradd --create-home --uid 1000 instructor \
    && install --directory --owner=instructor /course
USER 1000:1000
WORKDIR /course
CMD ["autograder", "--help"]
