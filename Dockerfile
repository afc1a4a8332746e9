# syntax=docker/dockerfile:1

# The build runs on the builder's own processor and compiles for the one that is asked for.
FROM --platform=$BUILDPLATFORM oven/bun:1.4.5-debian AS build
WORKDIR /src
COPY . .
RUN --mount=type=cache,target=/root/.bun/install/cache \
    bun install --frozen-lockfile --production --ignore-scripts
ARG TARGETARCH
RUN bun scripts/build.ts --arch "${TARGETARCH}" && mkdir /data

FROM gcr.io/distroless/base-debian12:nonroot
ARG VERSION=0.1.0
ARG REVISION=
LABEL org.opencontainers.image.title="Doable" \
      org.opencontainers.image.description="A multi-user to-do API: one binary, embedded or real PostgreSQL" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.base.name="gcr.io/distroless/base-debian12:nonroot"
COPY --from=build /src/dist/doable /doable
# Empty: a new volume takes its owner from it.
COPY --from=build --chown=65532:65532 /data /data
ENV HOST=0.0.0.0 PORT=8000 DATA_DIR=/data
USER 65532:65532
WORKDIR /data
EXPOSE 8000
VOLUME ["/data"]
HEALTHCHECK --interval=10s --timeout=5s --start-period=20s --retries=3 CMD ["/doable", "healthcheck"]
ENTRYPOINT ["/doable"]
CMD ["serve"]
