"""Scripts as others write them, each judged by the checks that it was once judged wrongly by."""

from __future__ import annotations

import dataclasses
import subprocess
import textwrap
from typing import TYPE_CHECKING, Final

import pytest

from tests.faults import runner

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

HEAD: Final = "#!/usr/bin/env bash\nset -euo pipefail\n"
COMPOSE: Final = "services:\n  hub:\n    image: example/hub:1.2.3\n    restart: unless-stopped\n"
UNIT: Final = "[Service]\nExecStart=/usr/bin/node /srv/hub/current/cli.js\nRestart=always\n"
BOUNDED: Final = "curl -fsS --max-time 5 --retry 2 --retry-delay 2 http://127.0.0.1:7000/api/health"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A release of a few files, and what some checks must come to: an outcome, and words of its reason behind a colon."""

    name: str
    files: Mapping[str, str]
    expected: Mapping[str, str]
    config: str = ""


def _supervised(name: str, files: Mapping[str, str], outcome: str) -> Case:
    return Case(name=name, files=files, expected={"service-is-supervised": outcome})


def _rollback(name: str, lines: str, **expected: str) -> Case:
    return Case(
        name=name,
        files={"scripts/rollback.sh": HEAD + textwrap.dedent(lines)},
        expected={check.replace("_", "-"): outcome for check, outcome in expected.items()},
    )


def _validation(name: str, lines: str, outcome: str) -> Case:
    files = {"scripts/validate.sh": "#!/usr/bin/env bash\nset -e\n" + textwrap.dedent(lines)}
    return Case(name=name, files=files, expected={"validation-passes-when-healthy": outcome})


def _image(name: str, files: Mapping[str, str], outcome: str) -> Case:
    there = {"package.json": "{}", "src/cli.js": "", "docs/a.md": ""}
    return Case(name=name, files=there | dict(files), expected={"containers-name-what-is-there": outcome})


def _stop(name: str, lines: str, outcome: str) -> Case:
    files = {"scripts/stop.sh": "#!/usr/bin/env bash\n" + textwrap.dedent(lines)}
    return Case(name=name, files=files, expected={"stop-is-graceful": outcome})


def _green(name: str, lines: str, outcome: str, **more: str) -> Case:
    files = {"scripts/validate.sh": HEAD + textwrap.dedent(lines), **more}
    return Case(name=name, files=files, expected={"validation-fails-when-broken": outcome})


def _secret(name: str, lines: str, outcome: str) -> Case:
    return Case(
        name=name,
        files={"scripts/deploy.sh": HEAD + textwrap.dedent(lines)},
        expected={"secrets-stay-off-command-lines": outcome},
    )


CASES: Final = (
    # a role is what a script does
    Case(
        name="a package is published",
        files={"scripts/release.sh": HEAD + "npm version patch\nnpm publish\ngit push origin main --tags\n"},
        expected={"every-phase-rolls-back": "not_applicable", "failed-build-rolls-back": "not_applicable"},
    ),
    Case(
        name="a changelog is written by what is called a pipeline",
        files={"scripts/pipeline.sh": HEAD + "git log --oneline > CHANGES\n", "scripts/deploy.sh": HEAD + "systemctl restart mcp-hub\n"},
        expected={"every-phase-rolls-back": "unknown:orchestrator = "},
    ),
    Case(
        name="the orchestrator is declared",
        files={"ops/ship-it.sh": HEAD + "npm ci\nsystemctl restart mcp-hub\n", "scripts/deploy.sh": HEAD + "npm ci\n"},
        expected={"every-phase-rolls-back": "failed:ops/ship-it.sh"},
        config='scripts = {orchestrator = "ops/ship-it.sh"}\n',
    ),
    Case(
        name="no script rolls back, as declared",
        files={"scripts/deploy.sh": HEAD + "npm ci\n"},
        expected={"rollback-needs-no-terminal": "not_applicable", "rollback-keeps-data": "not_applicable"},
        config='scripts = {rollback = "none"}\n',
    ),
    # who restarts it
    _supervised("compose under another name, by ssh", {
        "docker-compose.production.yml": COMPOSE,
        "scripts/deploy.sh": HEAD + "ssh \"deploy@hub-1\" 'cd /srv/hub && docker compose -f docker-compose.production.yml up -d'\n",
    }, "passed"),
    _supervised("compose under a name with a prefix", {
        "deploy/prod.compose.yaml": COMPOSE, "scripts/deploy.sh": HEAD + "docker compose -f deploy/prod.compose.yaml up -d\n",
    }, "passed"),
    _supervised("a unit on another machine", {"scripts/deploy.sh": HEAD + "ssh hub-1 'sudo systemctl restart mcp-hub'\n"}, "passed"),
    _supervised("an example of a unit", {
        "systemd/mcp-hub.service.example": UNIT, "scripts/start.sh": HEAD + "exec node dist/cli.js\n",
    }, "passed"),
    _supervised("nothing says who restarts it", {"scripts/start.sh": HEAD + "exec node dist/cli.js\n"}, "unknown:what restarts the hub is not known"),
    _supervised("nohup", {"scripts/start.sh": HEAD + "nohup node dist/cli.js > hub.log 2>&1 &\n"}, "failed:scripts/start.sh:3"),
    _supervised("a start that is only tried", {
        "systemd/mcp-hub.service": UNIT,
        "scripts/deploy.sh": HEAD + f"npm ci\nnpm start &\npid=$!\nsleep 5\n{BOUNDED} || {{ kill $pid; exit 1; }}\nkill $pid\nrsync -a dist/ deploy@hub-1:/srv/hub/next/\n",
    }, "passed"),
    _supervised("a start that a trap ends", {
        "systemd/mcp-hub.service": UNIT,
        "scripts/deploy.sh": HEAD + f"npm ci\nnode dist/cli.js &\npid=$!\ntrap 'kill $pid' EXIT\n{BOUNDED}\n",
    }, "passed"),
    *(
        _supervised(f"in the background: {command}", {"scripts/start.sh": HEAD + f"{command} > hub.log 2>&1 &\n"}, "failed:scripts/start.sh:3")
        for command in (
            "bun run dist/cli.js --port 7000", "bun dist/cli.js", "bunx mcp-hub --port 7000 --config c.json", "pnpm exec mcp-hub --port 7000", "pnpm dlx mcp-hub",
            "yarn mcp-hub --port 7000", "yarn start", "node --env-file=.env dist/cli.js", "node --env-file .env dist/cli.js", "npx -y mcp-hub --port 7000",
            "npx mcp-hub@4.2.1 --port 7000", "npx -p mcp-hub mcp-hub", "npm exec mcp-hub -- --port 7000", "setsid node dist/cli.js", "deno run -A npm:mcp-hub@4",
        )
    ),
    _supervised("a task in the background that is no start", {
        "systemd/mcp-hub.service": UNIT, "scripts/start.sh": HEAD + "npm run build &\nnpx tsc -p . &\nwait\nsystemctl start mcp-hub\n",
    }, "passed"),
    # how others stop
    _stop("pids in quotes", 'pids=$(lsof -t -i :7000)\nkill "$pids"\nsleep 30\nkill -9 "$pids"\n', "failed:as one word"),
    _stop("pids in quotes, by a function", 'end() { kill "$1"; sleep 31; kill -9 "$1"; }\nend "$(pidof node)"\n', "failed:as one word"),
    _stop("the first pid in quotes", 'pid=$(pgrep -f dist/cli.js | head -1)\nkill "$pid"\nsleep 30\nkill -9 "$pid"\n', "passed"),
    _stop("the oldest pid in quotes", 'kill "$(pgrep -o -f cli.js)"\nsleep 30\nkill -9 "$(pgrep -of cli.js)"\n', "passed"),
    _stop("pids through xargs", "lsof -ti :7000 | xargs -r kill\nsleep 30\nlsof -ti :7000 | xargs -r kill -9\n", "passed"),
    _stop("pids one by one", 'pgrep -f cli.js | while read -r pid; do kill "$pid"; done\nsleep 30\npkill -9 -f cli.js\n', "passed"),
    _stop("INT", "p=$(systemctl show -p MainPID --value hub)\nkill -INT $p\nsleep 30\nkill -9 $p\n", "passed"),
    _stop("INT by its number", 'p=$(pidof -s hub)\nkill -2 "$p"\nsleep 30\nkill -9 "$p"\n', "passed"),
    _stop("INT alone", "kill -s SIGINT $(pidof hub)\n", "failed:never killed"),
    _stop("start-stop-daemon", "start-stop-daemon --stop --pidfile /run/hub.pid --retry=TERM/40/KILL/5\n", "passed"),
    _stop("start-stop-daemon in a hurry", "start-stop-daemon -K -p /run/hub.pid -R 5\n", "failed:5 s"),
    _stop("start-stop-daemon once", "start-stop-daemon --stop --pidfile /run/hub.pid\n", "failed:never killed"),
    _stop("fuser", "fuser -k 7000/tcp\n", "failed:kills at once"),
    _stop("fuser with TERM", "fuser -k -TERM 7000/tcp\nsleep 30\nfuser -k 7000/tcp\n", "passed"),
    _stop("kill-port", "npx --yes kill-port 7000\n", "failed:kills at once"),
    _stop("docker kill", "docker kill hub\n", "failed:kills at once"),
    _stop("docker rm -f", "docker rm -f hub\n", "failed:kills at once"),
    _stop("compose", "docker compose -f prod.yml down -t 45\n", "passed"),
    _stop("compose in a hurry", "docker-compose stop -t 5\n", "failed:5 s"),
    _stop("compose as it is set", "docker compose down\n", "unknown:not written in the script"),
    _stop("systemctl kill", "systemctl kill -s KILL mcp-hub\n", "failed:kills at once"),
    _stop("an old pid file", "kill $(cat /srv/hub/hub.pid)\nsleep 30\nkill -9 $(cat /srv/hub/hub.pid)\n", "degraded:another's process"),
    _stop("an old pid file of a process that is there", 'p=$(cat hub.pid)\nkill -0 "$p" || exit 0\nkill "$p"\nsleep 30\nkill -9 "$p"\n', "passed"),
    _stop("an old pid file that is looked at", 'p=$(cat hub.pid)\ngrep -q cli.js "/proc/$p/cmdline" || exit 0\nkill "$p"\nsleep 30\nkill -9 "$p"\n', "passed"),
    # validations that are green for ever
    _green("what failed is told", f"{BOUNDED} || echo bad\n", "failed:no request is answered"),
    _green("what failed is told by an if", f"if {BOUNDED}; then echo ok; else echo bad; fi\n", "failed:no request is answered"),
    _green("what failed is counted and forgotten", f'n=0\n{BOUNDED} || n=$((n + 1))\necho "$n failed"\n', "failed:no request is answered"),
    _green("a loop that runs out", f"for i in 1 2 3; do {BOUNDED} && break; sleep 2; done\necho done\n", "failed:no request is answered"),
    _green("behind a pipe without pipefail", f"set +o pipefail\n{BOUNDED} | tee health.json\n", "failed:no request is answered"),
    _green("errors that are counted in nothing", f'n=$({BOUNDED} | grep -c error || true)\n[ "$n" -eq 0 ]\n', "failed:no request is answered"),
    _green("curl without --fail", "curl -s --max-time 5 http://127.0.0.1:7000/api/tools > /dev/null\n", "failed:answered with an error"),
    _green("this tool, and nobody listens", "readiness check -m health || echo bad\n", "failed:no request is answered"),
    _green("a route of nginx's own", "curl -fsS -m 5 https://hub.example.com/health\n", "degraded:nginx/hub.conf answers by itself", **{
        "nginx/hub.conf": "server {\n  location = /health { access_log off; return 200 'ok'; }\n}\n",
    }),
    _green("a route that nginx hands on", "curl -fsS -m 5 https://hub.example.com/health\n", "passed", **{
        "nginx/hub.conf": "server {\n  location = /health { proxy_pass http://127.0.0.1:7000/api/tools; }\n}\n",
    }),
    _green("life alone", f"{BOUNDED} > /dev/null\n", "degraded:asks nothing but /api/health"),
    _green("life, and what it says", f"{BOUNDED} | grep -q ready\n", "passed"),
    _green("a loop that ends badly", f"for i in 1 2 3; do {BOUNDED} | jq -e '.state' && exit 0; sleep 2; done\nexit 1\n", "passed"),
    _green("the code is looked at", "c=$(curl -s -o /dev/null -w '%{http_code}' http://127.0.0.1:7000/api/tools || true)\n[ \"$c\" = 200 ] || exit 1\n", "passed"),
    _green("a program of its own", "node scripts/smoke.mjs\n", "passed"),
    # what images are built from
    _image("a file that is not there", {"Dockerfile": "FROM node:22\nCOPY package.json yarn.lock ./\n"}, "failed:Dockerfile:2 COPY yarn.lock: it is not there"),
    _image("a file in another form", {"Dockerfile": 'FROM node:22\nADD --chown=node ["package.json", "conf/hub.json", "/app/"]\n'}, "failed:ADD conf/hub.json"),
    _image("a file that may be missing", {"Dockerfile": "FROM node:22\nCOPY package.json package-lock.json* ./\nCOPY config/*.json /app/\n"}, "passed"),
    _image("an env file of the host", {
        ".gitignore": "node_modules\n.env*\n", "compose.yml": "services:\n  hub:\n    image: hub\n    env_file: .env.production\n",
    }, "passed"),
    _image("an env file with a template", {".env.example": "A=1\n", "compose.yml": "services:\n  hub:\n    image: hub\n    env_file: .env\n"}, "passed"),
    _image("a file that is left out", {"Dockerfile": "FROM node:22\nCOPY src ./src\n", ".dockerignore": "**\n!package.json\n"}, "failed:.dockerignore leaves it out (**)"),
    _image("a file that its own list leaves out", {"Dockerfile": "FROM node:22\nCOPY docs/a.md /\n", "Dockerfile.dockerignore": "docs\n"}, "failed:leaves it out (docs)"),
    _image("a stage that is not there", {"Dockerfile": "FROM node:22 AS build\nFROM node:22-slim\nCOPY --from=builder /app/dist ./dist\n"}, "failed:--from=builder"),
    _image("a stage that comes later", {"Dockerfile": "FROM node:22 AS a\nCOPY --from=1 /x /x\nFROM a AS b\n"}, "failed:--from=1"),
    _image("a file of another folder", {"Dockerfile": "FROM node:22\nCOPY ../shared /shared\n"}, "failed:outside of the folder"),
    _image("a health check that ends well", {"Dockerfile": "FROM node:22\nHEALTHCHECK --interval=30s \\\n  CMD curl -f http://localhost:7000/api/health || true\n"}, "failed:Dockerfile:2 HEALTHCHECK never fails"),
    _image("a health check of words", {"Dockerfile": 'FROM node:22\nHEALTHCHECK CMD ["sh", "-c", "wget -q localhost:7000; exit 0"]\n'}, "failed:never fails"),
    _image("a health check without --fail", {"compose.yml": "services:\n  hub:\n    image: hub\n    healthcheck:\n      test: [CMD, curl, -s, 'http://localhost:7000/api/health']\n"}, "failed:curl without --fail"),
    _image("an env file that is not there", {"docker-compose.yml": "services:\n  hub:\n    image: hub\n    env_file: [.env.production]\n"}, "failed:docker-compose.yml:4 env_file .env.production"),
    _image("a context of compose", {"deploy/Dockerfile": "FROM node:22\nCOPY missing.txt /\n", "compose.yml": "services:\n  hub:\n    build: {context: ., dockerfile: deploy/Dockerfile}\n"}, "failed:missing.txt"),
    _image("all is there", {
        "Dockerfile": "# syntax=docker/dockerfile:1\nARG BASE=node:22\nFROM $BASE AS build\nWORKDIR /app\nCOPY --link --chmod=644 package*.json ./\nCOPY <<EOF /app/x\nCOPY nothing /\nEOF\n"
        "RUN <<EOT\nCOPY no /\nEOT\nCOPY . .\nRUN npm ci && npm run build\nADD https://example.com/a.tgz /a\nCOPY $CONF /conf\nFROM node:22-slim\nCOPY --from=build /app/dist ./dist\nCOPY --from=0 /app/x /x\n"
        "COPY --from=nginx:1.27 /etc/nginx /n\nCOPY --from=busybox /bin/sh /sh\nCOPY dist ./more\nHEALTHCHECK CMD curl -fsS localhost:7000/api/health || exit 1\n",
        ".dockerignore": "node_modules\n*.md\n", "compose.yml": "services:\n  hub:\n    build: .\n    env_file:\n      - {path: .env, required: false}\n      - ${ENV_FILE}\n",
    }, "passed"),
    _image("a context elsewhere", {"Dockerfile": "FROM node:22\nCOPY apps/hub /hub\n", "compose.yml": "services:\n  hub:\n    build: {context: .., dockerfile: release/Dockerfile}\n"}, "passed"),
    _image("a context that nothing names", {"docker/Dockerfile": "FROM node:22\nCOPY apps/hub /hub\n"}, "passed"),
    _image("a list with an exception", {"Dockerfile": "FROM node:22\nCOPY src ./src\nCOPY package.json .\n", ".dockerignore": "*\n!src\n!package.json\n"}, "passed"),
    _supervised("compose that restarts nothing", {
        "compose.yml": COMPOSE.replace("unless-stopped", '"no"'), "scripts/start.sh": HEAD + "exec node dist/cli.js\n",
    }, "unknown:what restarts the hub is not known"),
    # what is no secret
    _secret("the path of a key", 'SSH_KEY=/home/hub/.ssh/id_ed25519\ninstall -d "$(dirname "$SSH_KEY")"\nrsync -e "ssh -i $SSH_KEY" -a dist/ hub-1:/srv/\n', "passed"),
    _secret("the size of a key", 'rsa_key_size=4096\nopenssl req -x509 -newkey "rsa:$rsa_key_size" -keyout k.pem -out c.pem\n', "passed"),
    _secret("a setting's name", 'set_it() { local key=$1; sed -i "s/^$key.*/$key no/" app.conf; }\nset_it PasswordAuthentication\n', "passed"),
    _secret("a temporary file", 'TEMP_SECRETS=$(mktemp)\nchmod 600 "$TEMP_SECRETS"\n', "passed"),
    _secret("a file of a key in the environment", 'ssh -i "$DEPLOY_KEY" hub-1 true\nscp -i "$DEPLOY_KEY" a hub-1:b\n', "passed"),
    _secret("a count", 'missing_keys=$(grep -c REPLACE .env)\necho "$missing_keys"\nlogger "$missing_keys keys"\n', "passed"),
    _secret("a token in a header", 'curl -fsS --max-time 5 -H "Authorization: Bearer $API_TOKEN" https://hub.example.com/\n', "failed:$API_TOKEN"),
    _secret("a password of a database", 'mysql -p"$DB_PASSWORD" hub\n', "failed:$DB_PASSWORD"),
    _secret("a password that the script writes out", 'DB_PASSWORD=hunter2\nmysql -p"$DB_PASSWORD" hub\n', "failed:$DB_PASSWORD"),
    _secret("a whole env file through xargs", "export $(grep -v '^#' .env.production | xargs)\nsystemctl restart mcp-hub\n", "failed:every value of .env.production"),
    _secret("a list of files through xargs", "find dist -name '*.map' | xargs rm -f\n", "passed"),
    # deploys without npm
    Case(
        name="docker without a lock, and without set -e",
        files={"scripts/deploy.sh": "#!/usr/bin/env bash\ndocker compose pull\ndocker compose up -d --remove-orphans\n"},
        expected={"deployments-are-locked": "failed:scripts/deploy.sh:2", "scripts-stop-on-errors": "failed:docker compose pull"},
    ),
    Case(
        name="pm2 without a lock, and without set -e",
        files={"scripts/deploy.sh": "#!/usr/bin/env bash\ngit pull\npm2 reload ecosystem.config.js\n"},
        expected={"deployments-are-locked": "failed:scripts/deploy.sh:2", "scripts-stop-on-errors": "failed:git pull"},
    ),
    Case(
        name="ssh without a lock",
        files={"scripts/deploy.sh": HEAD + "ssh hub-1 'cd /srv/hub && git pull && systemctl restart mcp-hub'\n"},
        expected={"deployments-are-locked": "failed:scripts/deploy.sh:3", "scripts-stop-on-errors": "passed"},
    ),
    Case(
        name="docker under a lock",
        files={"scripts/deploy.sh": HEAD + "exec 9>/run/lock/hub.lock\nflock -n 9 || exit 1\ndocker compose up -d\n"},
        expected={"deployments-are-locked": "passed", "scripts-stop-on-errors": "passed"},
    ),
    Case(
        name="docker that is only asked",
        files={"scripts/deploy.sh": HEAD + "exec 9>/run/lock/hub.lock\ndocker compose ps\ndocker compose config -q\nflock -n 9 || exit 1\ndocker compose up -d\n"},
        expected={"deployments-are-locked": "passed"},
    ),
    Case(
        name="built here, sent elsewhere",
        files={"scripts/deploy.sh": HEAD + "npm ci\nnpm run build\nrsync -a dist/ deploy@hub-1:/srv/hub/next/\nssh deploy@hub-1 'ln -sfn /srv/hub/next /srv/hub/current'\n"},
        expected={"failed-build-rolls-back": "passed"},
    ),
    Case(
        name="an image is built before containers are replaced",
        files={"scripts/deploy.sh": HEAD + "git pull\ndocker compose build\ndocker compose up -d\n"},
        expected={"failed-build-rolls-back": "passed"},
    ),
    Case(
        name="an image is built as containers are replaced",
        files={"scripts/deploy.sh": HEAD + "docker compose up -d --build\n"},
        expected={"failed-build-rolls-back": "passed"},
    ),
    Case(
        name="containers are ended before an image is built",
        files={"scripts/deploy.sh": HEAD + "docker compose down\ndocker compose build\ndocker compose up -d\n"},
        expected={"failed-build-rolls-back": "failed:docker compose build"},
    ),
    Case(
        name="make is asked for its version",
        files={"scripts/deploy.sh": HEAD + 'if make --version >/dev/null 2>&1; then echo "make: $(make --version | head -1)"; fi\nmake -n build\nmake test\nsystemctl restart mcp-hub\n'},
        expected={"failed-build-rolls-back": "unknown:no install or build is recognised"},
    ),
    # a validation of a healthy hub
    _validation("counted from zero", f"n=0\n{BOUNDED} >/dev/null && ok=1\n((n++))\n", "failed:scripts/validate.sh:5"),
    _validation("counted by let from zero", f"n=0\n{BOUNDED}\nlet n++\n", "failed:scripts/validate.sh:5"),
    _validation("ended by a test", f"bad=0\n{BOUNDED} || bad=1\n[ $bad -gt 0 ] && exit 1\n", "failed:ends with 1"),
    _validation("counted by an expansion", f"n=0\n{BOUNDED}\nn=$((n + 1))\n", "passed"),
    _validation("counted to nothing in two lines", f'{BOUNDED} > h.json\nn=$(grep -c error h.json || echo 0)\n[ "$n" -eq 0 ]\n', "failed:counts nothing"),
    _validation("counted to nothing in two words", f"{BOUNDED} > h.json\nn=$(grep -c error h.json || echo 0)\n[ $n -eq 0 ]\n", "failed:counts nothing"),
    _validation("counted to nothing in arithmetic", f"{BOUNDED} > h.json\nn=$(grep -c error h.json || echo 0)\n(( n == 0 ))\n", "failed:counts nothing"),
    _validation("counted to nothing under set -e", f'{BOUNDED} > h.json\nn=$(grep -c error h.json)\n[ "$n" -eq 0 ]\n', "failed:counts nothing"),
    _validation("counted to nothing in one line", f'{BOUNDED} > h.json\nn=$(grep -c error h.json || true)\n[ "$n" -eq 0 ]\n', "passed"),
    _validation("nothing counted is bad", f'{BOUNDED} > h.json\nn=$(grep -c connected h.json || echo 0)\n[ "$n" -ge 1 ]\n', "passed"),
    _validation("counted where a failure is allowed", f"n=0\n{BOUNDED}\n((n++)) || true\n", "passed"),
    Case(
        name="arithmetic that compares changes nothing",
        files={"scripts/validate.sh": HEAD + f"n=0\nuntil {BOUNDED.partition(' --retry')[0]} http://127.0.0.1:7000/api/health; do\n  n=$((n + 1))\n  if (( n >= 20 )); then exit 1; fi\n  (( n <= 20 )) && sleep 2\ndone\n"},
        expected={"validation-retries": "passed", "validation-passes-when-healthy": "passed"},
    ),
    Case(
        name="a process by the content of its file",
        files={"scripts/stop.sh": HEAD + 'pid=$(<"/run/hub.pid")\nkill -TERM "$pid"\nsleep 10\nkill -KILL "$pid"\n'},
        expected={"stop-is-graceful": "failed:between TERM and KILL 10 s"},
    ),
    _validation("ended by a test that holds", f"bad=0\n{BOUNDED} || bad=1\n[ $bad -eq 0 ]\n", "passed"),
    _validation("what the hub says decides", f'state=$({BOUNDED} | jq -r .state)\n[ "$state" = ready ]\n', "passed"),
    # what a rollback takes with it
    _rollback("volumes", 'docker compose down -v\ndocker volume prune -f\ngit checkout "$1"\ndocker compose up -d\n', rollback_keeps_data="failed:docker compose down -v", rollback_needs_no_terminal="passed"),
    _rollback("volumes by ssh", "ssh hub-1 'docker compose down --volumes && git checkout v1 && docker compose up -d'\n", rollback_keeps_data="failed:ssh hub-1"),
    _rollback("a claim of a cluster", "kubectl delete pvc hub-data\nkubectl rollout undo deployment/hub\n", rollback_keeps_data="failed:kubectl delete pvc"),
    _rollback("a release that is unpacked again", 'rm -rf /opt/mcp-hub/data\ntar -xzf "$1" -C /opt/mcp-hub\nsystemctl restart mcp-hub\n', rollback_keeps_data="passed"),
    _rollback("a data folder", 'rm -rf /var/lib/hub/data\ngit checkout "$1"\n', rollback_keeps_data="failed:rm -rf"),
    _rollback("containers alone", "docker compose down --remove-orphans\ndocker tag hub:previous hub:current\ndocker compose up -d\n", rollback_keeps_data="passed"),
    _rollback("data that is put back", 'rm -rf data\ncp -a "$1/data" data\nsystemctl restart mcp-hub\n', rollback_keeps_data="passed"),
    # how containers go back
    _rollback("a tag", "docker tag hub:previous hub:current\ndocker compose up -d --force-recreate hub\n", rollback_needs_no_terminal="passed"),
    _rollback("an older image by a variable", 'export HUB_TAG="$1"\nHUB_TAG="$1" docker compose up -d\n', rollback_needs_no_terminal="passed"),
    _rollback("an image from an archive", "docker load -i /srv/backups/hub-previous.tar\ndocker compose up -d\n", rollback_needs_no_terminal="passed"),
    _rollback("a cluster's own way", "kubectl rollout undo deployment/hub\n", rollback_needs_no_terminal="passed"),
    _rollback("an older package", 'npm install -g "mcp-hub@$1"\nsystemctl restart mcp-hub\n', rollback_needs_no_terminal="passed"),
    _rollback("the same image again", "docker compose up -d\n", rollback_needs_no_terminal="unknown:is recognised as restoring"),
)  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_script_of_others_is_judged_rightly(case: Case, tmp_path: Path) -> None:
    """Each named check comes to what is right for this release, with words that say where."""
    root = tmp_path / "release"
    for name, text in case.files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        path.chmod(0o755)
        if name.endswith(".sh"):
            subprocess.run(["bash", "-n", str(path)], check=True, timeout=10)
    file = tmp_path / "readiness.toml"
    scripts = case.config or "scripts = true\n"
    if "not_applicable" in case.expected.values() and not case.config:
        scripts = ""
    file.write_text(f'environment = "production"\n[target]\nrelease = "{root}"\n{scripts}', encoding="utf-8")
    result = runner.judge("preflight", set(case.expected), config=file, reports=tmp_path / "reports")
    rows = {row["check"]: row for row in result.report["findings"] if row["check"] in case.expected}
    for check, expected in case.expected.items():
        outcome, _, words = expected.partition(":")
        assert (rows[check]["outcome"], words in (rows[check]["reason"] or "")) == (outcome, True), rows[check]
