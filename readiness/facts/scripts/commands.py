"""What a command of a deployment script is: its program behind wrappers like nohup, its options, and what it is for, told by its arguments."""

from __future__ import annotations

import dataclasses
import posixpath
import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from readiness.facts.scripts.simulation import CommandStep, Value

_WRAPPERS: Final[Mapping[str, frozenset[str]]] = {
    "nohup": frozenset(),
    "setsid": frozenset(),
    "command": frozenset(),
    "builtin": frozenset(),
    "exec": frozenset({"-a"}),
    "time": frozenset({"-f", "-o"}),
    "sudo": frozenset({"-u", "-g", "-h", "-p", "-C", "-D"}),
    "doas": frozenset({"-u", "-C"}),
    "runuser": frozenset({"-u", "-g"}),
    "env": frozenset({"-u", "-C", "-S"}),
    "nice": frozenset({"-n"}),
    "ionice": frozenset({"-c", "-n"}),
    "chrt": frozenset(),
    "stdbuf": frozenset({"-i", "-o", "-e"}),
    "timeout": frozenset({"-s", "-k", "--signal", "--kill-after"}),
    "xargs": frozenset({"-n", "-P", "-I", "-i", "-d", "-L", "-s", "-a", "-E"}),
    "flock": frozenset({"-w", "-E", "--timeout", "--wait", "--conflict-exit-code"}),
}
"""Commands that run another one, and those of their options that take a value of their own."""
_UNITS: Final = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_RUNNER_OPTIONS: Final = frozenset(
    {"--env-file", "--env-file-if-exists", "-r", "--require", "--import", "--loader", "--cwd", "-C", "--dir", "--prefix", "--filter", "-p", "--package",
     "-w", "--workspace"}
)  # fmt: skip
"""Options of runtimes and package managers that take a value of their own before what is run."""
SHELL_OPTIONS: Final = {"e": "errexit", "u": "nounset", "C": "noclobber", "E": "errtrace", "x": "xtrace", "f": "noglob"}
"""The long names of a shell's options."""
SHELLS: Final = frozenset({"bash", "sh", "dash", "ksh", "zsh", "ash"})
_MANAGERS: Final = frozenset({"npm", "pnpm", "yarn", "bun"})
_BUILDERS: Final = frozenset({"tsc", "esbuild", "vite", "webpack", "rollup", "make", "turbo", "nx"})
_SERVICES: Final = frozenset({"systemctl", "service", "supervisorctl", "rc-service", "s6-rc", "sv", "launchctl"})
_PROCESS_MANAGERS: Final = _SERVICES | {
    "pm2",
    "forever",
    "docker",
    "docker-compose",
    "podman",
    "kubectl",
    "nomad",
    "systemd-run",
}
_CONTAINERS: Final = frozenset({"docker", "docker-compose", "podman", "podman-compose", "nerdctl"})
STOPPERS: Final = _SERVICES | _CONTAINERS | {"pm2", "forever"}
"""Managers that end what they run when they are asked to stop it."""
CONTAINER_OPTIONS: Final = frozenset(
    {
        "-f",
        "--file",
        "-p",
        "--project-name",
        "--project-directory",
        "--env-file",
        "--profile",
        "--context",
        "-H",
        "-s",
        "--signal",
        "-t",
        "--time",
        "--timeout",
    }
)
"""Options of docker and compose that take a value of their own."""
_CONTAINER_CHANGES: Final = frozenset(
    {"up", "down", "run", "start", "stop", "restart", "kill", "rm", "pull", "load", "tag", "deploy", "rollback", "update", "create", "prune"}
)  # fmt: skip
_PM2_CHANGES: Final = frozenset(
    {"start", "restart", "reload", "gracefulReload", "startOrRestart", "startOrReload", "startOrGracefulReload", "delete", "stop", "kill", "deploy"}
)  # fmt: skip
_CLUSTER_CHANGES: Final = frozenset(
    {"apply", "replace", "patch", "set", "delete", "scale", "rollout", "create", "upgrade", "install", "rollback"}
)
_REMOTE: Final = re.compile(
    r"\bsystemctl\s+(?:--\S+\s+)*(?:re)?(?:start|stop|load)|\bdocker(?:-compose|\s+compose)?\b.*\b(?:up|down|pull|run|restart|rm)\b|\bpm2\s+(?:re)?(?:start|load)"
    r"|\bgit\s+(?:pull|checkout|reset|switch|merge)|\b(?:npm|pnpm|yarn|bun)\s+(?:ci|install|run)|\bln\s+-\S*s|\bkubectl\s|\bnohup\s"
)
"""What a command line that another machine runs changes there."""
_REMOTE_MANAGER: Final = re.compile(
    r"\bsystemctl\s+(?:--\S+\s+)*(?:re)?start|\bdocker(?:-compose|\s+compose)?\b.*\b(?:up|restart)\b|\bpm2\s+\S*(?:[sS]tart|[lL]oad)|\bsupervisorctl\s+(?:re)?start|\bservice\s+\S+\s+(?:re)?start"
)
_REMOTE_RESTORE: Final = re.compile(
    r"\bgit\s+(?:checkout|reset|switch|revert)|\bln\s+-\S*s|\bdocker\s+(?:image\s+)?tag\b|\brollout\s+undo|\bhelm\s+rollback"
)
_MADE: Final = frozenset({"build", "all", "install", "dist", "compile", "bundle", "release", "package"})
"""Targets of make that build; others clean, test or ask."""
_HOST_PATH: Final = re.compile(r"(?:[\w.-]+@)?[\w.$\{\}-]+:|rsync://")
_DATA: Final = frozenset({"data", "state", "db", "database", "volumes", "storage", "uploads", "workspaces", "backups"})
"""Folders that hold what a release does not bring."""
_REMOTE_LOSS: Final = re.compile(
    r"\bdocker(?:-compose|\s+compose)\b[^;&|]*\bdown\b[^;&|]*\s(?:-v|--volumes)\b|\bdocker\s+volume\s+(?:rm|prune)|\bprune\b[^;&|]*--volumes|\bgit\s+clean\s+-\w*[xX]"
)
_IMAGE_WORDS: Final = ("tag", "image", "version", "release", "rev", "digest")
_COPIES: Final = frozenset({"cp", "mv", "rsync", "tar", "ln", "unzip", "install"})
_BACKUP_PROGRAMS: Final = frozenset({"restic", "borg", "duplicity", "zip", "dd", "pg_dump"})
_BEFORE: Final = ("backup", "prev", "rollback", "last", "old", "good", "before", "snapshot")
"""Words in the path or variable that a restore takes its files from."""
_FROM_TO: Final = 2
TERM: Final = frozenset({"TERM", "15", "SIGTERM"})
KILL: Final = frozenset({"KILL", "9", "SIGKILL"})
_NUMBERS: Final = {"1": "HUP", "2": "INT", "3": "QUIT", "9": "KILL", "15": "TERM"}


