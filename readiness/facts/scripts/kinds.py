"""What a command of a deployment script is for: builds, starts, restores, asks the network; told by its arguments."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING, Final

from readiness.facts.scripts.argv import operands, option

if TYPE_CHECKING:
    from readiness.facts.scripts.values import Step

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
_COPIES: Final = frozenset({"cp", "mv", "rsync", "tar", "ln", "unzip", "install"})
_BACKUP_PROGRAMS: Final = frozenset({"restic", "borg", "duplicity", "zip", "dd", "pg_dump"})
_BEFORE: Final = ("backup", "prev", "rollback", "last", "old", "good", "before", "snapshot")
"""Words in the path or variable that a restore takes its files from."""
_FROM_TO: Final = 2
TERM: Final = frozenset({"TERM", "15", "SIGTERM"})
KILL: Final = frozenset({"KILL", "9", "SIGKILL"})


def is_build(step: Step) -> bool:
    """Whether it builds the release, or installs what the build needs."""
    words = step.words
    if step.name in _MANAGERS:
        plain = [word for word in operands(words, frozenset({"--prefix", "-C", "--cwd", "--dir"})) if word]
        if not plain:
            return step.name == "yarn"
        verb = plain[1] if plain[0] == "run" and len(plain) > 1 else plain[0]
        return verb.startswith("build") or verb in {"ci", "install", "i", "compile", "bundle", "dist"}
    if step.name in {"npx", "bunx"} and words:
        return next(iter(operands(words)), "") in _BUILDERS
    return step.name in _BUILDERS


def is_install(step: Step) -> bool:
    """Whether it installs dependencies."""
    return step.name in _MANAGERS and bool(set(step.words[:2]) & {"ci", "install", "i"})


def is_update(step: Step) -> bool:
    """Whether it changes the release's own files from its repository."""
    verb = git_verb(step)
    return verb in {"pull", "merge", "checkout", "reset", "switch", "rebase", "clone"}


def git_verb(step: Step) -> str:
    """Git's subcommand; an empty text for other programs."""
    return (
        next(iter(operands(step.words, frozenset({"-C", "-c", "--git-dir", "--work-tree"}))), "")
        if step.name == "git"
        else ""
    )


def changes(step: Step) -> bool:
    """Whether it changes the release, what runs, or a backup: what must not fail unseen."""
    if step.kind != "command" or step.handler:
        return False
    if step.name in _SERVICES:
        return bool(set(step.words[:3]) & {"start", "restart", "stop", "reload", "enable"})
    if step.name in {"chmod", "chown"} | _COPIES:
        return step.name != "tar" or not any(
            "t" in word for word in step.words[:1] if "x" not in word and "c" not in word
        )
    return is_build(step) or is_update(step) or starts_hub(step) or is_backup(step)


def is_backup(step: Step) -> bool:
    """Whether it makes a backup by a program that is there for that."""
    if step.name == "readiness":
        return step.words[:1] == ("backup",) and not {"--verify", "--restore"} & set(step.words)
    return step.name in _BACKUP_PROGRAMS


def writes_files(step: Step) -> bool:
    """Whether it fills the disk: copies, archives, fetches, installs, builds."""
    if step.kind != "command":
        return False
    fetches = git_verb(step) in {"pull", "fetch", "clone", "merge"}
    return step.name in _COPIES - {"ln", "install"} or is_build(step) or is_backup(step) or fetches


def starts_hub(step: Step) -> bool:
    """Whether it starts the hub itself, without a process manager."""
    words = step.words
    if step.kind != "command":
        return False
    if step.name in _MANAGERS:
        plain = operands(words)
        return bool(plain) and (plain[0] == "start" or plain[:2] == ["run", "start"] or _is_entry(plain[-1]))
    if step.name in {"node", "nodejs", "deno", "npx", "bunx"}:
        return any(_is_entry(word) for word in operands(words)) and not {"--version", "--check", "-v"} & set(words)
    return _is_entry(step.inner[0].text if step.inner else "") and not {"--version", "--help", "-v"} & set(words)


