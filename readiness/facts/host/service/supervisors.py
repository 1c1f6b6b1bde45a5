"""Who sees to it that the hub runs: systemd, pm2, docker, supervisord, runit or s6, each in its own words.

Proof is the running process: who started it, and its control group. Their files say what they would do.
"""

from __future__ import annotations

import configparser
import dataclasses
import json
import re
from typing import TYPE_CHECKING, Any, Final, Literal

from readiness.errors import Unknown
from readiness.facts.host.batch import HostAnswers, HostQuestion
from readiness.facts.host.remote_files import RemoteFile, decoded, dumped
from readiness.facts.host.service.hub_service import Service
from readiness.facts.host.service.processes import Processes

if TYPE_CHECKING:
    from readiness.config import Config
    from readiness.facts.host.service.process import HostProcess

Kind = Literal["systemd", "pm2", "docker", "supervisord", "runit", "s6"]
_FILES: Final = r"""
put() {
  [ -f "$1" ] && [ -r "$1" ] || return
  b=$(printf %s "$1" | base64 -w0)
  case $(stat -L -c %a -- "$1") in
    *[4567]) at=$1
      while at=${at%/*}; do
        [ -n "$at" ] || { printf 'open %s\n' "$b"; break; }
        case $(stat -L -c %a -- "$at") in *[1357]) ;; *) break ;; esac
      done ;;
  esac
  printf '@file %s %s\n' "$b" "$b"
  head -c 262144 "$1" | sed 's/^/|/'; printf '\n'
}
for f in /root/.pm2/dump.pm2 /home/*/.pm2/dump.pm2 /opt/*/.pm2/dump.pm2 /var/lib/*/.pm2/dump.pm2; do put "$f"; done
for f in /etc/supervisord.conf /etc/supervisor/supervisord.conf /etc/supervisor/conf.d/*.conf /etc/supervisord.d/*.ini /etc/supervisord.d/*.conf; do put "$f"; done
for d in /etc/service/* /service/* /var/service/* /etc/sv/* /run/service/* /etc/services.d/* /etc/s6-overlay/s6-rc.d/*; do
  [ -f "$d/run" ] && grep -q -F mcp-hub "$d/run" || continue
  put "$d/run"; put "$d/down"
done
for f in /etc/systemd/system/multi-user.target.wants/*; do case ${f##*/} in pm2-*|docker.service|containerd.service|supervisor*|runit*|s6*) printf 'boots %s\n' "${f##*/}" ;; esac; done
true
"""
_DOCKER: Final = r"""
command -v docker >/dev/null 2>&1 || exit 127
ids=$($SUDO docker ps -aq --no-trunc) || exit 1
[ -n "$ids" ] || exit 0
printf '%s\n' "$ids" | head -n 200 | { set --; while read -r i; do set -- "$@" "$i"; done
  $SUDO docker inspect --format '{"pid":{{.State.Pid}},"name":{{json .Name}},"policy":{{json .HostConfig.RestartPolicy.Name}},"restarts":{{.RestartCount}},"started":{{json .State.StartedAt}},"log":{{json .HostConfig.LogConfig}},"stop":{{json .Config.StopTimeout}}}' "$@"; }
"""
_PM2: Final = re.compile(r"\bPM2\b.*God Daemon")
_PROGRAM: Final = re.compile(r"(?:^|/)(supervisord|runsv|s6-supervise)(?:\s|$)")
_PM2_STOP: Final = 1.6
_DOCKER_STOP: Final = 10.0
_SUPERVISORD_STOP: Final = 10.0
"""Seconds after which each ends what was asked to stop, unless it is told otherwise."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class HubSupervisor:
    """Who restarts the hub, by which name it knows it, and in which words it was told to.

    `boots`: whether it starts the hub with the host (None: unsaid), `boots_how` in its own words. `always`: whether a
    hub that ends with status 0 is started again, `restart_how` likewise. `stop_seconds` until a hub that was asked to
    end is killed (None: never). `restarts` as counted since it was last started by hand (None: not counted).
    """

    kind: Kind
    name: str
    boots: bool | None
    boots_how: str
    always: bool
    restart_how: str
    stop_seconds: float | None
    mend: str
    restarts: int | None = None
    logs: tuple[str, bool] | None = None
    """Docker's log driver, and whether it bounds what it keeps."""