# --- argument lists -------------------------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class UnwrappedCommand:
    """A command without its wrappers. `bound`: seconds of a `timeout`. `lock`: what a wrapping flock locks."""

    inner: tuple[Value, ...]
    wrappers: frozenset[str]
    bound: float | None = None
    lock: str | None = None


def unwrap(argv: Sequence[Value]) -> UnwrappedCommand:
    """The command that finally runs."""
    rest, seen = list(argv), set()
    bound, lock = None, None
    while len(rest) > 1 and (name := posixpath.basename(rest[0].text)) in _WRAPPERS:
        options, after = _options(rest[1:], _WRAPPERS[name])
        if name == "flock":
            if len(after) < 2 or after[1].text in {"-c", "--command"}:  # noqa: PLR2004 - a file and a command
                break
            lock, after = after[0].text, after[1:]
        if not after or (name in {"command", "builtin"} and any(option in {"-v", "-V"} for option in options)):
            break
        if name == "timeout":
            bound, after = seconds(after[0].text), after[1:]
        seen.add(name)
        rest = after
        if name in {"env", "sudo"}:
            while rest and _is_assignment(rest[0].text):
                rest = rest[1:]
    return UnwrappedCommand(inner=tuple(rest), wrappers=frozenset(seen), bound=bound, lock=lock)


def _options(words: Sequence[Value], valued: frozenset[str]) -> tuple[list[str], list[Value]]:
    kept, at = [], 0
    while at < len(words) and words[at].text.startswith("-") and len(words[at].text) > 1:
        kept.append(words[at].text)
        at += 2 if words[at].text in valued else 1
        if kept[-1] == "--":
            break
    return kept, list(words[at:])


