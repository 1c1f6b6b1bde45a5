"""What a release and a rollback share: the record of a deploy, the lock, the journal, journalled commands, quarantine."""
