# An image of the released static binaries.
#
#     docker build --build-arg ARCHIVE=mcp-overlay-v0.1.0-x86_64-unknown-linux-musl.tar.gz -t mcp-overlay .
#     docker run --rm --user "$(id -u):$(id -g)" -v "$PWD:/work" mcp-overlay check --quick
#
# ARCHIVE is an archive of a release in the build context; verify its checksum first (docs/install.md). The
# image has no interpreter: a subject in another language takes a base image of its own, and
# COPY --from=mcp-overlay /usr/local/bin/mcp-overlay /usr/local/bin/
FROM alpine:3.22 AS unpack
ARG ARCHIVE
COPY ${ARCHIVE} /release.tar.gz
RUN mkdir /release /empty && tar -xzf /release.tar.gz -C /release --strip-components=1

FROM scratch
# The certificate authorities that the host trusts.
COPY --from=unpack /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=unpack --chmod=1777 /empty /tmp
COPY --from=unpack /release/LICENSE /LICENSE
COPY --from=unpack /release/mcp-overlay /release/mcp-overlay-host /usr/local/bin/
ENV PATH=/usr/local/bin
USER 65532:65532
WORKDIR /work
ENTRYPOINT ["/usr/local/bin/mcp-overlay"]
CMD ["--help"]
