# Trains networks without convolutions, on data that need no picture decoder. The image runs `hone`; README.md says how to use it.
# Where the programs come from: `build` compiles them, `prebuilt` takes those that are the build context.
ARG PROGRAMS=build

FROM debian:bookworm-slim AS build
COPY tests/install-dependencies /src/tests/
RUN /src/tests/install-dependencies --only build
COPY CMakeLists.txt CMakePresets.json /src/
COPY datasets /src/datasets/
COPY engine /src/engine/
COPY trainer /src/trainer/
RUN cmake -S /src -B /build -G Ninja -DCMAKE_BUILD_TYPE=Release -DHONE_BUILD_TESTS=OFF -DHONE_BUILD_BENCH=OFF \
  && cmake --build /build --target hone_program hone_dense \
  && mkdir /programs \
  && strip -o /programs/hone /build/bin/hone \
  && strip -o /programs/hone-dense /build/bin/hone-dense

FROM scratch AS prebuilt
COPY . /programs/

FROM ${PROGRAMS} AS programs

FROM debian:bookworm-slim
# A folder below /root may be mounted at its own path: whoever runs here has to get through.
RUN apt-get update \
  && apt-get install -y --no-install-recommends tini libgomp1 libfmt9 libyaml-cpp0.7 zlib1g \
  && rm -rf /var/lib/apt/lists/* /var/cache/apt/*.bin /var/log/apt /var/log/dpkg.log \
  && chmod a+x /root \
  && useradd --uid 10001 --user-group --no-create-home --home-dir /tmp --shell /usr/sbin/nologin hone \
  && mkdir /data /model /out \
  && chown hone:hone /out
COPY --from=programs /programs/hone-dense /usr/local/bin/hone
RUN ["/usr/local/bin/hone", "info"]

LABEL org.opencontainers.image.title="hone-dense" \
  org.opencontainers.image.description="Trains networks without convolutions, on data that need no picture decoder." \
  org.opencontainers.image.licenses="MIT" \
  org.opencontainers.image.base.name="docker.io/library/debian:bookworm-slim"
ENV HOME=/tmp HONE_DATA=/data HONE_OUT=/out HONE_STALL_SECONDS=60
USER 10001:10001
WORKDIR /out
STOPSIGNAL SIGTERM
# The trainer itself, not just a process: it refreshes events.jsonl every two seconds while it gets on.
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=2 \
  CMD test "$(($(date +%s) - $(stat -c %Y "$HONE_OUT/events.jsonl")))" -le "$HONE_STALL_SECONDS"
ENTRYPOINT ["/usr/bin/tini", "--", "/usr/local/bin/hone"]
CMD ["train", "/model/hone.yaml", "--out", "/out", "--resume"]
