# A runtime's image without the runtime: its user, its folders, its configuration and the real entrypoint, which starts a reporter
# (main.go) where the runtime's program would be. Build context: a folder with entrypoint/ and reporter/ (see ../parity-images.ts).
ARG DEBIAN
ARG GO

FROM ${GO} AS entrypoint
WORKDIR /src
COPY entrypoint/ ./
RUN --mount=type=secret,id=build-env --mount=type=secret,id=ca \
    --mount=type=cache,id=clawfleet-go-mod,target=/root/go/pkg/mod --mount=type=cache,id=clawfleet-go-build,target=/root/.cache/go-build \
    CGO_ENABLED=0 GOMODCACHE=/root/go/pkg/mod build/with-build-env go build -trimpath -ldflags "-s -w" -o /out/ . ./front

FROM ${GO} AS reporter
COPY reporter/main.go /src/
RUN --mount=type=cache,id=clawfleet-go-build,target=/root/.cache/go-build \
    CGO_ENABLED=0 go build -trimpath -ldflags "-s -w" -o /out/reporter /src/main.go

FROM ${DEBIAN}
ARG NAME
ARG ID
ARG STATE_DIR
ARG PROGRAM
RUN groupadd --gid "${ID}" "${NAME}" \
    && useradd --uid "${ID}" --gid "${ID}" --home-dir "/home/${NAME}" --create-home --shell /usr/sbin/nologin "${NAME}" \
    && install -d -o "${ID}" -g "${ID}" -m 0700 "${STATE_DIR}" /run/claw \
    && find / -xdev -type f -perm /6000 -exec chmod a-s {} +
COPY --from=entrypoint /out/entrypoint /out/front /usr/local/bin/
COPY --from=reporter /out/reporter /usr/local/bin/${PROGRAM}
COPY reporter/etc/ /etc/claw/
WORKDIR /home/${NAME}
LABEL org.opencontainers.image.title="${NAME} without its runtime, for tests"
USER ${ID}:${ID}
ENTRYPOINT ["/usr/local/bin/entrypoint", "run"]
HEALTHCHECK --interval=30s --timeout=10s --start-period=30s CMD ["/usr/local/bin/entrypoint", "health"]
