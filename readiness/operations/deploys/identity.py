"""What tells one release from another: most deploys of a hub change its configuration, and its version says nothing of that."""

from __future__ import annotations

import dataclasses
from pathlib import PurePath


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseIdentity:
    """What is known of a release; None wherever that cannot be told."""

    version: str | None = None
    commit: str | None = None
    folder: str | None = None
    """Its real folder, links resolved."""
    content: str | None = None
    """SHA-256 over its configuration, environment file and package.json."""

    def is_same(self, other: ReleaseIdentity) -> bool:
        """Whether `other` is the same release, by the best that both know: commit and content, folder, or the version alone."""
        commits, contents = (self.commit, other.commit), (self.content, other.content)
        if None not in commits and self.commit != other.commit:
            return False
        if None not in contents:
            return self.content == other.content
        if None not in commits:
            return True
        if self.folder is not None and other.folder is not None:
            return self.folder == other.folder
        return self.version is not None and _plain(self.version) == _plain(other.version)

    def beside(self, before: ReleaseIdentity | None) -> ReleaseIdentity:
        """What of it tells it from the release `before`: what both have names neither."""
        if before is None:
            return self
        own = dataclasses.replace(
            self,
            commit=None if self.commit == before.commit else self.commit,
            folder=None if self.folder == before.folder else self.folder,
            content=None if self.content == before.content else self.content,
        )
        return dataclasses.replace(own, version=None) if _plain(self.version) == _plain(before.version) else own

    @property
    def name(self) -> str:
        """One word for it, as a person types it; empty where nothing is known."""
        if self.version:
            return self.version
        if self.commit:
            return self.commit[:12]
        folder = PurePath(self.folder).name if self.folder else ""
        return folder or (f"config-{self.content[:8]}" if self.content else "")

    @property
    def names(self) -> frozenset[str]:
        """All by which a person may call it."""
        folder = {PurePath(self.folder).name, self.folder} if self.folder else set()
        content = {f"config-{self.content[:8]}", self.content} if self.content else set()
        return frozenset(one for one in (self.version, self.commit, *folder, *content) if one)


def _plain(version: str | None) -> str | None:
    return None if version is None else version.removeprefix("v")
