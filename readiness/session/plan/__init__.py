"""What a run has to prove, known before it begins: the catalogue of checks, what `-m` selects, scope and declarations."""
