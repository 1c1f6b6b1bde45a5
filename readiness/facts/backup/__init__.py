"""The backups of a release as they lie on disk: format, verification, restoration into a scratch folder."""

from __future__ import annotations

from typing import TYPE_CHECKING

from readiness.support import front_door

if TYPE_CHECKING:
    from readiness.facts.backup import commits
    from readiness.facts.backup.backup import Backup, read_backup
    from readiness.facts.backup.backups import LOCKFILES, Backups
    from readiness.facts.backup.commits import Commits, head_commit
    from readiness.facts.backup.layout import (
        ALSO,
        CONFIGURATION,
        DATA,
        ENTRY_LIMIT,
        ENVIRONMENT,
        LATEST,
        LOCK,
        LOCKFILE,
        MANIFEST,
        NAME,
        PARTIAL,
        REMOVING,
        BackupEntry,
        Manifest,
        printable,
        render_manifest,
    )
    from readiness.facts.backup.opening import CHUNK, Beneath
    from readiness.facts.backup.restore import restore_backup
else:
    __all__, __getattr__ = front_door(__name__, __file__)
