# The suite in a container: docker build -t mcp-hub-readiness . && docker run --rm --network host --user "$(id -u)" \
#   -v "$PWD:/site" mcp-hub-readiness check -m "health or alerts or e2e"
# The site's folder is mounted at /site: readiness.toml is read there, reports are written there. Tokens come in at run time
# (-e MCP_HUB_TOKEN), never at build time. More: docs/install.md.

FROM python:3.11-slim-bookworm AS build
WORKDIR /src
COPY . .
RUN python -m pip wheel --no-cache-dir --no-deps --wheel-dir /wheels . \
 && python -m venv /opt/readiness \
 && /opt/readiness/bin/pip install --no-cache-dir -c constraints.txt "$(ls /wheels/*.whl)[all]"

FROM python:3.11-slim-bookworm
# what checks of a host and of a release's history ask: ssh for [target] hosts, git for preflight
RUN apt-get update \
 && apt-get install -y --no-install-recommends git=1:2.* openssh-client=1:9.* \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --create-home --uid 10001 readiness \
 && mkdir /site && chown readiness:readiness /site
COPY --from=build /opt/readiness /opt/readiness
ENV PATH=/opt/readiness/bin:$PATH PYTHONUNBUFFERED=1
USER 10001
WORKDIR /site
ENTRYPOINT ["readiness"]
CMD ["--help"]
