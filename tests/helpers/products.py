"""Real MCP servers, bridges and gateways, as .ci/install-targets installs them: how each is started on loopback, and ended."""

from __future__ import annotations

import base64
import contextlib
import dataclasses
import hashlib
import hmac
import json
import os
import shutil
import signal
import socket
import subprocess
import time
import urllib.request
import uuid
from typing import TYPE_CHECKING, Any, Final

import psutil
import pytest

from tests.helpers.mcp_target import ECHO
from tests.helpers.pace import seconds
from tests.sources import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

FOLDER: Final = ROOT / ".tools" / "targets"
EVERYTHING: Final = "mcp-server-everything stdio"
CHILD: Final = "server-everything"
OPEN_TO_ALL: Final = {"cors-is-restricted": "failed"}
"""What the SDK's own HTTP servers do: they answer `Access-Control-Allow-Origin: *`."""
TOKEN: Final = "token-of-the-real-targets"
_START: Final = 60
"""Seconds that the slowest of them may take on an idle machine: ContextForge makes its database first."""
_JWT_KEY: Final = "Xq7vLw2RkT9mZb4HsYpC8nGdJ6fUaE3o"
_ADMIN: Final = "admin@example.com"
FASTMCP: Final = """
import os, sys
from fastmcp import FastMCP
from fastmcp.server.auth import StaticTokenVerifier
auth = StaticTokenVerifier(tokens={os.environ["KEY"]: {"client_id": "tests", "scopes": []}}) if os.environ.get("KEY") else None
server = FastMCP("billing", version="3.1.4", auth=auth)
@server.tool
def echo(message: str) -> str:
    "Echo it."
    return "Echo: " + message
server.run(transport="http", host="127.0.0.1", port=int(sys.argv[1]), show_banner=False)
"""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Product:
    """How one product is started on a port, what `init` is told, and what a healthy one comes to: outcomes besides well ones.

    Every one of them answers an unknown tool with a result that calls itself an error: a warning.
    """

    name: str
    argv: tuple[str, ...]
    """Of its words `PORT` is the port, and `ENVIRONMENT/PROGRAM` a program of a Python environment of ours."""
    needs: tuple[str, ...] = ("npm",)
    host: str = "127.0.0.1"
    path: str = "/mcp"
    kind: str = "mcp"
    key: str = ""
    environ: Mapping[str, str] = dataclasses.field(default_factory=dict)
    before: Callable[[Running], None] = lambda _: None
    """What has to be there before it starts."""
    after: Callable[[Running], None] = lambda _: None
    """What is done once it listens."""
    expected: Mapping[str, str] = dataclasses.field(default_factory=dict)
    status: str = "READY"
    own: str = ""
    """Its own route of health: it stays green whatever is broken behind it."""


@dataclasses.dataclass(slots=True, kw_only=True)
class Running:
    """A product that runs, with what it needs beside it: each process in a group of its own."""

    product: Product
    folder: Path
    port: int
    environ: dict[str, str]
    processes: dict[str, subprocess.Popen[bytes]] = dataclasses.field(default_factory=dict)

    def start(self, name: str, argv: tuple[str, ...], port: int) -> None:
        """Start one process, and wait until it listens."""
        words = [str(port) if word == "PORT" else _program(word) for word in argv]
        with (self.folder / f"{name}.log").open("ab") as log:
            process = subprocess.Popen(
                words, env=self.environ, cwd=self.folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True,
            )  # fmt: skip
        self.processes[name] = process
        end = time.monotonic() + seconds(_START)
        while time.monotonic() < end and process.poll() is None:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    return
            time.sleep(0.05)
        log_end = (self.folder / f"{name}.log").read_text("utf-8", "replace")[-2000:]
        pytest.fail(f"{name} did not listen on {port}: {log_end}")

    @property
    def url(self) -> str:
        """The address that its users have."""
        return f"http://{self.product.host}:{self.port}{self.product.path}"

    def start_product(self) -> None:
        """Start the product itself."""
        self.start(self.product.name, self.product.argv, self.port)

    def end(self, name: str) -> None:
        """End one process and what it started."""
        process = self.processes.pop(name)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(10)

    def child(self) -> psutil.Process:
        """The MCP server that a bridge started: the innermost process."""
        below = psutil.Process(self.processes[self.product.name].pid).children(recursive=True)
        return next(one for one in reversed(below) if CHILD in " ".join(one.cmdline()) and not one.children())

    def ask(self, route: str, body: Mapping[str, Any] | None = None) -> None:
        """GET of a route, or POST where there is a body, with the product's key; demands success."""
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}{route}", None if body is None else json.dumps(body).encode(),
            {"authorization": f"Bearer {self.environ['KEY']}", "content-type": "application/json"},
        )  # fmt: skip
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=seconds(30)):
            pass


