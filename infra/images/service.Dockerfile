# One image for every service; the command names which: order-service, user-service, gateway.
#
# It builds on the public images of Node as it is. Where they cannot be pulled, both base images are made from
# Debian's packages and the host lays the services out beforehand (`assembled/` in the context); `pnpm images` does
# either. Nothing in here needs BuildKit.
ARG BUILD_IMAGE=node:24.21.0-bookworm
ARG NODE_IMAGE=node:24.21.0-bookworm-slim

FROM ${BUILD_IMAGE} AS build
WORKDIR /source
COPY . .
RUN if [ -d assembled ]; then mv assembled /app; else infra/images/assemble /app; fi

FROM ${NODE_IMAGE}
ARG VERSION=unknown
ARG REVISION=unknown
LABEL org.opencontainers.image.title="dbsync services" \
      org.opencontainers.image.description="Replicas that own a SQLite database each, kept equal over Kafka" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
# Node is process 1's child, so that signals arrive and nobody's orphans stay.
RUN command -v tini >/dev/null || \
    { apt-get update && apt-get install --yes --no-install-recommends tini && rm -rf /var/lib/apt/lists/*; }
COPY --from=build /app /app
COPY infra/images/run-service infra/images/ask-service /usr/local/bin/
# Less memory for young objects and for threads; the supervisor of pnpm dev sets the same.
ENV NODE_OPTIONS=--max-semi-space-size=4 MALLOC_ARENA_MAX=2 NODE_COMPILE_CACHE=/compiled
# What Node makes of the sources is made here, and nobody may change it later. It is kept by user. Unconfigured, each
# service loads all of its code and ends with 2.
RUN mkdir /compiled && chown 10001:10001 /compiled && \
    for service in order-service user-service gateway; do \
      setpriv --reuid=10001 --regid=10001 --clear-groups run-service "$service" 2>/dev/null; [ $? -eq 2 ] || exit 1; \
    done && \
    chown -R 0:0 /compiled && chmod -R a=rX /compiled && test -n "$(ls /compiled)"
# Numbers, not names: Kubernetes can then tell that this is not root. The folder gives new volumes their owner.
RUN mkdir /data && chown 10001:10001 /data
USER 10001:10001
WORKDIR /app
# SQLite looks for a place for temporary files; with a read-only root there is only the volume.
ENV NODE_ENV=production HOST=0.0.0.0 PORT=8080 DATABASE_FILE=/data/service.db SQLITE_TMPDIR=/data
EXPOSE 8080
VOLUME /data
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=5s --timeout=3s --start-period=30s --retries=3 CMD ["ask-service", "/livez"]
ENTRYPOINT ["tini", "--", "run-service"]
CMD ["order-service"]