def _is_assignment(text: str) -> bool:
    name, sign, _ = text.partition("=")
    return bool(sign) and name.replace("_", "a").isalnum() and not name[:1].isdigit()


def seconds(text: str) -> float | None:
    """`30`, `0.5`, `2m` in seconds."""
    unit = _UNITS.get(text[-1:], None)
    number = text[:-1] if unit is not None else text
    try:
        return float(number) * (unit or 1.0)
    except ValueError:
        return None


def operands(words: Sequence[str], valued: frozenset[str] = frozenset()) -> list[str]:
    """The arguments that are no options; `valued` options take the next word with them."""
    kept, at, only = [], 0, False
    while at < len(words):
        word = words[at]
        if only or not word.startswith("-") or word == "-":
            kept.append(word)
        elif word == "--":
            only = True
        elif word in valued:
            at += 1
        at += 1
    return kept


def option(words: Sequence[str], short: str, *long: str) -> str | None:
    """The value of an option, however it is written: `-m 5`, `-m5`, `-sSm5`, `--max-time 5`, `--max-time=5`; None where it is absent."""
    for at, word in enumerate(words):
        follower = words[at + 1] if at + 1 < len(words) else ""
        for name in long:
            if word == name:
                return follower
            if word.startswith(name + "="):
                return word[len(name) + 1 :]
        if short and word[:1] == "-" and word[1:2] not in {"-", ""} and short in word[1:]:
            return word[word.index(short, 1) + 1 :] or follower
    return None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ShellCall:
    """What a shell is called with: a `script`, a `text` (-c) or its `input`, the arguments behind it, and the options that it sets."""

    kind: str
    given: Value | None
    args: tuple[Value, ...]
    options: frozenset[str]


def shell_call(inner: Sequence[Value]) -> ShellCall:
    """What the command line of a shell says."""
    at, letters = 1, ""
    options: set[str] = set()
    while at < len(inner) and inner[at].text[:1] in {"-", "+"} and len(inner[at].text) > 1:
        word = inner[at].text
        at += 1
        if word == "--":
            break
        if word.startswith("--"):
            at += word in {"--rcfile", "--init-file"}
            continue
        letters += word[1:]
        if word[-1] in {"o", "O"}:
            options |= {value.text for value in inner[at : at + 1]} if word[0] == "-" else set()
            at += 1
    options |= {SHELL_OPTIONS[letter] for letter in letters if letter in SHELL_OPTIONS}
    kind = "text" if "c" in letters else "input" if at >= len(inner) or "s" in letters else "script"
    given = inner[at] if kind != "input" and at < len(inner) else None
    rest = tuple(inner[at:] if kind == "input" else inner[at + 1 :])
    return ShellCall(kind=kind, given=given, args=rest, options=frozenset(options))


# --- what a command is for ------------------------------------------------------------------------------------------


def is_build(step: CommandStep) -> bool:  # noqa: PLR0911 - one return a program
    """Whether it builds the release, or installs what the build needs."""
    words = step.words
    if {"--version", "--help", "-v", "-V", "-h", "--dry-run"} & set(words):
        return False
    if step.name in _CONTAINERS:
        return "build" in operands(words)[:3] or "--build" in words
    if step.name == "make":
        targets = [word for word in operands(words, frozenset({"-C", "-f", "-j"})) if "=" not in word]
        return not ({"-n", "-q"} & set(words)) and (not targets or bool(_MADE & set(targets)))
    if step.name in _MANAGERS:
        plain = [word for word in operands(words, frozenset({"--prefix", "-C", "--cwd", "--dir"})) if word]
        if not plain:
            return step.name == "yarn"
        verb = plain[1] if plain[0] == "run" and len(plain) > 1 else plain[0]
        return verb.startswith("build") or verb in {"ci", "install", "i", "compile", "bundle", "dist"}
    if step.name in {"npx", "bunx"} and words:
        return next(iter(operands(words)), "") in _BUILDERS
    return step.name in _BUILDERS


def builds_image(step: CommandStep) -> bool:
    """Whether it builds an image: what runs stays as it is until a container is made of it."""
    return step.name in _CONTAINERS and is_build(step)


def ends_container(step: CommandStep) -> bool:
    """Whether it ends containers."""
    return step.name in _CONTAINERS and bool(
        {"down", "stop", "rm", "kill"} & set(operands(step.words, CONTAINER_OPTIONS)[:2])
    )


