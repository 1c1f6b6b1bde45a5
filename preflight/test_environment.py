"""The env file sets what the hub needs, to real values, for those alone who need them."""

from __future__ import annotations

import pytest

from readiness import caused_by, check, compared, listed, note, unknown, warn, where_found

pytestmark = pytest.mark.preflight

KEYS = ("GEMINI_API_KEY", "OPENAI_API_KEY", "ANTHROPIC_API_KEY")
LEVELS = ("fatal", "error", "warn", "info", "debug", "trace")
DEFAULT_PORT = "7000"
LAST_PORT = 65535
SHOWN = 5
"""Names that a sentence lists."""


def _read(release, look):
    """What `look` reads; a file that is proven to be at fault fails the check."""
    wrong = release.wrong(look)
    if wrong is not None:
        if wrong.path is not None:
            where_found(release.shown(wrong.path), wrong.line)
        pytest.fail(str(wrong), pytrace=False)
    return look()


def _value(release, name):
    """The value that the service gets for `name`, with its place; None where it gets none."""
    given = release.service_environment()
    if release.has_env_file():
        file = release.env_file()
        where_found(release.shown(file.file), file.line(name))
    elif given.doubt(name):
        unknown(given.doubt(name))
    return given.values.get(name)


def _told(value):
    return "not set" if value is None else repr(value)


@check(
    "required-variables-are-set",
    severity="critical",
    needs=("release", "variables", "hub_release"),
    where="host",
    remedy="Set the variables in the env file, one KEY=value a line; compare it with its template.",
)
def test_required_variables_are_set(release, environment, env_loader):
    """The env file can be read, and sets what the hub cannot do without."""
    given = release.service_environment()
    if not release.has_env_file() and given.unread:
        unknown(f"{given.unread[0]}, or declare [expect] env_file as not expected")
    file = _read(release, release.env_file_or_none)
    if file is not None:
        where_found(release.shown(file.file))
    own = () if release.other_product else ("NODE_ENV",)  # node-env-is-production tells of it, whoever's release it is
    wanted = (*own, *release.config.release.required_variables)
    missing = [name for name in dict.fromkeys(wanted) if given.missing(name)]
    if not release.other_product and environment.wants_llm_key() and all(given.missing(name) for name in KEYS):
        missing.append(f"one of {', '.join(KEYS)}")
    compared(expected="every required variable", actual=f"{len(missing)} missing")
    broken = listed(file.broken, SHOWN, ", ") if file else ""
    hint = f" (lines that are no KEY=value: {broken})" if broken else ""
    assert not missing, f"not set, or to nothing: {', '.join(missing)}{hint}"
    if file is not None:
        _fail_where_a_reader_ends(release, env_loader)
        _warn_of_lines(release, environment, file)


def _fail_where_a_reader_ends(release, env_loader):
    """A line at which a reader of the file stops with an error: nothing after it is set, and nothing is started."""
    ends = [(who, one) for who, one in env_loader.misread() if one.ends]
    if ends:
        where_found(release.shown(release.env_path), ends[0][1].line)
        told = listed([one for _, one in ends], SHOWN)
        pytest.fail(f"{ends[0][0]} fails at it: {told}", pytrace=False)


def _warn_of_lines(release, environment, file):
    """Lines of the env file that do not what they seem to."""
    if file.broken:
        where_found(release.shown(file.file), file.broken[0])
        broken = listed(file.broken, SHOWN, ", ")
        warn(f"lines that are no KEY=value, which are ignored: {broken}")
    for name, lines in list(file.duplicates.items())[:SHOWN]:
        where_found(release.shown(file.file), lines[-1])
        warn(f"{name} is set {len(lines)} times, in lines {', '.join(map(str, lines))}; the last one counts")
    _warn_of_dialects(release, environment, file)


def _warn_of_dialects(release, environment, file):
    """What one reader of env files understands and another does not."""
    exported = [one for one in file.lines if one.exported]
    if exported and environment.loaded_by_systemd():
        where_found(release.shown(file.file), exported[0].line)
        pytest.fail(
            f"systemd ignores lines that begin with `export`: {', '.join(one.name for one in exported[:SHOWN])}",
            pytrace=False,
        )
    if file.carriage_returns:
        warn("lines end in CRLF: a shell takes the carriage return into the value; save the file with LF")


