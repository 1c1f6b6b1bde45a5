"""The service's environment in detail: who may read its file, what is still a placeholder, which ports are named."""

from __future__ import annotations

import contextlib
import grp
import re
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from readiness.facts.deployment import hub_config
from readiness.facts.release import env_file
from readiness.support import Unreadable, file_reading
from readiness.support.redaction import TOKEN_PREFIX, plainly_secret_name

if TYPE_CHECKING:
    from pathlib import Path

    from readiness.facts.release import EnvVariable, Release

_WORDS: Final = re.compile(
    r"(?i)(?:your|my|the|put|insert|enter|add|paste)[-_ ].*"
    r"|.*[-_ ](?:goes[-_ ])?here|change[-_ ]?(?:me|it|this)\b.*|replace[-_ ]?(?:me|this|with)\b.*"
    r"|(?:todo|tbd|fixme|placeholder|dummy|example|sample|optional|required|none|null|undefined|secret|password|test)"
    r"|(?:api|secret)[-_ ]?(?:key|token)|<.*>|\[[\w -]*\]|\{\{.*\}\}|x{3,}|\*{3,}|\.{3,}|…"
)
"""What stands for a secret."""
_PLAIN_WORDS: Final = re.compile(
    r"(?i)your(?:[-_].*| .*(?:here|key|token|name|url|domain|host|value|address|id)\b.*)"
    r"|(?:put|insert|enter|add|paste)[-_ ](?:your|the|a|here)\b.*|.*[-_ ]goes[-_ ]here"
    r"|change[-_]?me\b.*|replace[-_]?(?:me|this)\b.*|todo|tbd|fixme|placeholder"
    r"|<[^<>]+>|\[(?:your|insert|the)[\w -]+\]|\{\{.*\}\}|x{3,}|\*{3,}|…"
)
"""What stands for any value: a title may begin with `My`, and a mode be `test`."""
_KEY_WORDS: Final = re.compile(
    r"(?i)your[-_]|placeholder|example|dummy|change[-_]?me|replace[-_]?me|insert|fake|redacted"
)
_SEQUENCES: Final = ("0123456789abcdef", "1234567890", "abcdefghijklmnop", "deadbeef", "0000000000")
_FEW: Final = 4
"""Different characters that the rest of a key must exceed, not to be a filler."""
_LONG: Final = 8
_ENV_NAME: Final = re.compile(r"\.env(?:\.[\w-]+)*|.*\.env")
_TEMPLATE_END: Final = (".example", ".template", ".sample", ".dist", ".schema")


class Environment:
    """Each question reads the disk again; nothing here judges, and no value is returned."""

    def __init__(self, release: Release) -> None:
        self.release = release

    # --- who may read it ------------------------------------------------------------------------------------------

    def group_of(self, file: Path) -> str:
        """The name of a file's group. Raises Unreadable."""
        number = file_reading.owner(file)[1]
        try:
            return grp.getgrgid(number).gr_name
        except KeyError:
            return str(number)

    def is_service_group(self, file: Path) -> bool:
        """Whether a file's group is the service's. Raises Unreadable."""
        return file_reading.owner(file)[1] == self.release.group

    # --- how it is loaded -----------------------------------------------------------------------------------------

    def loaded_by_systemd(self) -> bool:
        """Whether the unit names the file in EnvironmentFile=."""
        with contextlib.suppress(Unreadable):
            return any(file.name == self.release.env_path.name for file in self.release.unit().environment_files)
        return False

    def ports(self) -> dict[str, str]:
        """Who names a port besides the env file: the unit's --port, and the port of [target] internal_url."""
        ports_by_source: dict[str, str] = {}
        with contextlib.suppress(Unreadable):
            told = self.release.started().options("--port", "-p")
            if told:
                ports_by_source["the unit"] = told[-1]
        url = self.release.config.target.internal_url
        if url is not None:
            parts = urlsplit(url)
            ports_by_source["[target] internal_url"] = str(parts.port or {"https": 443}.get(parts.scheme, 80))
        return ports_by_source

    def wants_llm_key(self) -> bool:
        """Whether an LLM is claimed: declared, else by the deployed configuration."""
        from readiness.facts.deployment.deployment import claims

        config = self.release.config
        declared = config.claim("llm").expected
        if declared is not None:
            return declared
        claim = claims(config).get("llm")
        return claim is None or claim.expected is not False

    # --- placeholders ---------------------------------------------------------------------------------------------

    def placeholders(self) -> list[tuple[str, int, str]]:
        """Name, line and kind of each value that was to be replaced. Raises Unreadable."""
        given: dict[str, str] = {}
        for path in self.release.templates():
            with contextlib.suppress(Unreadable):
                given |= env_file.read(path)
        file = self.release.env_file()
        counted = [one for one in file.lines if file.get(one.name) is one]
        return [(one.name, one.line, why) for one in counted for why in (_placeholder(one, given),) if why]

    # --- templates ------------------------------------------------------------------------------------------------

    def listed_in_templates(self) -> set[str]:
        """Names that the templates list, in comments too. Raises Unreadable."""
        listed: set[str] = set()
        for path in self.release.templates():
            template = env_file.parse(path)
            listed |= set(template.values) | template.commented
        return listed

    def variables_in_use(self) -> tuple[set[str], list[str]]:
        """Names that the configuration and the env file use, and sentences about what could not be read."""
        in_use, unread = set(self.release.config.release.required_variables), []
        try:
            given = self.release.service_environment().by_manager
            in_use |= hub_config.read(self.release.config).references - given
        except Unreadable as error:
            unread.append(str(error))
        try:
            in_use |= set(self.release.env_file().values)
        except Unreadable as error:
            unread.append(str(error))
        return in_use, unread

    # --- the repository -------------------------------------------------------------------------------------------

    def tracked_files(self) -> list[str]:
        """Env files that git tracks, templates apart. Raises Unreadable."""
        own = self.release.env_path
        named = self.release.shown(own) if own.is_relative_to(self.release.root) else None
        return [path for path in self.release.git.tracked() if path == named or _is_env_file(path)]

    def in_history(self) -> str:
        """The commit that last touched the env file, or an empty text. Raises Unreadable."""
        own = self.release.env_path
        return self.release.git.was_tracked(self.release.shown(own)) if own.is_relative_to(self.release.root) else ""


def _is_env_file(path: str) -> bool:
    name = path.rpartition("/")[2]
    return _ENV_NAME.fullmatch(name) is not None and not name.endswith(_TEMPLATE_END)


def _placeholder(one: EnvVariable, given: dict[str, str]) -> str:
    """What kind of placeholder a value is; an empty text for a real one."""
    value = one.value.strip()
    if not value or "://" in value or value.startswith(("$(", "${", "vault:", "arn:")):
        return ""
    secret = plainly_secret_name(one.name)
    if (_WORDS if secret else _PLAIN_WORDS).fullmatch(value):
        return "words that stand for a value"
    if not secret:
        return ""
    if given.get(one.name, "").strip() == value:
        return "the template's own value"
    return _filler(value)


def _filler(value: str) -> str:
    """What makes something in the shape of a key none; an empty text for what may be one."""
    rest = TOKEN_PREFIX.sub("", value)
    if _KEY_WORDS.search(rest):
        return "words inside the shape of a key"
    low = rest.lower()
    if len(rest) >= _LONG and len(set(low) - set("-_")) <= _FEW:
        return "a filler in the shape of a key"
    return "a sequence in the shape of a key" if any(low.startswith(s) or low.endswith(s) for s in _SEQUENCES) else ""
