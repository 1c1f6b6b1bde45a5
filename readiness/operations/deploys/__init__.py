"""What a release and a rollback share: the record of a deploy, the lock, the journal, journalled commands, quarantine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from readiness.support import front_door

if TYPE_CHECKING:
    from readiness.operations.deploys import lock, quarantine, systemd
    from readiness.operations.deploys.checks import (
        WELL,
        CheckReport,
        CheckRow,
        check_report,
        past_reports,
        read_check_report,
        run_checks,
    )
    from readiness.operations.deploys.command import GRACE, JournalledCommands
    from readiness.operations.deploys.hub_look import Seen, clearly_not_silent, look, same_start, startup_seconds
    from readiness.operations.deploys.identity import ReleaseIdentity
    from readiness.operations.deploys.journal import (
        BEGIN,
        ENDED,
        INTENT,
        OUTCOME,
        STARTED,
        EndedCommand,
        JournalEntry,
        JournalFile,
        JournalState,
        begun_journals,
        read_journal,
    )
    from readiness.operations.deploys.record import FILE, DeployRecord, read_record, write_record
    from readiness.operations.deploys.summary import (
        SUMMARY_FILE,
        FinishedPhase,
        PhaseStatus,
        ReleaseSummary,
        read_summary,
        write_summary,
    )
else:
    __all__, __getattr__ = front_door(__name__, __file__)
