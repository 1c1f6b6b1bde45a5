"""Secrets as their issuers make them, drawn by lot: known to nobody, and to be hidden by their shape or their place alone.

The formats are facts, as the well-kept rule sets of scanners have them: `{w36}` are 36 letters and digits, `{x32}` hexadecimal.
"""

from __future__ import annotations

import functools
import random
import re
import string
from typing import Final

_SETS: Final = {
    "w": string.ascii_letters + string.digits,
    "x": "0123456789abcdef",
    "u": string.ascii_uppercase + string.digits,
    "l": string.ascii_lowercase + string.digits,
    "d": string.digits,
}
_TOKENS: Final = """
ghp_{w36} ghs_{w36} ghr_{w36} gho_{w36} ghu_{w36} github_pat_{w22}_{w59}
glpat-{w20} gldt-{w20} glrt-{w20} glptt-{x40} glft-{w20} glagent-{w50} gloas-{x64} glsoat-{w20} glcbt-{w20}
xoxb-{d12}-{d12}-{w24} xoxp-{d11}-{d11}-{d11}-{x32} xapp-1-{u11}-{d13}-{x64} sk_live_{w24} rk_live_{w24} whsec_{w32}
SG.{w22}.{w43} npm_{w36} sk-{w48} sk-proj-{w74} sk-svcacct-{w60} sk-ant-api03-{w93} sk-or-v1-{x64} hf_{w34} api_org_{w34}
AIza{w35} ya29.{w60} GOCSPX-{w28} 1//0{w60} AKIA{u16} ASIA{u16} ABSK{w109} {w3}8Q~{w34} dop_v1_{x64} doo_v1_{x64}
dp.pt.{w43} dp.st.{w43} pypi-AgEI{w80} SK{x32} hvs.{w90} hvb.{w140} x.atlasv1.{w64} shpat_{x32} shpss_{x32} sq0atp-{w22}
xkeysib-{x64} lin_api_{w40} ntn_{w46} secret_{w43} figd_{w40} ATATT3xFf{w180} ATBB{w32} HRKU-AA{w58} fo1_{w43} fm2_{w100}
nfp_{w36} vcp_{w56} sbp_{x40} sb_secret_{w31} pscale_tkn_{w43} pscale_pw_{w43} dapi{x32} NRAK-{u27} glsa_{w32}_{x8} glc_{w40}
sntryu_{x64} sntrys_{w100} dt0c01.{u24}.{u64} dckr_pat_{w27} rubygems_{x48} CLOJARS_{l60} pul-{x40} AGE-SECRET-KEY-1{u58}
ops_eyJ{w250} pplx-{w48} gsk_{w52} r8_{w37} xai-{w80} sk_{x48} tvly-{w32} fc-{x32} PMAK-{x24}-{x34} CFPAT-{w43} pnu_{l36}
rdme_{l70} EZAK{w54} duffel_live_{w43} FLWSECK-{x32}-X p8e-{l32} ico-{w32} key-{x32} eyJ{w30}.eyJ{w60}.{w43} {d10}:AA{w33}
"""
_PLACES: Final = (
    *("https://hooks.slack.com/services/T{u8}/B{u8}/{w24}", "https://discord.com/api/webhooks/{d18}/{w68}"),
    *("https://user:{w20}@host/", "redis://:{w24}@host:6379", "mongodb+srv://u:{w24}@c.example/x"),
    *("--token={w30}", "--password={w20}", "--password {w20}7", "--api-key={w24}", "PGPASSWORD={w18}7"),
    *("https://x.example/cb?access_token={w40}&state=1", "AccountKey={w86}==", "//registry.example/:_authToken={w36}"),
    *("aws_session_token={w200}", "aws_secret_access_key = {w39}7", "MAILER_API_KEY={x32}", "session_secret: {w48}"),
    *("Authorization: Bearer {w40}", "Authorization: Basic {w40}==", "X-Api-Key: {w32}", "PRIVATE-TOKEN: {w20}7"),
    *(
        "Set-Cookie: sid={w40}",
        'encryption_key: "{x64}"',
        "signing_key: {x64}",
        '{"auth": "{w28}7"}',
        '{"password": "{w16}7"}',
    ),
    "machine h login u password {w20}",
    "-----BEGIN RSA {PRIVATE} KEY-----\n{w64}\n{w64}\n-----END RSA {PRIVATE} KEY-----",
    "-----BEGIN OPENSSH {PRIVATE} KEY-----\n{w64}\n{w64}\n-----END OPENSSH {PRIVATE} KEY-----",
    "PuTTY-User-Key-File-2: ssh-rsa\nPrivate-Lines: 2\n{w64}\n{w64}",
)
PUBLIC: Final = (
    *("ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABAQC{w200} u@h", "sha256:{x64}", "commit {x40}", "sha512-{w86}=="),
    *(
        "{x8}-{x4}-4{x3}-a{x3}-{x12}",
        "-----BEGIN PUBLIC KEY-----\n{w64}\n{w64}\n-----END PUBLIC KEY-----",
        'ETag: W/"{x32}"',
    ),
    *("-----BEGIN CERTIFICATE-----\n{w64}\n{w64}\n-----END CERTIFICATE-----", "/messages?sessionId={x32}", "{u26}"),
    *(
        "cache_key={x40}",
        "token: ${MCP_HUB_TOKEN}",
        "password: required",
        "max_tokens: 4096",
        "the secret_name of {x40}",
    ),
)
"""What is long and random and no secret: keys for all to see, hashes, ids of commits, sessions and things, references."""
_RUN: Final = 12
"""Characters of a secret that give it away."""


def drawn(rows: tuple[str, ...]) -> tuple[str, ...]:
    """`rows` with their places filled: the same in each process."""
    lot = random.Random(16)

    def draw(place: re.Match[str]) -> str:
        return "".join(lot.choice(_SETS[place[1]]) for _ in range(int(place[2])))

    return tuple(re.sub(r"\{([wxuld])(\d+)\}", draw, row).replace("{PRIVATE}", "PRIVATE") for row in rows)


SHAPES: Final = drawn((*_TOKENS.split(), *_PLACES))


@functools.cache
def _runs() -> frozenset[str]:
    parts = [part for row in SHAPES for part in re.findall(r"[A-Za-z0-9]{14,}", row)]
    return frozenset(part[at : at + _RUN] for part in parts for at in range(len(part) - _RUN + 1))


def given_away(text: str) -> list[str]:
    """Where `text` holds twelve characters or more of what was drawn, and what stands around."""
    runs = _runs()
    return [text[max(0, at - 30) : at + 30] for at in range(len(text) - _RUN + 1) if text[at : at + _RUN] in runs][:3]