@check(
    "env-file-is-read-as-it-was-meant",
    severity="high",
    needs=("release", "env_file", "hub_release"),
    where="host",
    remedy="Put the comment on a line of its own, and a value with spaces, # or $ into single quotes; let `set -a; . FILE; set +a` read it.",
)
def test_env_file_is_read_as_it_was_meant(release, env_loader):
    """Whoever reads the env file gets the values that its author meant."""
    where_found(release.shown(release.env_path))
    wrong = [(who, one) for who, one in env_loader.misread() if not one.ends]
    compared(expected="every value as it was meant", actual=f"{len(wrong)} are taken otherwise")
    if wrong:
        where_found(release.shown(release.env_path), wrong[0][1].line)
    told = listed([one for _, one in wrong], SHOWN)
    assert not wrong, f"{wrong[0][0]} takes {len(wrong)} values otherwise: {told}"


@check(
    "node-env-is-production",
    severity="critical",
    needs=("release", "variables", "hub_release"),
    where="host",
    remedy="Write NODE_ENV=production into the env file.",
)
def test_node_env_is_production(release):
    """The hub is started in its production mode."""
    value = _value(release, "NODE_ENV")
    compared(expected="production", actual=value)
    assert value == "production", f"NODE_ENV is {_told(value)}: production is wanted"


@check(
    "log-level-is-valid",
    severity="low",
    needs=("release", "variables", "hub_release"),
    where="host",
    remedy="Set LOG_LEVEL to info, warn, error or debug.",
)
def test_log_level_is_valid(release):
    """The log level is one that the hub knows."""
    value = _value(release, "LOG_LEVEL")
    compared(expected=", ".join(LEVELS), actual=value)
    if value is None:
        note("LOG_LEVEL is not set: the hub takes info")
        return
    assert value in LEVELS, f"LOG_LEVEL is {value!r}, not one of {', '.join(LEVELS)}"


@check(
    "port-is-valid-and-matches",
    severity="medium",
    needs=("release", "variables", "hub_release"),
    where="host",
    remedy="Use one port in the env file, in the unit's --port and in [target] internal_url.",
)
def test_port_is_valid_and_matches(release, environment):
    """The port is one, and the same wherever it is named."""
    value = _value(release, "PORT")
    if value is None:
        note(f"PORT is not set: the hub's default is {DEFAULT_PORT}")
    else:
        valid = value.isascii() and value.isdigit() and len(value) <= len("65535") and 0 < int(value) <= LAST_PORT
        assert valid, f"PORT is {value!r}, not a number from 1 to 65535"
    named = environment.ports()
    compared(expected=value or "one port", actual=", ".join(f"{port} ({who})" for who, port in named.items()) or "none")
    others = {who: port for who, port in named.items() if port != (value or next(iter(named.values())))}
    assert not others, f"PORT is {value or 'not set'}, but " + ", ".join(
        f"{who} says {port}" for who, port in others.items()
    )


@check(
    "fast-logger-is-enabled",
    severity="low",
    needs=("release", "variables", "hub_release"),
    where="host",
    remedy="Write ENABLE_PINO_LOGGER=true into the env file.",
)
def test_fast_logger_is_enabled(release):
    """The hub logs through its fast logger."""
    value = _value(release, "ENABLE_PINO_LOGGER")
    if value is None and (release.other_product or release.has_one_logger()):
        note(f"{release.other_product or 'this version of the hub'} has one logger")
        return
    compared(expected="true", actual=value)
    assert value == "true", (
        f"ENABLE_PINO_LOGGER is {_told(value)}: true is wanted, logging is five to ten times as slow"
    )


@check(
    "no-placeholder-values",
    severity="critical",
    needs=("release", "env_file"),
    where="host",
    remedy="Replace the template's placeholder by the real value, or take the line out.",
)
def test_no_placeholder_values(release, environment):
    """No variable still has the value that the template gave it to be replaced."""
    found = environment.placeholders()
    if found:
        where_found(release.shown(release.env_path), found[0][1])
    told = listed([f"{name} (line {line}: {why})" for name, line, why in found], SHOWN, ", ")
    compared(expected="real values", actual=f"{len(found)} placeholders")
    assert not found, f"{len(found)} values are placeholders: {told}"