def is_install(step: CommandStep) -> bool:
    """Whether it installs dependencies."""
    return step.name in _MANAGERS and bool(set(step.words[:2]) & {"ci", "install", "i"})


def is_update(step: CommandStep) -> bool:
    """Whether it changes the release's own files from its repository."""
    verb = git_verb(step)
    return verb in {"pull", "merge", "checkout", "reset", "switch", "rebase", "clone"}


def remote_text(step: CommandStep) -> str:
    """What ssh lets another machine run, as one line; an empty text for other programs and for a login."""
    if step.name != "ssh":
        return ""
    valued = frozenset(
        {"-b", "-c", "-D", "-E", "-e", "-F", "-I", "-i", "-J", "-L", "-l", "-m", "-o", "-p", "-R", "-S", "-W", "-w"}
    )
    at, words = 0, step.words
    while at < len(words) and words[at].startswith("-"):
        at += 2 if words[at] in valued else 1
    return " ".join(words[at + 1 :])


def git_verb(step: CommandStep) -> str:
    """Git's subcommand; an empty text for other programs."""
    return (
        next(iter(operands(step.words, frozenset({"-C", "-c", "--git-dir", "--work-tree"}))), "")
        if step.name == "git"
        else ""
    )


def changes(step: CommandStep) -> bool:  # noqa: PLR0911 - one return a program
    """Whether it changes the release, what runs, or a backup: what must not fail unseen."""
    if step.kind != "command" or step.handler:
        return False
    if step.name in _SERVICES:
        return bool(set(step.words[:3]) & {"start", "restart", "stop", "reload", "enable"})
    verbs = set(operands(step.words))
    if step.name in _CONTAINERS:
        return bool(verbs & _CONTAINER_CHANGES) or is_build(step)
    if step.name == "pm2":
        return bool(verbs & _PM2_CHANGES)
    if step.name in {"kubectl", "helm", "nomad"}:
        return bool(verbs & _CLUSTER_CHANGES)
    if step.name == "ansible-playbook":
        return not {"--check", "-C", "--syntax-check"} & set(step.words)
    if step.name == "ssh":
        return _REMOTE.search(remote_text(step)) is not None
    if step.name in {"chmod", "chown"} | _COPIES:
        return step.name != "tar" or not any(
            "t" in word for word in step.words[:1] if "x" not in word and "c" not in word
        )
    return is_build(step) or is_update(step) or starts_hub(step) or is_backup(step)


def is_backup(step: CommandStep) -> bool:
    """Whether it makes a backup by a program that is there for that."""
    if step.name == "readiness":
        return step.words[:1] == ("backup",) and not {"--verify", "--restore"} & set(step.words)
    return step.name in _BACKUP_PROGRAMS


def writes_files(step: CommandStep) -> bool:
    """Whether it fills the disk: copies, archives, fetches, installs, builds."""
    if step.kind != "command":
        return False
    fetches = git_verb(step) in {"pull", "fetch", "clone", "merge"}
    return step.name in _COPIES - {"ln", "install"} or is_build(step) or is_backup(step) or fetches


def starts_hub(step: CommandStep) -> bool:
    """Whether it starts the hub itself, without a process manager."""
    words = step.words
    if step.kind != "command" or {"--version", "--help", "--check", "-v"} & set(words):
        return False
    plain = operands(words, _RUNNER_OPTIONS)
    if step.name in _MANAGERS | {"npx", "bunx", "pnpx", "corepack"}:
        if plain[:1] == ["start"] or plain[:2] == ["run", "start"]:
            return True
        while plain and plain[0] in {"run", "exec", "x", "dlx", "node", *_MANAGERS}:
            plain = plain[1:]
        return bool(plain) and _is_entry(plain[0])
    if step.name in {"node", "nodejs", "deno", "tsx"}:
        return any(_is_entry(word) for word in plain)
    return _is_entry(step.inner[0].text if step.inner else "")


def _is_entry(word: str) -> bool:
    # a package may be named with its version, and deno's with where it comes from
    name = posixpath.basename(word).removeprefix("npm:")
    return name.partition("@")[0] in {"mcp-hub", "cli.js", "server.js", "index.js"}


