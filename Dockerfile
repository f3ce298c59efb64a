# The Node server, for Knative, Kubernetes and every other place that runs containers.
#   docker build -t spillway .
#   docker run --rm --read-only -p 8080:8080 -v "$PWD/infra/config/manifests:/etc/spillway/manifests:ro" -e SPILLWAY_MANIFESTS=/etc/spillway/manifests spillway
#
# To pin the base images, look up what you have tested and write it behind the tag (node:24-trixie-slim@sha256:…):
#   docker buildx imagetools inspect node:24-trixie-slim --format '{{.Manifest.Digest}}'
# No digest stands here because none could be checked where this file was written.

FROM node:24-trixie-slim AS build
WORKDIR /src
COPY package.json package-lock.json ./
RUN npm ci --no-audit --no-fund
COPY tsconfig.json ./
COPY scripts scripts
COPY src src
COPY adapters adapters
COPY cli cli
COPY console console
# By the image's own Node. Source maps, the bundle for Lambda and the compile cache of this stage's user stay here.
RUN node scripts/build.ts && find dist -name '*.map' -delete && rm -rf dist/lambda dist/compile-cache dist/meta*.json
RUN mkdir /compile-cache

# No shell, no package manager, no root: Node, certificate authorities and time zones.
FROM gcr.io/distroless/nodejs24-debian13:nonroot
WORKDIR /app
COPY --from=build /src/package.json ./
COPY --from=build /src/dist ./
COPY --from=build --chown=65532:65532 /compile-cache /compile-cache
# By number, so that Kubernetes can see that it is not root.
USER 65532:65532
ENV NODE_ENV=production \
    NODE_COMPILE_CACHE=/compile-cache \
    PORT=8080
# Loads the whole server, then the compiler, and ends cleanly, which is when Node writes its compile cache. It is kept by user, version and processor.
RUN ["/nodejs/bin/node", "/app/spillway.js", "serve", "--help"]
RUN ["/nodejs/bin/node", "/app/spillway.js", "check", "--help"]
EXPOSE 8080
# No HEALTHCHECK: Kubernetes and Knative do not read it and ask /-/readyz and /-/healthz themselves, and there is no curl in here to ask with.
ENTRYPOINT ["/nodejs/bin/node", "/app/spillway.js"]
# On loopback nobody would reach it.
CMD ["serve", "--host", "0.0.0.0"]