def first(config: Config) -> tuple[HostQuestion, ...]:
    """What can be asked blindly."""
    del config
    return (
        HostQuestion(name="supervisor-files", script='$SUDO sh -c "$1"', args=(_FILES,), limit=2 * 1024 * 1024),
        HostQuestion(name="docker", script=_DOCKER, limit=512 * 1024),
    )


def readable_by_all(answers: HostAnswers) -> tuple[RemoteFile, ...]:
    """Files of supervisors that every user of the host can read: they hold their services' environments. Raises Unknown."""
    answer = answers.demand("supervisor-files")
    shown = {decoded(line.removeprefix("open ")) for line in answer.lines if line.startswith("open ")}
    return tuple(one for one in dumped(answer) if str(one.path) in shown)


class Supervision:
    """Who supervises the hub of one host."""

    def __init__(self, answers: HostAnswers, config: Config) -> None:
        self._answers, self.config = answers, config
        self._service, self._processes = Service(answers, config), Processes(answers, config)

    def other(self) -> HubSupervisor | None:
        """The supervisor that is not the hub's systemd unit; None where there is none. Raises Unknown."""
        try:
            running = self._processes.hubs()
        except Unknown:
            if self._service.booted:
                return None  # the unit is what counts, whatever the list of processes would say
            raise
        for hub in running:
            supervisor = self._of(hub)
            if supervisor is not None:
                return supervisor
        return None

    def _of(self, hub: HostProcess) -> HubSupervisor | None:
        line = [hub, *self._processes.ancestors(hub)]
        container = self._container({one.pid for one in line})
        if container is not None:
            return container
        for one in line[1:]:
            words = " ".join(one.argv)
            if _PM2.search(words):
                return self._pm2()
            program = _PROGRAM.search(one.argv[0] if one.argv else "") or _PROGRAM.search(one.program)
            if program is not None and program[1] == "supervisord":
                return self._supervisord()
            if program is not None:
                return self._stage(one, "runit" if program[1] == "runsv" else "s6")
        return None

    def _container(self, pids: set[int]) -> HubSupervisor | None:
        answer = self._answers.get("docker")
        for line in answer.lines if answer.ok else ():
            try:
                container = json.loads(line)
            except ValueError:
                continue
            if isinstance(container, dict) and container.get("pid") in pids and container.get("pid"):
                return _docker(container)
        return None

    def _files(self) -> tuple[RemoteFile, ...]:
        return dumped(self._answers.demand("supervisor-files"))

    def _boots(self, start: str) -> bool:
        return any(line.startswith(f"boots {start}") for line in self._answers.demand("supervisor-files").lines)

    def _demand_sight(self, supervisor: object, what: str) -> None:
        if not supervisor and not self._answers.privileged:
            raise Unknown(f"sudo -n is refused: {what}, which would say how the hub is kept running, cannot be read")

    def _pm2(self) -> HubSupervisor:
        apps = [app for held in self._files() if held.path.name == "dump.pm2" for app in _json_list(held.text)]
        mine = [app for app in apps if "mcp-hub" in f"{app.get('name')} {app.get('pm_exec_path')} {app.get('args')}"]
        self._demand_sight(mine, "pm2's dump")
        app: dict[str, Any] = mine[0] if mine else {}
        boots = bool(mine) and self._boots("pm2-")
        missing = "no dump of it was saved" if not mine else "no pm2 unit is enabled"
        restart = app.get("autorestart") is not False
        kill_timeout = app.get("kill_timeout")
        return HubSupervisor(
            kind="pm2",
            name=str(app.get("name") or "mcp-hub"),
            boots=boots,
            boots_how="its dump is saved and a pm2 unit is enabled" if boots else missing,
            always=restart,
            restart_how="autorestart" if restart else "autorestart: false",
            stop_seconds=float(kill_timeout) / 1000
            if isinstance(kill_timeout, int | float) and kill_timeout
            else _PM2_STOP,
            mend="set autorestart and kill_timeout (45000) in the ecosystem file; `pm2 save`, `pm2 startup`",
        )

    def _supervisord(self) -> HubSupervisor:
        settings: dict[str, str] = {}
        name = "mcp-hub"
        for held in self._files():
            parser = configparser.RawConfigParser(strict=False, inline_comment_prefixes=(";",))
            try:
                parser.read_string(held.text)
            except (configparser.Error, ValueError):
                continue
            for section in parser.sections():
                if (
                    section.startswith("program:")
                    and "mcp-hub" in f"{section} {parser.get(section, 'command', fallback='')}"
                ):
                    name, settings = section.removeprefix("program:"), dict(parser.items(section))
        self._demand_sight(settings, "supervisord's configuration")
        restart = settings.get("autorestart", "unexpected").lower()
        boots = settings.get("autostart", "true").lower() in {"true", "yes", "1"}
        stop = settings.get("stopwaitsecs", "")
        return HubSupervisor(
            kind="supervisord",
            name=name,
            boots=boots,
            boots_how=f"autostart={'true' if boots else 'false'}",
            always=restart in {"true", "yes", "1"},
            restart_how=f"autorestart={restart}",
            stop_seconds=float(stop) if stop.isdigit() else _SUPERVISORD_STOP,
            mend="set autorestart=true, autostart=true and stopwaitsecs=45 in its [program:…]; `supervisorctl update`",
        )

    def _stage(self, supervising: HostProcess, kind: Literal["runit", "s6"]) -> HubSupervisor:
        name = supervising.argv[-1].rstrip("/").rpartition("/")[2] if len(supervising.argv) > 1 else "mcp-hub"
        down = [held.path for held in self._files() if held.path.name == "down" and held.path.parent.name == name]
        return HubSupervisor(
            kind=kind,
            name=name,
            boots=not down,
            boots_how=f"there is {down[0]}" if down else "its folder is in the scan directory",
            always=True,
            restart_how=f"{kind} restarts whatever ends",
            stop_seconds=None,
            mend=f"remove {down[0] if down else 'the file `down`'} and keep its folder in the scan directory",
        )


def _docker(container: dict[str, Any]) -> HubSupervisor:
    policy = str(container.get("policy") or "no")
    stays = policy in {"always", "unless-stopped"}
    name = str(container.get("name") or "").lstrip("/")
    log = container.get("log") if isinstance(container.get("log"), dict) else {}
    driver, options = str((log or {}).get("Type") or ""), (log or {}).get("Config") or {}
    stop = container.get("stop")
    restarts = container.get("restarts")
    return HubSupervisor(
        kind="docker",
        name=name,
        boots=stays,
        boots_how=f"restart policy {policy}",
        always=stays,
        restart_how=f"restart policy {policy}",
        stop_seconds=float(stop) if isinstance(stop, int) else _DOCKER_STOP,
        mend=f"`docker update --restart=always {name}`; stop_grace_period: 45s in the compose file",
        restarts=restarts if isinstance(restarts, int) else None,
        logs=(driver, driver != "json-file" or "max-size" in options),
    )


def _json_list(text: str) -> list[dict[str, Any]]:
    try:
        items = json.loads(text)
    except ValueError:
        raise Unknown("pm2's dump is no JSON") from None
    return [one for one in items if isinstance(one, dict)] if isinstance(items, list) else []
