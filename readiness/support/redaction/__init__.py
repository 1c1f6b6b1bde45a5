"""Takes secrets out of texts: known values in any encoding, then what looks like a secret."""

from __future__ import annotations

from typing import TYPE_CHECKING

from readiness.support import front_door

if TYPE_CHECKING:
    from readiness.support.redaction.patterns import (
        PROVIDER_KEYS,
        TOKEN_PREFIX,
        TOKENS,
        encodings,
        harmless_value,
        hidden_values,
        placeholder,
        plainly_secret_name,
        provider_token,
        secret_name,
        secret_value,
        shown_arguments,
        to_bytes,
        token_shaped,
    )
    from readiness.support.redaction.redactor import MAX_FILE, Redactor, Secret, known_secrets, scrub, secrets_in
else:
    __all__, __getattr__ = front_door(__name__, __file__)
