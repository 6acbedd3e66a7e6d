# Build: docker build -t unroll .
# Run:   docker run -p 8001:8001 -p 8002:8002 -v $PWD/models:/models:ro unroll

FROM debian:bookworm-slim AS build
WORKDIR /src
COPY deploy/build-packages.txt deploy/
RUN apt-get update -qq \
 && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $(cat deploy/build-packages.txt)
COPY . .
RUN cmake --preset release -DUNROLL_BUILD_TESTS=OFF \
 && cmake --build --preset release \
 && strip build/release/bin/unroll-server build/release/bin/unroll

FROM debian:bookworm-slim
COPY deploy/runtime-packages.txt /tmp/
RUN apt-get update -qq \
 && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $(cat /tmp/runtime-packages.txt) \
 && rm -rf /var/lib/apt/lists/* /tmp/runtime-packages.txt \
 && useradd --system --uid 10001 --no-create-home unroll
COPY --from=build /src/build/release/bin/unroll-server /src/build/release/bin/unroll /usr/local/bin/
USER 10001
EXPOSE 8001 8002
ENV UNROLL_MODEL_REPOSITORY=/models
VOLUME /models
# The server is process 1 and gets SIGTERM itself: it drains and exits 0.
STOPSIGNAL SIGTERM
ENTRYPOINT ["/usr/local/bin/unroll-server"]