def _is_entry(word: str) -> bool:
    return posixpath.basename(word) in {"mcp-hub", "cli.js", "server.js", "index.js"}


def uses_manager(step: Step) -> bool:
    """Whether it starts something through a process manager."""
    if step.kind != "command" or step.name not in _PROCESS_MANAGERS:
        return False
    verbs = {"start", "restart", "reload", "up", "run", "startOrRestart", "startOrReload", "rollout", "apply"}
    return step.name == "systemd-run" or bool(set(step.words) & verbs)


def restores(step: Step, script_role: str = "") -> bool:
    """Whether it brings back what was there before; in a rollback script every copy does."""
    if step.kind != "command":
        return False
    if git_verb(step) in {"checkout", "reset", "switch", "revert", "restore"}:
        return True
    if step.name not in _COPIES:
        return False
    told = " ".join([*step.words, *(name for value in step.inner for name in value.names)]).lower()
    return script_role == "rollback" or any(word in told for word in _BEFORE)


def activates(step: Step) -> bool:
    """Whether it switches to a release that was made beside the running one, in one move."""
    if step.kind != "command" or step.name not in {"ln", "mv"}:
        return False
    letters = "".join(word[1:] for word in step.words if word[:1] == "-" and word[1:2] != "-")
    if step.name == "ln":
        return "s" in letters and bool({"f", "n"} & set(letters))
    return "T" in letters or len(operands(step.words)) == _FROM_TO


def is_request(step: Step) -> bool:
    """Whether it asks something of the network."""
    if step.kind != "command" or step.name not in {"curl", "wget"}:
        return False
    return not {"--version", "--help", "-V"} & set(step.words)


def address(step: Step) -> str:
    """Where a request goes: its URL, as far as it is known."""
    text = next((word for word in reversed(step.words) if "://" in word or word.startswith(("localhost", "127."))), "")
    return text or (step.words[-1] if step.words else "")


def retries(step: Step) -> int:
    """How often a request is repeated by its own option."""
    if step.name == "curl":
        told = option(step.words, "", "--retry")
        return int(told) if told and told.isdecimal() else 0
    told = option(step.words, "t", "--tries")
    return (int(told) - 1 if told.isdecimal() and int(told) else 19) if told else 19


def retry_delay(step: Step) -> float:
    """Seconds between a request's own attempts; curl begins with one and doubles, wget adds one each time."""
    told = (
        option(step.words, "", "--retry-delay")
        if step.name == "curl"
        else option(step.words, "w", "--wait", "--waitretry")
    )
    return float(told) if told and told.isdecimal() else 1.0


def is_bounded(step: Step) -> bool:
    """Whether a request ends by itself after some time, in all."""
    if step.bound is not None:
        return True
    if step.name == "curl":
        return option(step.words, "m", "--max-time") is not None
    return option(step.words, "T", "--timeout", "--read-timeout") is not None


def sees_errors(step: Step) -> bool:
    """Whether an HTTP error becomes one of the command: `--fail`, or the status code is printed to be looked at."""
    if step.name == "wget":
        return True
    told = option(step.words, "w", "--write-out") or ""
    letters = any(word[:1] == "-" and word[1:2] != "-" and "f" in word.split("m")[0] for word in step.words)
    return letters or any(word.startswith("--fail") for word in step.words) or "http_code" in told


def signal_of(step: Step) -> str | None:
    """The signal that a command sends: TERM, KILL, another's name, 0; None where it sends none."""
    if step.kind != "command" or step.name not in {"kill", "pkill", "killall", "skill"}:
        return None
    told = option(step.words, "s", "--signal")
    if told is None:
        first = next(
            (word[1:] for word in step.words if word[:1] == "-" and (word[1:].isdigit() or word[1:].isupper())), "TERM"
        )
        told = first
    name = told.upper()
    return "TERM" if name in TERM else "KILL" if name in KILL else name
