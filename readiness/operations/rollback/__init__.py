"""Going back to the release before: planned here, executed by an explicit step."""
