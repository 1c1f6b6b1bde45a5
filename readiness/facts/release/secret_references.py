"""Secrets by reference: which values only name a secret in a manager, and how `[secrets] resolve` turns one into its value."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from readiness.errors import Unknown
from readiness.support import child_process

if TYPE_CHECKING:
    from readiness.config import Config

SECONDS: Final = 15.0
"""Seconds for a manager to answer; one that asks for a password has nobody to answer it."""
PROVIDER_VARIABLES: Final = {"GEMINI_API_KEY": "gemini", "OPENAI_API_KEY": "openai", "ANTHROPIC_API_KEY": "anthropic"}
"""The variables that a hub takes its providers' keys from."""
_MANAGERS: Final = {
    "1Password": r"op://\S+|\$\(\s*op\s.*\)|\$\{cmd:\s*op\s.*\}",
    "AWS Secrets Manager": r"arn:aws[\w-]*:(?:secretsmanager|ssm):\S+|(?:aws-)?(?:secretsmanager|ssm)://?\S+|\$[({](?:cmd:)?\s*aws\s.*[)}]",
    "Vault": r"vault:\S+|vault://\S+|\$[({](?:cmd:)?\s*(?:vault|bao)\s.*[)}]",
    "Google Secret Manager": r"(?:gcp-sm|sm)://\S+|projects/[^/\s]+/secrets/\S+|\$[({](?:cmd:)?\s*gcloud\s.*[)}]",
    "Azure Key Vault": r"@Microsoft\.KeyVault\(.*\)|azure-?kv://\S+|\$[({](?:cmd:)?\s*az\s.*[)}]",
    "a file": r"file://?/?\S+|\$\{file:[^}]+\}|\$\(\s*(?:<|cat\s).*\)|/run/secrets/\S+|/run/credentials/\S+",
    "SOPS": r"ENC\[[A-Z0-9_]+,.*\]",
    "pass": r"\$[({](?:cmd:)?\s*(?:pass|gopass|secret-tool|bw|doppler|infisical|keyring)\s.*[)}]",
    "the environment": r"\$\{(?:env:)?[A-Za-z_]\w*\}|\$[A-Za-z_]\w*",
}
_ANY: Final = re.compile("|".join(f"(?P<m{n}>{p})" for n, p in enumerate(_MANAGERS.values())), re.DOTALL)
_URI: Final = re.compile(r"op://[^\s\"')}]+|vault://[^\s\"')}]+|(?:arn:aws|aws-)[^\s\"')}]+")


def secret_manager(value: str) -> str | None:
    """The manager that `value` is a reference to; None for a value that stands for itself."""
    match = _ANY.fullmatch(value.strip())
    return list(_MANAGERS)[int((match.lastgroup or "m0")[1:])] if match else None


class SecretResolver:
    """Turns references into values with the configured command, each once; the values stay in this process."""

    def __init__(self, config: Config) -> None:
        self.argv = config.secrets.resolve
        self._known: dict[str, str | Unknown] = {}

    @property
    def able(self) -> bool:
        """Whether `[secrets] resolve` says how."""
        return bool(self.argv)

    def value(self, name: str, value: str) -> str:
        """The secret behind the reference `value` of the variable `name`, or `value` itself. Raises Unknown."""
        if secret_manager(value) is None:
            return value
        if not self.able:
            raise Unknown(f"{name} is a reference; set [secrets] resolve to the command that reads it")
        known = self._known.get(value)
        if known is None:
            known = self._known[value] = self._asked(name, value)
        if isinstance(known, Unknown):
            raise known
        return known

    def _asked(self, name: str, value: str) -> str | Unknown:
        uri = _URI.search(value)
        try:
            # a reference is no secret: it may stand on a command line
            done = child_process.run(
                [*self.argv, uri[0] if uri else value.strip()], timeout=SECONDS, env=_environment()
            )
        except Unknown as error:
            return Unknown(f"{name} could not be resolved: {error}")
        secret = done.out.rstrip("\r\n")
        if not done.ok or not secret or "\n" in secret:
            why = done.ending if not done.ok else "answered nothing" if not secret else "answered more than one line"
            return Unknown(f"{name} could not be resolved: {self.argv[0]} {why}")
        return secret


def _environment() -> dict[str, str]:
    """What a manager's command needs besides: its own session and token, and the user's home where it keeps them."""
    import os

    starts = ("OP_", "AWS_", "VAULT_", "BAO_", "GOOGLE_", "CLOUDSDK_", "AZURE_", "SOPS_", "BW_", "DOPPLER_", "XDG_")
    own = {name: value for name, value in os.environ.items() if name.startswith(starts) or name in {"HOME", "USER"}}
    return child_process.environment() | own
