"""How git is called, everywhere: a repository's own settings start no program.

A repository's `.git/config` and `.gitattributes` may name programs: hooks, file monitors, filters, pagers, transports, signers. Whoever
wrote the release could have them run by whoever only looks at it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from readiness.support import child_process

if TYPE_CHECKING:
    from collections.abc import Iterable

GUARDED: Final = ("-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null")
"""Options of every call: also of one that is to change a tree of our own, whose filters are wanted."""
READING: Final = (
    *("--no-pager", "--no-optional-locks", *GUARDED),
    *("-c", "safe.directory=*", "-c", "core.pager=cat", "-c", "gc.auto=0", "-c", "core.quotePath=false"),
    *("-c", "protocol.allow=never", "-c", "core.sshCommand=false", "-c", "core.alternateRefsCommand=false"),
    *("-c", "log.showSignature=false", "-c", "core.attributesFile=/dev/null"),
    *("-c", "gpg.program=gpg", "-c", "gpg.openpgp.program=gpg", "-c", "gpg.x509.program=gpgsm"),
    *("-c", "gpg.ssh.program=ssh-keygen", "-c", "gpg.format=openpgp"),
)
"""Options of a call that only reads, whoever the tree belongs to."""
FILTERS: Final = ("config", "--name-only", "-z", "--get-regexp", r"^filter\.")
"""Asks which filters a repository's settings name."""


def environment(filters: Iterable[str] = ()) -> dict[str, str]:
    """The variables of a call that only reads; `filters` are the names that `FILTERS` gave, which stay off."""
    values = {name.rpartition(".")[0]: None for name in filters if name.count(".") > 1}
    settings = [
        (f"{name}.{key}", value)
        for name in values
        for key, value in (("clean", ""), ("smudge", ""), ("process", ""), ("required", "false"))
    ]
    return child_process.environment() | {
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": "/dev/null",
        "GIT_ATTR_NOSYSTEM": "1",
        "GIT_ALLOW_PROTOCOL": "none",
        "GIT_NO_LAZY_FETCH": "1",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_LITERAL_PATHSPECS": "0",
        "LC_ALL": "C",
        "HOME": "/nonexistent",
        "GIT_CONFIG_COUNT": str(len(settings)),
        **{f"GIT_CONFIG_KEY_{number}": key for number, (key, _) in enumerate(settings)},
        **{f"GIT_CONFIG_VALUE_{number}": value for number, (_, value) in enumerate(settings)},
    }
