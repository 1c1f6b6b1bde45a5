"""Makes backups and puts them back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from readiness.support import front_door

if TYPE_CHECKING:
    from readiness.operations.backup.backup import BackupError, BackupRequest, BackupSource, MadeBackup, create
    from readiness.operations.backup.release_backup import back_up_release
else:
    __all__, __getattr__ = front_door(__name__, __file__)