@check(
    "env-template-lists-every-variable",
    severity="medium",
    needs=("release", "env_file", "hub_release"),
    where="tree",
    remedy="Commit .env.production.example with every variable that the hub reads and no real secret.",
)
def test_env_template_lists_every_variable(release, environment):
    """A committed template names every variable that the hub's configuration and env file use."""
    templates = release.templates()
    if not templates and not release.has_env_file():
        unknown(
            f"{release.shown(release.env_path)} is not there and nothing names an env file: set [target] env_file, or "
            "declare [expect] env_file as not expected"
        )
    assert templates, f"there is no template beside {release.shown(release.env_path)}, such as .env.production.example"
    where_found(release.shown(templates[0]))
    templates_list = _read(release, environment.listed_in_templates)
    used, unread = environment.variables_in_use()
    missing = sorted(used - templates_list)
    compared(expected=f"{len(used)} variables", actual=f"{len(missing)} of them missing")
    assert not missing, f"{templates[0].name} does not list {listed(missing, SHOWN, ', ')}"
    for text in unread:
        note(text)


@check(
    "env-file-is-private",
    severity="high",
    needs=("release", "env_file"),
    where="host",
    remedy="chmod 600 on the env file (or 640 with the service's own group), owned by the service's user or root.",
)
def test_env_file_is_private(release, environment):
    """Nobody but the service may read the env file."""
    file = release.env_path
    where_found(release.shown(file))
    mode, group = release.mode(file), environment.group_of(file)
    compared(expected="600, or 640 for the service's group", actual=f"{mode:03o}")
    assert not mode & 0o007, f"{release.shown(file)} is open to every user of the machine: mode {mode:03o}"
    assert not mode & 0o020, f"{release.shown(file)} may be written by its group: mode {mode:03o}"
    if mode & 0o050:
        if release.group is None:
            unknown(f"mode {mode:03o} admits the group {group}, and which group the service has is not known")
        assert environment.is_service_group(file), (
            f"mode {mode:03o} admits the group {group}, which is not the service's"
        )


@check(
    "env-file-is-not-tracked",
    severity="critical",
    needs=("release", "git"),
    where="tree",
    remedy="git rm --cached the file, list it in .gitignore, and replace every secret that it held.",
)
def test_env_file_is_not_tracked(release, environment):
    """No env file with values is in the repository, nor was."""
    tracked = environment.tracked_files()
    if tracked:
        where_found(tracked[0])
    assert not tracked, f"tracked by git: {listed(tracked, SHOWN, ', ')}"
    commit = environment.in_history()
    if commit:
        warn(f"{release.env_path.name} was committed once ({commit[:12]}): what it held is still in the history")


@check(
    "secret-references-are-resolved-by-the-loader",
    severity="high",
    needs=("release", "env_file", "hub_release"),
    where="host",
    remedy="Start the hub through the secrets manager (`op run --env-file=… -- dist/cli.js`) and write op://… in the file.",
)
def test_secret_references_are_resolved_by_the_loader(release, env_loader):
    """Whatever stands for a secret in the env file becomes the secret when the service starts."""
    idioms, references = env_loader.substitutions(), env_loader.references()
    if not idioms and not references:
        note("the env file refers to no secret")
        return
    first = (idioms or references)[0]
    where_found(release.shown(release.env_path), first.line)
    wrong = release.wrong(env_loader.way)
    if wrong is not None:
        caused_by("release-is-what-the-unit-runs")
        unknown(f"what loads the env file is not known: {wrong}")
    way, who = env_loader.way()
    names = ", ".join(one.name for one in [*idioms, *references][:SHOWN])
    compared(expected="resolved at the start", actual=way or "not known")
    if way is None:
        unknown(f"what loads the env file is not known, so whether {names} is resolved is not: set [target] unit")
    literal = idioms if way != "shell" else references
    if way == "literally":
        literal = [*idioms, *references]
    told = ", ".join(one.name for one in literal[:SHOWN])
    assert not literal, f"{who} takes the value literally: {told}"
