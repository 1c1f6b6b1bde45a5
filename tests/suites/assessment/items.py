"""What the assessment lists, item by item, and the check that answers it: gaps, praise, and what no file can show."""

from __future__ import annotations

import dataclasses
from typing import Final


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One statement of the assessment. `check` and `outcome` are what this project answers; `words` stand in the reason."""

    section: str
    says: str
    check: str
    outcome: str = "failed"
    words: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Elsewhere:
    """One statement that no file of a release can show, and what answers it."""

    section: str
    says: str
    answered: str


GAPS: Final = (
    Item(
        section="1.1", says="deploy-mcp-hub.sh has no rollback when the build fails",
        check="failed-build-rolls-back", words=("scripts/deploy-mcp-hub.sh", "bun run build"),
    ),
    Item(
        section="1.1", says="no systemd unit or process manager: nohup and background processes",
        check="service-is-supervised", words=("scripts/start-mcp-hub.sh:45", "nohup bun start"),
    ),
    Item(
        section="1.1", says="start-mcp-hub.sh line 45 assumes that logs/ exists",
        check="log-directory-is-created-before-use", words=("scripts/start-mcp-hub.sh:45", "logs/mcp-hub-output.log"),
    ),
    Item(
        section="1.1", says="keys are checked for presence only: invalid ones pass",
        check="api-keys-work", outcome="unknown", words=("GEMINI_API_KEY",),
    ),
    Item(
        section="1.1", says="a single failed health check fails the validation",
        check="validation-retries", words=("scripts/validate-deployment.sh",),
    ),
    Item(
        section="1.2", says="no recovery from network failures and rate limits",
        check="network-calls-are-bounded", words=("lacks a retry",),
    ),
    Item(
        section="1.2", says="no look at the free space before backup and deploy",
        check="free-space-is-checked-before-writing", words=("backup-pre-deployment.sh", "deploy-mcp-hub.sh"),
    ),
    Item(
        section="1.2", says="no look at permissions before files are written",
        check="permissions-are-checked-before-writing", words=("backup-pre-deployment.sh",),
    ),
    Item(
        section="1.3, 3.2", says="the deploy phase is not rolled back",
        check="every-phase-rolls-back", words=("deploy fails", "scripts/complete-deployment.sh"),
    ),
    Item(
        section="1.3", says="a backup's integrity is not verified",
        check="backup-is-intact", outcome="degraded", words=("no checksums",),
    ),
    Item(
        section="1.3, 3.4", says="the rollback was never tested, nor its time measured",
        check="rollback-was-rehearsed",
    ),
    Item(
        section="3.4", says="the rollback that is called automatically waits for somebody to type yes",
        check="rollback-needs-no-terminal", words=("scripts/rollback-deployment.sh", "waits for an answer"),
    ),
    Item(section="2.1", says="no .env.production template", check="env-template-lists-every-variable"),
    Item(section="2.1, 2.4", says="no procedure to rotate secrets", check="secrets-were-rotated"),
    Item(
        section="2.1, 2.4, 5", says="keys in plain text in .env.production",
        check="secrets-come-from-a-manager", words=("GEMINI_API_KEY",),
    ),
    Item(section="2.2, 3.1", says="no audit of the dependencies", check="no-known-vulnerabilities", outcome="unknown"),
    Item(section="2.2", says="dependencies are not pinned", check="dependencies-are-pinned", words=("openai",)),
    Item(section="2.2", says="neither Dependabot nor Renovate", check="update-bot-is-configured"),
    Item(section="3.1", says="no lint", check="lint-passes", outcome="unknown"),
    Item(
        section="4.1", says="two deployments can run at once: no lock",
        check="deployments-are-locked", words=("no lock is held",),
    ),
)  # fmt: skip
"""What sections 1 to 3 and 5 criticise and a file can show; and the lock, of which section 4 speaks."""

GOOD: Final = (
    Item(section="1.1", says="ten scripts cover the whole life of a deployment", check="lifecycle-scripts-are-present", outcome="passed"),
    Item(section="1.1", says="graceful stop: TERM, 30 s, then KILL", check="stop-is-graceful", outcome="passed"),
    Item(section="1.2", says="scripts exit on the first error, validation reports by its exit status", check="scripts-stop-on-errors", outcome="passed"),
    Item(section="1.1", says="the scripts are complete", check="scripts-parse", outcome="passed"),
    Item(section="1.1", says="… and excellent", check="scripts-have-no-lint-errors", outcome="passed"),
    Item(section="2.4", says="no secret on a command line is listed", check="secrets-stay-off-command-lines", outcome="passed"),
    Item(section="1.3", says="backups with a manifest: commit, version, time", check="backup-manifest-is-complete", outcome="passed"),
    Item(section="1.3", says="full restore of a backup", check="backup-restores", outcome="passed"),
    Item(section="3.2", says="a backup before anything is changed", check="backup-is-recent", outcome="passed"),
    Item(section="2.1", says="NODE_ENV is production", check="node-env-is-production", outcome="passed"),
    Item(section="2.1", says="the required variables", check="required-variables-are-set", outcome="passed"),
    Item(section="2.4", says="chmod 600 .env", check="env-file-is-private", outcome="passed"),
    Item(section="2.4", says="chmod 700 cache", check="cache-directory-mode-is-700", outcome="passed"),
    Item(section="3.1", says="273 of 273 tests pass", check="test-suite-passes", outcome="passed"),
    Item(section="3.3", says="the configuration is valid", check="config-parses", outcome="passed"),
)  # fmt: skip
"""What the assessment praises: it must not be faulted."""

ELSEWHERE: Final = (
    Elsewhere(section="1.1, 2.3, 2.4, 5", says="no nginx, no TLS, no rate limits", answered="`proxy-*` of infra, on the host"),
    Elsewhere(section="2.3, 5", says="no firewall, port 7000 exposed", answered="`hub-port-is-private`, `firewall-admits-only-what-is-declared` of infra"),
    Elsewhere(section="2.3, 5", says="disk, memory, CPU and latency are not watched", answered="`disk-use-is-safe` and its siblings of infra, `readiness watch`"),
    Elsewhere(section="2.4, 5", says="no authentication", answered="`api-requires-authentication` of health, through the public address"),
    Elsewhere(section="2.1", says="no script validates the environment", answered="preflight's own `environment` checks"),
    Elsewhere(section="3.1, 5", says="no single pre-flight command", answered="`pytest -m preflight`: this run"),
    Elsewhere(section="3.1", says="the build's artifact is not validated", answered="preflight's own `artifact` checks: size, mode, and it is run"),
    Elsewhere(section="3.3", says="no load test", answered="`pytest -m load`"),
    Elsewhere(section="3.3", says="no end-to-end test", answered="`pytest -m e2e`"),
    Elsewhere(section="3.4, 5", says="nobody is told", answered="`[notify]` and `on-call-contact-is-named`"),
    Elsewhere(section="1.3, 3.2", says="no blue-green deployment", answered="`readiness release --candidate-url`"),
    Elsewhere(section="1.3, 3.2", says="no database migration", answered="nothing: the assessment itself calls it not needed yet"),
)  # fmt: skip
"""What a file of the release cannot show."""
