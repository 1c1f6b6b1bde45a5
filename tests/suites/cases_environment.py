"""Rows about the env file."""

from __future__ import annotations

from tests.suites.preflight_vocabulary import (
    ENV,
    REAL_KEY,
    UNIT,
    both,
    case,
    crlf,
    git,
    gone,
    mode,
    near,
    package,
    swap,
    write,
)

ENVIRONMENT = [
    case("required-variables-are-set", gone(ENV), "is missing"),
    case("required-variables-are-set", swap(ENV, "NODE_ENV=production", "NODE_ENV="), "to nothing: NODE_ENV"),
    case("required-variables-are-set", swap(ENV, "OPENAI_API_KEY", "OTHER"), "one of GEMINI_API_KEY"),
    case("required-variables-are-set", lambda root: None, "TEAM", release={"required_variables": ("TEAM",)}),
    case("required-variables-are-set", swap(ENV, "LOG_LEVEL=info", "LOG_LEVEL='info"), "no KEY=value", "degraded"),
    case("required-variables-are-set", swap(ENV, "PORT=", "LOG_LEVEL=warn\nPORT="), "set 2 times", "degraded"),
    case("required-variables-are-set", lambda root: crlf(root / ENV), "CRLF", "degraded"),
    case(
        "required-variables-are-set",
        both(swap(ENV, "NODE_ENV", "export NODE_ENV"), swap(UNIT, "Restart=always", f"EnvironmentFile=/x/{ENV}")),
        "systemd ignores",
    ),
    near("required-variables-are-set", swap(ENV, "NODE_ENV", "export NODE_ENV"), "export without EnvironmentFile"),
    case("node-env-is-production", swap(ENV, "NODE_ENV=production", "NODE_ENV=prod"), "'prod'"),
    near("node-env-is-production", swap(ENV, "NODE_ENV=production", 'NODE_ENV="production" # why'), "quotes"),
    case("log-level-is-valid", swap(ENV, "LOG_LEVEL=info", "LOG_LEVEL=verbose"), "'verbose'"),
    near("log-level-is-valid", swap(ENV, "LOG_LEVEL=info", ""), "absent"),
    case("port-is-valid-and-matches", swap(ENV, "PORT=7000", "PORT=70000"), "not a number"),
    case("port-is-valid-and-matches", swap(ENV, "PORT=7000", "PORT=3000"), "the unit says 7000"),
    case("fast-logger-is-enabled", swap(ENV, "ENABLE_PINO_LOGGER=true", "ENABLE_PINO_LOGGER=yes"), "'yes'"),
    *(
        case(
            "no-placeholder-values",
            swap(ENV, "OPENAI_API_KEY=op://mcp-hub/openai/credential", f"OPENAI_API_KEY={v}"),
            why,
        )
        for v, why in (
            ("your_api_key_here", "words that stand for a value"),
            ("optional", "line 4: words"),
            ("sk-proj-xxxxxxxxxxxxxxxxxxxxxxxx", "a filler"),
            ("sk-proj-1234567890abcdefghijklmn", "a sequence"),
            ("sk-your-key-for-production-here0", "words inside"),
        )
    ),
    case(
        "no-placeholder-values",
        both(
            swap(ENV, "OPENAI_API_KEY=op://mcp-hub/openai/credential", f"OPENAI_API_KEY={REAL_KEY}"),
            swap(f"{ENV}.example", "OPENAI_API_KEY=op://mcp-hub/openai/credential", f"OPENAI_API_KEY={REAL_KEY}"),
        ),
        "the template's own value",
    ),
    near(
        "no-placeholder-values",
        swap(ENV, "OPENAI_API_KEY=op://mcp-hub/openai/credential", f"OPENAI_API_KEY={REAL_KEY}"),
        "real",
    ),
    near("no-placeholder-values", swap(ENV, "PORT=7000", "PORT=7000\nBASE=https://hub.example.com/test"), "an address"),
    near(
        "no-placeholder-values",
        swap(ENV, "PORT=7000", 'PORT=7000\nTITLE=My hub\nMODE=test\nPROXY=none\nHOSTS=["a"]'),
        "words",
    ),
    case("no-placeholder-values", swap(ENV, "PORT=7000", "PORT=7000\nTITLE=<the hub's name>"), "TITLE (line"),
    case("no-placeholder-values", swap(ENV, "PORT=7000", "PORT=7000\nHOST=your-domain.example.com"), "HOST (line"),
    case(
        "env-file-is-read-as-it-was-meant",
        both(
            package(scripts={"start": f"node --env-file={ENV} dist/cli.js"}),
            swap(ENV, "PORT=7000", "PORT=7000\nX=ab#cd"),
        ),
        "Node's reader (package.json)",
    ),
    case("env-template-lists-every-variable", gone(f"{ENV}.example"), "there is no template"),
    case("env-template-lists-every-variable", swap(ENV, "PORT=7000", "PORT=7000\nTEAM=a"), "does not list TEAM"),
    near(
        "env-template-lists-every-variable",
        both(swap(ENV, "PORT=7000", "PORT=7000\nTEAM=a"), swap(f"{ENV}.example", "PORT=", "# TEAM=x\nPORT=")),
        "in a comment",
    ),
    case("env-file-is-private", mode(ENV, 0o644), "open to every user"),
    case("env-file-is-private", mode(ENV, 0o660), "written by its group"),
    case("env-file-is-private", mode(ENV, 0o640), "admits the group", "unknown"),
    near("env-file-is-private", mode(ENV, 0o400), "stricter"),
    near(
        "env-file-is-private",
        both(mode(ENV, 0o640), lambda root: swap(UNIT, "Group=mcp-hub", f"Group={(root / ENV).stat().st_gid}")(root)),
        "the service's own group",
    ),
    case("env-file-is-not-tracked", git("add", "-f", ENV), "tracked by git: .env.production"),
    case("env-file-is-not-tracked", both(write("sub/.env", "A=1"), git("add", "-f", "sub/.env")), "sub/.env"),
    case(
        "env-file-is-not-tracked",
        both(
            git("add", "-f", ENV),
            git("commit", "-qm", "x"),
            git("rm", "-q", "--cached", ENV),
            git("commit", "-qm", "y"),
        ),
        "still in the history",
        "degraded",
    ),
    case(
        "secret-references-are-resolved-by-the-loader",
        swap(ENV, "=op://mcp-hub/openai/credential", "=$(op read op://a/b)"),
        "literally: OPENAI_API_KEY",
    ),
    case(
        "secret-references-are-resolved-by-the-loader",
        swap(
            UNIT,
            "ExecStart=/usr/bin/op run --env-file=",
            "EnvironmentFile=x/.env.production\nExecStart=/usr/bin/env A=",
        ),
        "literally: OPENAI_API_KEY",
    ),
    near(
        "secret-references-are-resolved-by-the-loader",
        swap(ENV, "op://mcp-hub/openai/credential", REAL_KEY),
        "no reference",
    ),
]
