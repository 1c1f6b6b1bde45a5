"""The backups of a release as they lie on disk: format, verification, restoration into a scratch folder."""
