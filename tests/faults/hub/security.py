"""Faults of security: doors that are open, and answers that say too much."""

from __future__ import annotations

from tests.faults.hub.deployment import KNOWN_SECRET
from tests.faults.hub.model import Answer, Fault, How, Site
from tests.faults.hub.words import (
    CONFIG,
    DEGRADED,
    FAILED,
    HEALTH,
    INFO,
    SECURITY,
    TOOLS,
    UNPROVEN,
    UNSEEN_FROM_OUTSIDE,
    WATCHED,
    both,
    edit,
    says,
)

LEAKED = "sk-proj-" + "Zx9Qw7Er5Ty3Ui1Op0As8Df6Gh4Jk2Lz" + "Xc1Vb3Nm5"
"""Looks like a provider's key; made up."""
TRACE = (
    "<pre>Error: boom<br>    at Router.handle (/opt/mcp-hub/node_modules/express/lib/router/index.js:281:3)"
    "<br>    at process.processTicksAndRejections (node:internal/process/task_queues:95:5)</pre>"
)
JSON_TRACE = (
    b'{"error": "boom", "stack": "Error: boom\\n    at Router.handle (/opt/mcp-hub/src/server.js:281:3)'
    b'\\n    at node:internal/process/task_queues:95:5"}'
)

FAULTS = (
    Fault(
        name="open-without-a-token",
        sentence="Whoever reaches the public address may use the API.",
        how=How(authentication=False),
        expected={"api-requires-authentication": FAILED},
        ends=SECURITY,
        words=("200",),
    ),
    Fault(
        name="no-way-to-the-login",
        sentence="Agents are to log in by OAuth, and the 401 leads them nowhere.",
        how=How(),
        site=Site(config={"expect": {"oauth": True}}),
        expected={"agents-find-the-login": FAILED},
        ends=WATCHED,
        words=("WWW-Authenticate", "is not served at /.well-known/oauth-protected-resource"),
    ),
    Fault(
        name="health-is-open",
        sentence="Health alone answers strangers: it names servers, tools and paths.",
        how=How(answers=(Answer(route=HEALTH, status=200, body=b'{"server_id": "mcp-hub"}', listener="public"),)),
        expected={"api-requires-authentication": DEGRADED},
        ends=WATCHED,
        words=("/api/health",),
    ),
    Fault(
        name="admin-route-open",
        sentence="The public address lets anyone change the configuration: any command runs.",
        how=How(admin_open=True),
        expected={"admin-routes-are-closed": FAILED},
        ends=SECURITY,
        words=("/api/config",),
    ),
    Fault(
        name="config-leaks-a-key",
        sentence="The configuration holds a literal key and is read out to anyone.",
        how=How(edits=(edit(CONFIG, "config.toolFiltering.llmCategorization.apiKey", LEAKED),)),
        expected={"api-discloses-no-secret": FAILED},
        ends=SECURITY,
        words=("/api/",),
    ),
    Fault(
        name="header-leaks-a-key",
        sentence="A response header carries a key.",
        how=How(answers=(Answer(route=HEALTH, headers=(("X-Debug-Key", LEAKED),)),)),
        expected={"api-discloses-no-secret": FAILED},
        ends=SECURITY,
        words=("/api/",),
    ),
    Fault(
        name="refusal-leaks-a-key",
        sentence="What the hub refuses it answers with its own key.",
        how=How(
            answers=(says("GET /api/no-such-route", ('{"error": "no route for ' + LEAKED + '"}').encode(), status=404),)
        ),
        expected={"api-discloses-no-secret": FAILED},
        ends=SECURITY,
        words=("the refusal of GET /api/no-such-route",),
    ),
    Fault(
        name="header-name-leaks-a-key",
        sentence="A header is called like a value that is known.",
        how=How(answers=(Answer(route=HEALTH, headers=((KNOWN_SECRET, "yes"),)),)),
        expected={"api-discloses-no-secret": FAILED},
        ends=SECURITY,
        words=("a header's name",),
    ),
    Fault(
        name="key-broken-over-lines",
        sentence="A description holds a known value, broken over two lines.",
        how=How(edits=(edit(TOOLS, "tools.0.description", f"log in with\n{KNOWN_SECRET[:12]}\n{KNOWN_SECRET[12:]}"),)),
        expected={"api-discloses-no-secret": FAILED},
        ends=SECURITY,
        words=("GET /api/tools",),
    ),
    Fault(
        name="key-in-entities",
        sentence="A description holds a known value as a page's source would.",
        how=How(edits=(edit(TOOLS, "tools.0.description", "".join(f"&#{ord(c)};" for c in KNOWN_SECRET)),)),
        expected={"api-discloses-no-secret": FAILED},
        ends=SECURITY,
        words=("GET /api/tools",),
    ),
    Fault(
        name="refusal-names-a-variable",
        sentence="A refusal names the variable that holds a key, and not the key.",
        how=How(answers=(says("GET /api/no-such-route", b'{"error": "set ${OPENAI_API_KEY}"}', status=404),)),
    ),
    Fault(
        name="server-record-leaks-an-env-value",
        sentence="A server's record shows the environment it was started with.",
        how=How(edits=both("servers.0.env", {"OPENAI_API_KEY": LEAKED})),
        expected={"api-discloses-no-secret": FAILED},
        ends=SECURITY,
        words=("/api/",),
    ),
    Fault(
        name="tool-description-leaks-a-token",
        sentence="A tool's description holds a token.",
        how=How(edits=(edit(TOOLS, "tools.0.description", "use ghp_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"),)),
        expected={"api-discloses-no-secret": FAILED},
        ends=SECURITY,
        words=("/api/",),
    ),
    Fault(
        name="known-value-in-a-description",
        sentence="A tool's description holds the hub's key, which looks like no key.",
        how=How(edits=(edit(TOOLS, "tools.0.description", f"log in with {KNOWN_SECRET}"),)),
        expected={"api-discloses-no-secret": FAILED},
        ends=SECURITY,
        words=("/api/tools",),
    ),
    Fault(
        name="wildcard-cors",
        sentence="Any web page may read the API: Access-Control-Allow-Origin is *.",
        how=How(answers=(Answer(route=HEALTH, headers=(("Access-Control-Allow-Origin", "*"),)),)),
        expected={"cors-is-restricted": FAILED},
        ends=WATCHED,
        words=("*",),
    ),
    Fault(
        name="reflected-cors",
        sentence="Whatever origin asks is allowed, with credentials.",
        how=How(
            answers=(
                Answer(
                    route=HEALTH,
                    headers=(("Access-Control-Allow-Origin", "{origin}"), ("Access-Control-Allow-Credentials", "true")),
                ),
            )
        ),
        expected={"cors-is-restricted": FAILED},
        ends=WATCHED,
        words=("origin",),
    ),
    Fault(
        name="stack-traces-in-html",
        sentence="An unknown path is answered with a stack trace.",
        how=How(traces=TRACE),
        expected={"errors-hide-internals": FAILED},
        ends=WATCHED,
        words=("stack",),
    ),
    Fault(
        name="stack-traces-in-json",
        sentence="A bad request is answered with the stack and the files of the program.",
        how=How(answers=(Answer(route=INFO, status=500, body=JSON_TRACE, content_type="application/json"),)),
        expected={"errors-hide-internals": FAILED},
        ends=WATCHED,
        words=("stack",),
    ),
    Fault(
        name="http-without-redirect",
        sentence="The plain address serves the API instead of redirecting.",
        how=How(redirects="plain"),
        expected={"http-redirects-to-https": FAILED},
        ends=WATCHED,
        words=("https",),
    ),
    Fault(
        name="tls-expired",
        sentence="The certificate has expired.",
        how=How(tls="expired"),
        ends=UNPROVEN,
        words=("expired",),
        expected=UNSEEN_FROM_OUTSIDE,
    ),
    Fault(
        name="tls-wrong-name",
        sentence="The certificate is another host's.",
        how=How(tls="wrong-name"),
        ends=UNPROVEN,
        expected=UNSEEN_FROM_OUTSIDE,
        words=("made for another",),
    ),
    Fault(
        name="tls-self-signed",
        sentence="The certificate is from an authority that nobody trusts.",
        how=How(tls="self-signed"),
        ends=UNPROVEN,
        expected=UNSEEN_FROM_OUTSIDE,
        words=("not trusted",),
    ),
)
