"""nginx's configuration as nginx reads it: its files parsed, includes followed, every directive with its place.

Each file is parsed by ngxparse (imported as `crossplane`); includes are followed here, because the files come from another
machine and lie in no folder of this one.
"""

from __future__ import annotations

import base64
import binascii
import dataclasses
import fnmatch
import posixpath
import re
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from readiness.errors import Unknown
from readiness.facts.host.batch import HostAnswers, HostQuestion

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from readiness.config import Config

MAIN: Final = "/etc/nginx/nginx.conf"
LIMIT: Final = 3 * 1024 * 1024
"""Bytes of all files together, as base64."""
MAX_INCLUDES: Final = 400
"""Files that includes may lead to, all together: more is a loop or no configuration."""
_NUMBER: Final = re.compile(r"^\d+#\d+: ")
_BLOCKS: Final = frozenset({"location", "if", "limit_except"})

# What keys, certificates and passwords hold stays where it is; a name may hold anything, so it travels as base64 too. All below the
# main file's folder, and whatever includes lead to outside it: `!` where that is there and cannot be read.
_FILES: Final = r"""
[ -e "$1" ] || exit 44
base=$(dirname "$1")
nl='
'
named() { printf "%s " "$(printf %s "$1" | base64 | tr -d "\n")"; }
held() {
  named "$1"
  case $1 in *.key|*.pem|*.crt|*htpasswd*) ;; *) base64 <"$1" | tr -d "\n" ;; esac
  echo
}
known=$(find -L "$base" -maxdepth 5 -type f -size -512k)
fresh=$known
IFS=$nl
set -f
for file in $known; do if [ -r "$file" ]; then held "$file"; else named "$file"; echo "!"; fi; done
for round in 1 2 3 4 5; do
  next=
  patterns=$(for file in $fresh; do
      case $file in *.key|*.pem|*.crt|*htpasswd*) continue ;; esac
      [ -r "$file" ] && sed 's/#.*//' "$file" | tr ';{}' '\n\n\n' | sed -n 's/^[[:space:]]*include[[:space:]]\{1,\}//p' | tr -d "\"'"
    done | sort -u | head -n 200)
  for pattern in $patterns; do
    case $pattern in /*) ;; *) pattern=$base/$pattern ;; esac
    set +f
    for file in $pattern; do
      set -f
      case "$nl$known$nl" in *"$nl$file$nl"*) continue ;; esac
      known=$known$nl$file
      if [ -f "$file" ] && [ -r "$file" ] && [ "$(wc -c <"$file")" -lt 524288 ]; then held "$file"; next=$next$nl$file
      elif [ -e "$file" ]; then named "$file"; echo "!"; fi
    done
    set -f
  done
  [ -n "$next" ] || break
  fresh=$next
done
true
"""
_TEST: Final = r"""
command -v nginx >/dev/null || exit 127
$SUDO nginx -t -q -c "$1"
"""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Directive:
    """One directive: its arguments, its place, what stands inside it and around it (the outermost first)."""

    name: str
    args: tuple[str, ...]
    file: str
    line: int
    inside: tuple[Directive, ...] = ()

    @property
    def place(self) -> str:
        """File and line, as nginx writes them."""
        return f"{self.file}:{self.line}"

    def all(self, *names: str) -> Iterator[Directive]:
        """Those directly inside it with one of the names."""
        return (one for one in self.inside if one.name in names)

    def deep(self, *names: str) -> Iterator[Directive]:
        """Those anywhere inside it with one of the names."""
        for one in self.inside:
            if one.name in names:
                yield one
            yield from one.deep(*names)


def first(config: Config) -> tuple[HostQuestion, ...]:
    """What can be asked blindly."""
    main = main_file(config)
    return (
        HostQuestion(name="nginx-files", script=_FILES, args=(main,), limit=LIMIT, seconds=10),
        HostQuestion(name="nginx-test", script=_TEST, args=(main,), errors=True, seconds=10),
    )


def main_file(config: Config) -> str:
    """Where nginx's main file is: `[target] proxy_config`, else its usual place."""
    return config.target.proxy_config or MAIN


