# Trains what a Python program trains, with NumPy. The image runs the command that it is given; README.md says how.
FROM debian:bookworm-slim
# NumPy's own reference BLAS: the same bits on every machine, for any number of threads.
# A folder below /root may be mounted at its own path: whoever runs here has to get through.
RUN apt-get update \
  && apt-get install -y --no-install-recommends tini python3-numpy \
  && rm -rf /var/lib/apt/lists/* /var/cache/apt/*.bin /var/log/apt /var/log/dpkg.log \
  && chmod a+x /root \
  && useradd --uid 10001 --user-group --no-create-home --home-dir /tmp --shell /usr/sbin/nologin hone \
  && mkdir /data /model /out \
  && chown hone:hone /out
RUN ["/usr/bin/python3", "-c", "import numpy"]

LABEL org.opencontainers.image.title="hone-python" \
  org.opencontainers.image.description="Trains what a Python program trains, with NumPy." \
  org.opencontainers.image.licenses="MIT" \
  org.opencontainers.image.base.name="docker.io/library/debian:bookworm-slim"
ENV HOME=/tmp HONE_DATA=/data HONE_OUT=/out HONE_STALL_SECONDS=60 PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
USER 10001:10001
WORKDIR /model
STOPSIGNAL SIGTERM
# The program itself, not just a process: it touches events.jsonl while it gets on.
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=2 \
  CMD test "$(($(date +%s) - $(stat -c %Y "$HONE_OUT/events.jsonl")))" -le "$HONE_STALL_SECONDS"
# -g: signals reach what the program started as well.
ENTRYPOINT ["/usr/bin/tini", "-g", "--"]
CMD ["python3", "train.py"]
