"""One look as plain text, for a reader without a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from readiness.operations.watch import wording as words

if TYPE_CHECKING:
    from collections.abc import Iterator

    from readiness.operations.watch.look import Look


def plain_lines(look: Look) -> Iterator[str]:
    """One look for a reader without a terminal: everything the view shows, a fact a line."""
    yield words.line_of(look)
    yield look.judgement.because
    for finding in words.alerts(look):
        pending = f" ({look.pending[finding.check]})" if finding.check in look.pending else ""
        yield f"  {words.STATES[finding.outcome.value]} {finding.check}: {finding.reason}{pending}"
    for row in (*look.metrics, *look.host):
        if row.value is not None:
            state = words.state(row)
            limits = words.limits(row)
            yield f"  {row.title}: {words.value(row)}" + "".join(f", {part}" for part in (state, limits) if part)
    for server in look.servers:
        yield f"  server {server.name}: {server.status}, up {words.up(server.uptime)}, {server.tools} tools"