class Nginx:
    """The configuration of one host's nginx. Raises Unknown where there is none to read."""

    def __init__(self, answers: HostAnswers, config: Config) -> None:
        self._answers, self.main = answers, main_file(config)
        self.errors: list[str] = []
        """What is wrong in it, with file and line; known once it was read."""
        self.unread: list[str] = []
        """Includes that could not be followed, with their place; known once it was read."""
        self._unreadable: set[str] = set()
        self._count = 0
        self._tree: Directive | None = None

    def test(self) -> str | None:
        """What nginx itself says against it: empty if nothing; None where nginx is not there to ask. Raises Unknown."""
        answer = self._answers.get("nginx-test")
        if answer.missing:
            return None
        if answer.ok:
            return ""
        lines = [line for line in answer.lines if "[emerg]" in line or "[alert]" in line] or answer.lines
        # its own process's number would make the same trouble of two hosts look like two
        text = " / ".join(_NUMBER.sub("", line.partition("] ")[2] or line) for line in lines[:2])[:400]
        if not self._answers.privileged and "ermission denied" in answer.text:
            raise Unknown(f"nginx may not be asked by this user ({text}): let `sudo -n nginx -t` be run")
        return text or answer.trouble

    @property
    def tree(self) -> Directive:
        """All of it as one directive without a name; what could not be parsed is in `errors`. Raises Unknown."""
        if self._tree is None:
            files = self._files()
            if self.main not in files:
                raise Unknown(f"{self.main} cannot be read there")
            inside = tuple(self._read(self.main, files, ()))
            self._tree = Directive(name="", args=(), file=self.main, line=0, inside=inside)
        return self._tree

    def _files(self) -> dict[str, str]:
        answer = self._answers.get("nginx-files")
        if answer.code == 44:  # noqa: PLR2004 - the script's own
            raise Unknown(
                f"no nginx is configured on this host ({self.main} is not there): set [target] proxy_config, or declare "
                "[expect] nginx as not expected, with what stands in front instead"
            )
        if not answer.ok:
            raise Unknown(f"nginx's configuration cannot be read: {answer.trouble}")
        texts = {}
        for line in answer.lines:
            name, _, text = line.partition(" ")
            try:
                file = posixpath.normpath(base64.b64decode(name).decode("utf-8", "backslashreplace"))
                if text == "!":
                    self._unreadable.add(file)
                else:
                    texts[file] = base64.b64decode(text).decode("utf-8", "backslashreplace")
            except (binascii.Error, ValueError):
                continue
        return texts

    def _read(self, file: str, files: Mapping[str, str], context: tuple[str, ...]) -> Iterator[Directive]:
        self._count += 1
        if self._count > MAX_INCLUDES:
            if self._count == MAX_INCLUDES + 1:
                self.errors.append(f"{file}: includes lead in a circle, or to more than {MAX_INCLUDES} files")
            return
        payload = _parsed(file, files[file])
        self.errors += payload["errors"]
        yield from self._directives(payload["parsed"], file, files, context)

    def _directives(
        self, parsed: Iterable[Mapping[str, Any]], file: str, files: Mapping[str, str], context: tuple[str, ...]
    ) -> Iterator[Directive]:
        from crossplane import analyzer, errors

        for one in parsed:
            name, args, line = one["directive"], tuple(one["args"]), int(one["line"])
            if name == "include" and args:
                yield from self._included(Directive(name=name, args=args, file=file, line=line), files, context)
                continue
            try:
                # `if` has its own context inside a location, and everything is allowed to be a map's key
                analyzer.analyze(file, dict(one), "{" if "block" in one else ";", context)
            except errors.NgxParserDirectiveError as error:
                self.errors.append(f"{file}:{line}: {error.strerror}")
            inner = analyzer.enter_block_ctx(dict(one), context) if "block" in one else ()
            inside = tuple(self._directives(one.get("block", ()), file, files, inner))
            yield Directive(name=name, args=args, file=file, line=line, inside=inside)

    def _included(self, include: Directive, files: Mapping[str, str], context: tuple[str, ...]) -> Iterator[Directive]:
        pattern = include.args[0]
        whole = posixpath.normpath(
            pattern if pattern.startswith("/") else posixpath.join(posixpath.dirname(self.main), pattern)
        )
        names = sorted(name for name in files if _is_named(name, whole))
        unreadable = sorted(name for name in self._unreadable if _is_named(name, whole))
        self.unread += [f"{include.place}: include {name}" for name in unreadable]
        if not names and not unreadable and not any(char in pattern for char in "*?["):
            if whole.startswith(posixpath.dirname(self.main) + "/"):
                self.errors.append(f"{include.place}: include {pattern}: there is no such file")
            else:  # it may lie where only nginx may look, and nginx itself says what is missing
                self.unread.append(f"{include.place}: include {pattern}")
        for name in names:
            yield from self._read(name, files, context)

    # --- what it means ---

    def servers(self) -> list[Directive]:
        """Every `server` of http. Raises Unknown."""
        return [server for http in self.tree.all("http") for server in http.all("server")]

    def http(self) -> Directive | None:
        """The block around them. Raises Unknown."""
        return next(self.tree.all("http"), None)

    def upstream(self, name: str) -> list[str]:
        """The addresses of an upstream's servers; none where there is none of that name. Raises Unknown."""
        http = self.http()
        blocks = [] if http is None else [one for one in http.all("upstream") if one.args[:1] == (name,)]
        return [server.args[0] for block in blocks for server in block.all("server") if server.args]


def _is_named(name: str, pattern: str) -> bool:
    """Whether a pattern of include means the file: its `*` ends at a slash."""
    parts, wanted = name.split("/"), pattern.split("/")
    return len(parts) == len(wanted) and all(map(fnmatch.fnmatchcase, parts, wanted))


def _parsed(file: str, text: str) -> dict[str, Any]:
    """One file, parsed alone: its directives, and what is no directive."""
    import crossplane

    with tempfile.TemporaryDirectory(prefix="readiness-nginx-") as folder:
        own = Path(folder) / "part.conf"
        own.write_text(text, encoding="utf-8")
        # contexts are known only with the includes followed: they are looked at there
        parsed = crossplane.parse(str(own), single=True, check_ctx=False, check_args=False)
        config = parsed["config"][0]
        errors = [str(one["error"]).replace(str(own), file) for one in config["errors"]]
    return {"parsed": config["parsed"], "errors": errors}