def free_port() -> int:
    """A port that was free a moment ago."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def _program(word: str) -> str:
    environment, slash, name = word.partition("/")
    own = FOLDER / environment / "bin" / name
    return str(own) if slash and environment and own.exists() else word


def _require(needs: tuple[str, ...]) -> None:
    """Skip with the reason where a product is not installed: only what a registry does not have is no failure in CI."""
    for need in needs:
        if (FOLDER / f"{need}.unavailable").exists():
            pytest.skip(f"{need}: its registry does not have it")
        if not (FOLDER / f"{need}.wanted").exists():
            pytest.skip(f"{need} is not installed: run make targets")
    if "npm" in needs and shutil.which("node") is None:
        pytest.skip("node is not installed")


@contextlib.contextmanager
def running(product: Product, folder: Path) -> Iterator[Running]:
    """Start a product on loopback, and end what was started."""
    _require(product.needs)
    tools = f"{FOLDER / 'npm' / 'node_modules' / '.bin'}{os.pathsep}{os.environ['PATH']}"
    port = free_port()
    nowhere = "http://127.0.0.1:9"  # what would call home finds nobody
    environ = {"PATH": tools, "HOME": str(folder), "PORT": str(port), "KEY": product.key, **product.environ}
    environ |= {"HTTP_PROXY": nowhere, "HTTPS_PROXY": nowhere, "NO_PROXY": "127.0.0.1,localhost"}
    one = Running(product=product, folder=folder, port=port, environ=environ)
    try:
        product.before(one)
        one.start_product()
        product.after(one)
        yield one
    finally:
        for name in list(one.processes):
            one.end(name)


# --- ContextForge: one MCP server behind it ---------------------------------------------------------------------------

UPSTREAM: Final = "upstream"


def _jwt() -> str:
    """A token of its administrator, as its own `create_jwt_token` makes one."""
    now = int(time.time())
    user = {"email": _ADMIN, "full_name": "Tests", "is_admin": True, "auth_provider": "cli"}
    payload = {
        "username": _ADMIN,
        "sub": _ADMIN,
        "iat": now,
        "exp": now + 86400,
        "jti": str(uuid.uuid4()),
        "user": user,
    }
    payload |= {"iss": "mcpgateway", "aud": "mcpgateway-api", "env": "development", "teams": None}
    parts = [json.dumps({"alg": "HS256", "typ": "JWT"}).encode(), json.dumps(payload).encode()]
    signed = b".".join(base64.urlsafe_b64encode(part).rstrip(b"=") for part in parts)
    mac = base64.urlsafe_b64encode(hmac.new(_JWT_KEY.encode(), signed, hashlib.sha256).digest()).rstrip(b"=")
    return (signed + b"." + mac).decode()


def _with_an_upstream(one: Running) -> None:
    key, one.environ["KEY"] = one.environ["KEY"], ""
    one.environ["DATABASE_URL"] = f"sqlite:///{one.folder / 'contextforge.db'}"
    port = free_port()
    one.environ["UPSTREAM"] = f"http://127.0.0.1:{port}/mcp"
    one.start(UPSTREAM, ("fastmcp/python", "-c", FASTMCP, "PORT"), port)
    one.environ["KEY"] = key


def _registered(one: Running) -> None:
    one.ask("/gateways", {"name": "billing", "url": one.environ["UPSTREAM"], "transport": "STREAMABLEHTTP"})


_CONTEXTFORGE: Final = {
    "JWT_SECRET_KEY": _JWT_KEY,
    "AUTH_ENCRYPTION_SECRET": "b8WtN5yKcR1gVxM7zPhQ4jSdL9aFuE2o",
    "PLATFORM_ADMIN_EMAIL": _ADMIN,
    "PLATFORM_ADMIN_PASSWORD": "Tests-1-of-the-real-targets!",
    "BASIC_AUTH_PASSWORD": "Tests-2-of-the-real-targets!",
    "DEFAULT_USER_PASSWORD": "Tests-3-of-the-real-targets!",
    "CACHE_TYPE": "memory",
    "SSRF_ALLOW_LOCALHOST": "true",
    "SSRF_ALLOW_PRIVATE_NETWORKS": "true",
    # its limit of 100 requests a minute would stretch these runs to minutes
    "RATE_LIMITING_REDIS_ENABLED": "false",
    "RATE_LIMIT_MEDIUM_RPM": "100000",
    "RATE_LIMIT_LOW_RPM": "100000",
    "RATE_LIMIT_LOCKOUT_ENABLED": "false",
    "MCPGATEWAY_UI_ENABLED": "false",
    "PLUGINS_ENABLED": "false",
}


# --- LiteLLM: stdio servers, and a list of models that is never called ------------------------------------------------


def configure_litellm(one: Running, **servers: list[str]) -> None:
    """Write its configuration: each server as the arguments of python. It starts one for each list and each call, so ours is a light one."""
    servers = {"notes": [str(ROOT / "tests" / "helpers" / "stdio_server.py"), json.dumps({"tools": [ECHO]})], **servers}
    command = str(FOLDER / "litellm" / "bin" / "python")  # by its name one of the few that it allows
    document = {
        "model_list": [{"model_name": "fake", "litellm_params": {"model": "openai/fake", "api_key": "none"}}],
        "general_settings": {"master_key": one.environ["KEY"]},
        "mcp_servers": {k: {"transport": "stdio", "command": command, "args": v} for k, v in servers.items()},
    }
    (one.folder / "litellm.yaml").write_text(json.dumps(document), encoding="utf-8")


def restart_litellm_with_one_that_never_starts(one: Running) -> None:
    """A second MCP server that ends at once: LiteLLM serves the other one, and says that it is healthy."""
    one.end(one.product.name)
    configure_litellm(one, never=["-c", "raise SystemExit(1)"])
    one.start_product()


# --- all of them ------------------------------------------------------------------------------------------------------

PRODUCTS: Final = {
    product.name: product
    for product in (
        Product(name="fastmcp", argv=("fastmcp/python", "-c", FASTMCP, "PORT"), needs=("fastmcp",)),
        Product(name="fastmcp-with-a-key", argv=("fastmcp/python", "-c", FASTMCP, "PORT"), needs=("fastmcp",), key=TOKEN),
        Product(name="server-everything", argv=("mcp-server-everything", "streamableHttp"), expected=OPEN_TO_ALL, status="CONDITIONAL"),
        Product(
            name="mcp-proxy-npm",
            argv=("mcp-proxy", "--port", "PORT", "--host", "127.0.0.1", "--shell", EVERYTHING),
            kind="bridge",
            expected=OPEN_TO_ALL,
            status="CONDITIONAL",
            own="/ping",
        ),
        Product(
            name="mcp-proxy-pypi",
            argv=("mcp-proxy/mcp-proxy", "--port", "PORT", "--host", "127.0.0.1", "--named-server", "every", EVERYTHING),
            needs=("mcp-proxy", "npm"),
            path="/servers/every/mcp",
            kind="bridge",
            own="/status",
        ),
        Product(
            name="supergateway",
            argv=("supergateway", "--stdio", EVERYTHING, "--outputTransport", "streamableHttp", "--stateful", "--port", "PORT"),
            expected={"errors-hide-internals": "failed"},
            status="CONDITIONAL",
        ),
        Product(
            name="supergateway-stateless",
            argv=("supergateway", "--stdio", EVERYTHING, "--outputTransport", "streamableHttp", "--port", "PORT"),
            expected={"errors-hide-internals": "failed"},
            status="CONDITIONAL",
        ),
        Product(
            name="supergateway-sse",
            argv=("supergateway", "--stdio", EVERYTHING, "--port", "PORT", "--healthEndpoint", "/healthz"),
            path="/sse",
            # its default mode sends each agent's answers to all others: proven on the wire
            expected={"sessions-are-isolated": "failed", "errors-hide-internals": "failed"},
            status="NOT READY",
            own="/healthz",
        ),
        Product(
            name="playwright-mcp",
            argv=("playwright-mcp", "--port", "PORT", "--host", "127.0.0.1", "--headless"),
            host="localhost",  # it checks the name
            environ={"PLAYWRIGHT_BROWSERS_PATH": "/nonexistent"},
            # it lists 25 tools, and none of them works without a browser
            expected={"tool-call-returns-its-result": "failed"},
            status="NOT READY",
        ),
        Product(
            name="litellm",
            argv=("litellm/litellm", "--config", "litellm.yaml", "--host", "127.0.0.1", "--port", "PORT", "--telemetry", "False"),
            needs=("litellm",),
            kind="litellm",
            key="sk-token-of-the-real-targets",
            environ={"LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_ENABLE_MCP_STDIO": "true"},
            before=configure_litellm,
            # it takes any session id, known or not
            expected={**OPEN_TO_ALL, "malformed-requests-are-refused": "failed"},
            status="CONDITIONAL",
            own="/health/readiness",
        ),
        Product(
            name="contextforge",
            argv=("mcp-contextforge-gateway/mcpgateway", "--host", "127.0.0.1", "--port", "PORT"),
            needs=("mcp-contextforge-gateway", "fastmcp"),
            kind="contextforge",
            path="/mcp/",
            key=_jwt(),
            environ=_CONTEXTFORGE,
            before=_with_an_upstream,
            after=_registered,
            own="/ready",
        ),
    )
}  # fmt: skip
"""By name."""