def uses_manager(step: CommandStep) -> bool:
    """Whether it starts something through a process manager."""
    if step.kind == "command" and step.name == "ssh":
        return _REMOTE_MANAGER.search(remote_text(step)) is not None
    if step.kind != "command" or step.name not in _PROCESS_MANAGERS:
        return False
    verbs = {"start", "restart", "reload", "up", "run", "startOrRestart", "startOrReload", "rollout", "apply"}
    return step.name == "systemd-run" or bool(set(step.words) & verbs)


def sends_elsewhere(step: CommandStep) -> bool:
    """Whether it copies something to another machine, or to a registry."""
    if step.kind != "command":
        return False
    if step.name in {"rsync", "scp", "sftp"}:
        return any(_HOST_PATH.match(word) for word in operands(step.words))
    return step.name in _CONTAINERS and "push" in operands(step.words)[:3]


def restores(step: CommandStep, script_role: str = "") -> bool:  # noqa: PLR0911 - one return a program
    """Whether it brings back what was there before; in a rollback script every copy does."""
    if step.kind != "command":
        return False
    if git_verb(step) in {"checkout", "reset", "switch", "revert", "restore"}:
        return True
    shown = " ".join([*step.words, *(name for value in step.inner for name in value.names)]).lower()
    names_older = any(word in shown for word in _BEFORE)
    if step.name in _CONTAINERS:
        return _restores_image(step, names_older=names_older, in_rollback=script_role == "rollback")
    if step.name in {"kubectl", "helm"}:
        return "undo" in step.words or "rollback" in step.words
    if step.name == "pm2":
        return "revert" in step.words
    if step.name == "ssh":
        text = remote_text(step)
        return _REMOTE_RESTORE.search(text) is not None and (script_role == "rollback" or names_older)
    if step.name in _MANAGERS and is_install(step):
        return script_role == "rollback" and any("@" in word[1:] for word in step.words)
    if step.name not in _COPIES:
        return False
    return script_role == "rollback" or names_older


def _restores_image(step: CommandStep, *, names_older: bool, in_rollback: bool) -> bool:
    """Whether it puts an older image in the place of the one that runs: a tag, an archive, a service's own way back, a start of one."""
    verbs = operands(step.words)[:3]
    if "rollback" in verbs or "--rollback" in step.words:
        return True
    if {"tag", "load"} & set(verbs):
        return in_rollback or names_older
    if not {"up", "run", "pull", "update", "deploy"} & set(verbs):
        return False
    # the image is named by a variable of the compose file, or on the command line itself
    given = {name.lower() for name, _ in step.env}
    chosen = {name.lower() for value in step.inner for name in value.names}
    by_name = any(word in name for name in given | chosen for word in _IMAGE_WORDS)
    return (in_rollback and (by_name or (names_older and "up" not in verbs))) or (names_older and "run" in verbs)


def loses_data(step: CommandStep) -> bool:  # noqa: PLR0911 - one return a program
    """Whether it removes what no release brings back: volumes, databases, claims, and what git was told to leave alone."""
    if step.kind != "command":
        return False
    words, letters = step.words, "".join(word[1:] for word in step.words if word[:1] == "-" and word[1:2] != "-")
    verbs = operands(words)
    if step.name in _CONTAINERS:
        volumes = bool({"-v", "--volumes"} & set(words))
        return (
            ("down" in verbs and volumes)
            or (verbs[:1] == ["volume"] and bool({"rm", "prune", "remove"} & set(verbs)))
            or ("prune" in verbs and "--volumes" in words)
            or ("rm" in verbs[:2] and bool({"-v", "--volumes", "-fv", "-vf"} & set(words)))
        )
    if step.name == "kubectl":
        return verbs[:1] == ["delete"] and bool({"pvc", "pv", "persistentvolumeclaim", "namespace", "ns"} & set(verbs))
    if step.name == "git":
        return git_verb(step) == "clean" and "f" in letters and bool({"x", "X"} & set(letters))
    if step.name == "ssh":
        return _REMOTE_LOSS.search(remote_text(step)) is not None
    if step.name == "rm" and {"r", "R"} & set(letters):
        return any(posixpath.basename(word.rstrip("/*")) in _DATA for word in verbs)
    return step.name in {"dropdb", "dropuser"} or (
        step.name in {"psql", "mysql"} and "drop database" in " ".join(words).lower()
    )


