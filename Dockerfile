# The build stage runs on the builder's own platform and cross-compiles, so
# that images for other platforms need no emulation.
FROM --platform=$BUILDPLATFORM golang:1.26 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
ARG TARGETOS
ARG TARGETARCH
ARG VERSION=devel
ARG COMMIT=
ARG DATE=
RUN CGO_ENABLED=0 GOOS=$TARGETOS GOARCH=$TARGETARCH \
    go build -trimpath -buildvcs=false -o /out/sshforward \
      -ldflags "-s -w -X main.version=$VERSION -X main.commit=$COMMIT -X main.date=$DATE" ./cmd/sshforward \
 && mkdir -p /state/var/lib/sshforward && chmod 0700 /state/var/lib/sshforward

FROM scratch
LABEL org.opencontainers.image.title="sshforward" \
      org.opencontainers.image.description="SSH to private EC2 instances, for a limited time, from Slack" \
      org.opencontainers.image.source="https://github.com/sshforward/sshforward" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /out/sshforward /sshforward
# The store's folder has to belong to the user before it becomes a volume.
COPY --from=build --chown=65532:65532 /state/ /
USER 65532:65532
VOLUME /var/lib/sshforward
# /metrics, /healthz and /readyz, if the configuration says listen: 0.0.0.0:9464.
EXPOSE 9464
# Whether the loop goes round that ends access. Whatever runs the container can
# ask /readyz, too.
HEALTHCHECK --interval=15s --timeout=5s --start-period=15s --retries=4 \
    CMD ["/sshforward", "health", "--config", "/etc/sshforward/sshforward.yaml"]
# It stops within 10 s of SIGTERM; give it 15.
STOPSIGNAL SIGTERM
ENTRYPOINT ["/sshforward"]
CMD ["serve", "--config", "/etc/sshforward/sshforward.yaml"]