def activates(step: CommandStep) -> bool:
    """Whether it switches to a release that was made beside the running one, in one move."""
    if step.kind != "command" or step.name not in {"ln", "mv"}:
        return False
    letters = "".join(word[1:] for word in step.words if word[:1] == "-" and word[1:2] != "-")
    if step.name == "ln":
        return "s" in letters and bool({"f", "n"} & set(letters))
    return "T" in letters or len(operands(step.words)) == _FROM_TO


def is_request(step: CommandStep) -> bool:
    """Whether it asks something of the network."""
    if step.kind != "command" or step.name not in {"curl", "wget"}:
        return False
    return not {"--version", "--help", "-V"} & set(step.words)


def address(step: CommandStep) -> str:
    """Where a request goes: its URL, as far as it is known."""
    text = next((word for word in reversed(step.words) if "://" in word or word.startswith(("localhost", "127."))), "")
    return text or (step.words[-1] if step.words else "")


def retries(step: CommandStep) -> int:
    """How often a request is repeated by its own option."""
    if step.name == "curl":
        value = option(step.words, "", "--retry")
        return int(value) if value and value.isdecimal() else 0
    value = option(step.words, "t", "--tries")
    return (int(value) - 1 if value.isdecimal() and int(value) else 19) if value else 19


def retry_delay(step: CommandStep) -> float:
    """Seconds between a request's own attempts; curl begins with one and doubles, wget adds one each time."""
    value = (
        option(step.words, "", "--retry-delay")
        if step.name == "curl"
        else option(step.words, "w", "--wait", "--waitretry")
    )
    return float(value) if value and value.isdecimal() else 1.0


def is_bounded(step: CommandStep) -> bool:
    """Whether a request ends by itself after some time, in all."""
    if step.bound is not None:
        return True
    if step.name == "curl":
        return option(step.words, "m", "--max-time") is not None
    return option(step.words, "T", "--timeout", "--read-timeout") is not None


def sees_errors(step: CommandStep) -> bool:
    """Whether an HTTP error becomes one of the command: `--fail`, or the status code is printed to be looked at."""
    return fails_on_errors(step) or "http_code" in (option(step.words, "w", "--write-out") or "")


def fails_on_errors(step: CommandStep) -> bool:
    """Whether a request ends with a failure where it is answered with an HTTP error."""
    letters = any(word[:1] == "-" and word[1:2] != "-" and "f" in word.split("m")[0] for word in step.words)
    return step.name == "wget" or letters or any(word.startswith("--fail") for word in step.words)


def signal_of(step: CommandStep) -> str | None:  # noqa: PLR0911 - one return a program
    """The signal that a command sends: TERM, KILL, another's name, 0; None where it sends none."""
    if step.kind != "command":
        return None
    words, verbs = step.words, operands(step.words, CONTAINER_OPTIONS)[:2]
    if step.name in {"kill", "pkill", "killall", "skill"}:
        return _given_signal(words, "TERM")
    if step.name == "fuser":
        return _given_signal(words, "KILL") if _kills(words) else None
    if step.name in {"npx", "bunx", "pnpx", "kill-port", "fkill"}:
        program = step.name if "kill" in step.name else next(iter(verbs), "").partition("@")[0]
        if program == "fkill":
            return "KILL" if {"--force", "-f"} & set(words) else "TERM"
        return "KILL" if program == "kill-port" else None
    if step.name in _CONTAINERS:
        if "kill" in verbs:
            return _given_signal(words, "KILL")
        return (
            "KILL"
            if "rm" in verbs and "compose" not in verbs and {"-f", "--force", "-fv", "-vf"} & set(words)
            else None
        )
    if step.name == "systemctl" and "kill" in verbs:
        return _given_signal(words, "TERM")
    if step.name == "start-stop-daemon" and {"--stop", "-K"} & set(words):
        return _given_signal(words, "TERM")
    return None


def _kills(words: Sequence[str]) -> bool:
    """Whether fuser is told to kill, and not only to look."""
    return "--kill" in words or any(
        word[:1] == "-" and "k" in word and word[1:2] != "-" and not word.isupper() for word in words
    )


def _given_signal(words: Sequence[str], otherwise: str) -> str:
    value = option(words, "s", "--signal")
    if value is None:
        first = (word[1:] for word in words if word[:1] == "-" and (word[1:].isdigit() or word[2:].isupper()))
        value = next(first, otherwise)
    name = value.upper().removeprefix("SIG")
    return _NUMBERS.get(name, name)
