"""What a secret may look like in a text: the encodings of a known value, and the shapes of unknown ones.

Pure functions and compiled patterns; `redactor` puts them to work.
"""

from __future__ import annotations

import binascii
import functools
import json
import re
from typing import TYPE_CHECKING, Final, NamedTuple
from urllib.parse import quote_from_bytes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

_PERCENT: Final = re.compile(r"%[0-9A-F]{2}")
_JS_UNESCAPED: Final = "!'()*~"  # what encodeURIComponent leaves alone


def _html(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _html_variants(text: str) -> Iterator[str]:
    """As html.escape writes it, as MarkupSafe does, and as XML text and attributes do."""
    body = _html(text)
    yield body
    yield body.replace('"', "&quot;").replace("'", "&#x27;")
    yield body.replace('"', "&#34;").replace("'", "&#39;")
    yield body.replace('"', "&quot;").replace("\n", "&#10;").replace("\r", "&#13;").replace("\t", "&#09;")


def _json_variants(text: str) -> Iterator[str]:
    for ascii_only in (True, False):
        body = json.dumps(text, ensure_ascii=ascii_only)[1:-1]
        yield body
        yield body.replace("/", "\\/")


def _repr_variants(text: str) -> Iterator[str]:
    yield repr(text)[1:-1]
    yield ascii(text)[1:-1]
    yield repr(text + "'")[1:-2]  # in double quotes, as repr writes a text that holds a single one
    yield repr(text + "'\"")[1:-4]


def _percent_variants(text: str) -> Iterator[str]:
    raw = to_bytes(text)
    for safe in ("", "/", _JS_UNESCAPED):
        upper = quote_from_bytes(raw, safe=safe)
        for form in (upper, upper.replace("%20", "+")):
            yield form
            yield _PERCENT.sub(lambda m: m.group().lower(), form)


def _base64_variants(text: str) -> Iterator[str]:
    """The characters that the value alone decides, at each of the three alignments it may have."""
    raw = to_bytes(text)
    for before in range(3):
        whole = binascii.b2a_base64(b"\0" * before + raw, newline=False).decode()
        first = (0, 2, 3)[before]
        after = (before + len(raw)) % 3
        body = whole[first : len(whole) - (0, 3, 2)[after]]
        yield body
        yield body.replace("+", "-").replace("/", "_")
        if not before:
            yield whole
            yield whole.replace("+", "-").replace("/", "_")


def to_bytes(text: str) -> bytes:
    """The bytes behind `text`, undecodable ones of the environment included; never fails."""
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogatepass")


def forms(value: str) -> set[str]:
    """Every text that `value` becomes plain, quoted, escaped or encoded, and quoted once more after that."""
    first = {value, to_bytes(value).hex(), to_bytes(value).hex().upper(), repr(to_bytes(value))[2:-1]}
    variants: tuple[Callable[[str], Iterator[str]], ...] = (
        _percent_variants,
        _json_variants,
        _repr_variants,
        _html_variants,
    )
    first.update(_base64_variants(value))
    for variant in variants:
        first.update(variant(value))
    second = {again for form in first for variant in variants for again in variant(form)}
    return first | second


def encodings(value: str) -> dict[str, str]:
    """What `value` becomes, to how: plain (""), base64, hexadecimal, URL- or JSON-escaped; no form that holds another."""
    named = {value: ""}
    ways: tuple[tuple[str, Iterator[str]], ...] = (
        ("JSON-escaped", _json_variants(value)),
        ("URL-encoded", _percent_variants(value)),
        ("in base64", _base64_variants(value)),
        ("in hexadecimal", iter((to_bytes(value).hex(), to_bytes(value).hex().upper()))),
    )
    for how, variants in ways:
        for form in variants:
            named.setdefault(form, how)
    return {form: how for form, how in named.items() if not any(o in form for o in named if o != form)}


class Pattern(NamedTuple):
    """One shape of secret: `markers` are lower-case texts of which one must occur for `regex` to be tried.

    The group `v` is what gets replaced (without it, the whole match); a group `maybe` only if it looks random.
    """

    label: str
    markers: tuple[str, ...]
    source: str

    @property
    def regex(self) -> re.Pattern[str]:
        """The compiled pattern; compiled at first use, since most runs meet few of the markers."""
        return _compiled(self.source)


@functools.cache
def _compiled(source: str) -> re.Pattern[str]:
    return re.compile(source)


def _starts(literal: str) -> str:
    r"""`literal` where a token starts: not inside a word, but after an escape such as `\n` or `%0a`.

    The look-behind stands after the literal, so that the search for it stays a plain string search, and a run of
    repeated prefixes has one start only: no text makes the scan quadratic.
    """
    return rf"{literal}(?:(?<![A-Za-z0-9_-]{literal})|(?<=\\[nrt]{literal})|(?<=%[0-9A-Fa-f][0-9A-Fa-f]{literal}))"


_WORD: Final = r"[A-Za-z0-9_-]"
_ALNUM: Final = "[A-Za-z0-9]"
_SEP: Final = r"(?:/|%2[Ff]|\\/)"
_QUOTE: Final = r"""(?:\\?["']|&(?:quot|\#34|\#39|\#x27);)"""
_STANDS_FOR: Final = r"\$[{(A-Za-z_]|%\(|«|<|\*{3}|op://|vault:"
"""How a reference or a placeholder begins, where a value would stand."""


class TokenShape(NamedTuple):
    """How one issuer's tokens look; all that is no number is a regular expression.

    A token is `head` (of a fixed width), `more` and characters of `chars`: `issued` of them at least and `most` at most in
    a whole one, `hidden` in what is worth hiding.
    """

    kind: str
    """In words; empty for what is hidden and not searched for: it is public, or for tests."""
    label: str
    """What stands in its place once it is redacted; empty where another row hides it."""
    head: str
    more: str
    chars: str
    hidden: int
    issued: int
    most: int
    not_before: str = ""
    """What does not follow a whole one, because its length is fixed."""
    in_words: bool = False
    """Whether the head also stands inside other words, where it begins no token."""
    has_digit: bool = False
    hidden_rest: str = ""
    whole_rest: str = ""
    """What follows the head where that is no plain run: in what is worth hiding, and in a whole one."""

    def source(self, least: int) -> str:
        """The expression of a token with at least so many characters after its prefix."""
        return self.head + (self._rest(f"{{{least},}}") if self.chars else self.hidden_rest)

    @property
    def whole(self) -> str:
        """The expression of what follows the head of a whole token."""
        return self.whole_rest or self._rest(f"{{{self.issued},{self.most}}}")

    def _rest(self, times: str) -> str:
        return f"{self.more}{self.chars}{times}" + (f"(?!{self.not_before})" if self.not_before else "")


_HEX: Final = "[a-fA-F0-9]"
_SIMPLE: Final = (
    # issuer, heads, characters of the rest, how many at least and at most: as the well-kept rule sets of scanners have them
    ("a GitLab token", "gldt- glrt- glft- glptt- glcbt- glagent- gloas- glsoat- glimt- glffct-", _WORD, 20, 128),
    ("a Slack token", "xapp-", "[A-Za-z0-9-]", 40, 255),
    ("a Stripe secret", "whsec_", "[A-Za-z0-9+/]", 32, 64),
    ("a Hugging Face token", "api_org_", _ALNUM, 34, 34),
    ("a Google client secret", "GOCSPX-", _WORD, 28, 28),
    ("an AWS key", "ABSK", "[A-Za-z0-9+/]", 100, 300),
    ("a Vault token", "hvb. hvr.", _WORD, 20, 300),
    ("a Terraform token", ".atlasv1.", _WORD, 60, 70),
    ("a Shopify token", "shpat_ shpca_ shppa_ shpss_", _HEX, 32, 32),
    ("a Square token", "sq0atp- sq0csp-", _WORD, 22, 60),
    ("a Brevo key", "xkeysib-", "[a-f0-9-]", 64, 65),
    ("a Linear key", "lin_api_", _ALNUM, 40, 40),
    ("a Notion token", "ntn_ secret_", _ALNUM, 43, 46),
    ("a Figma token", "figd_", _WORD, 40, 64),
    ("a Heroku key", "HRKU-", _WORD, 58, 80),
    ("a Fly.io token", "fo1_ fm1_ fm2_", "[A-Za-z0-9+/_=-]", 43, 1024),
    ("a Netlify token", "nfp_", _ALNUM, 36, 64),
    ("a Vercel token", "vcp_ vci_ vca_ vcr_ vck_", _ALNUM, 24, 128),
    ("a Supabase key", "sbp_ sb_secret_", _WORD, 30, 64),
    ("a PlanetScale token", "pscale_tkn_ pscale_pw_ pscale_oauth_", "[A-Za-z0-9_.=-]", 32, 64),
    ("a New Relic key", "NRAK-", "[A-Z0-9]", 27, 27),
    ("a Grafana token", "glsa_ glc_", "[A-Za-z0-9+/_=]", 32, 400),
    ("a Sentry token", "sntryu_ sntrys_", "[A-Za-z0-9+/_=]", 60, 400),
    ("a Dynatrace token", "dt0c01.", r"[A-Z0-9.]", 80, 100),
    ("a Docker token", "dckr_pat_ dckr_oat_", _WORD, 27, 32),
    ("a RubyGems key", "rubygems_", "[a-f0-9]", 48, 48),
    ("a Clojars token", "CLOJARS_", "[a-z0-9]", 60, 60),
    ("a Pulumi token", "pul-", "[a-f0-9]", 40, 40),
    ("an age key", "AGE-SECRET-KEY-", "[A-Z0-9]", 59, 59),
    ("a 1Password token", "ops_", "[A-Za-z0-9+/_=-]", 250, 2048),
    ("a Perplexity key", "pplx-", _ALNUM, 48, 56),
    ("a Groq key", "gsk_", _ALNUM, 48, 56),
    ("a Replicate token", "r8_", _ALNUM, 37, 40),
    ("an xAI key", "xai-", _ALNUM, 70, 100),
    ("an ElevenLabs key", "sk_", "[a-f0-9]", 48, 48),
    ("a Tavily key", "tvly-", _WORD, 30, 60),
    ("a Firecrawl key", "fc-", "[a-f0-9]", 32, 32),
    ("a Postman key", "PMAK-", "[a-f0-9-]", 59, 59),
    ("a Contentful token", "CFPAT-", _WORD, 43, 64),
    ("a Prefect key", "pnu_ pnb_", _ALNUM, 36, 40),
    ("a ReadMe key", "rdme_", "[a-z0-9]", 70, 70),
    ("an EasyPost key", "EZAK EZTK", _ALNUM, 54, 54),
    ("a Duffel token", "duffel_live_", _WORD, 43, 43),
    ("a Flutterwave key", "FLWSECK-", "[A-Za-z0-9-]", 32, 40),
    ("an Adobe secret", "p8e-", "[a-zA-Z0-9]", 32, 32),
    ("an Infracost key", "ico-", _ALNUM, 32, 32),
)
TOKENS: Final = (
    TokenShape("an Anthropic key", "", "sk-", "ant-", _WORD, 16, 20, 256, in_words=True),
    TokenShape("an OpenAI key", "", "sk-", "(?!ant-)", _WORD, 16, 20, 256, in_words=True),
    TokenShape("", "api-key", "sk-", "", _WORD, 16, 20, 256, in_words=True, has_digit=True),
    TokenShape("a Google key", "api-key", "A", "Iza", _WORD, 30, 35, 35, not_before=_WORD),
    TokenShape("a Google key", "api-key", r"AQ\.", "Ab", _WORD, 28, 30, 255),
    TokenShape("a Google token", "token", r"ya29\.", "", _WORD, 20, 20, 512),
    TokenShape("a Stripe key", "", "[sr]k_live_", "", _ALNUM, 10, 16, 255),
    TokenShape("", "api-key", "(?:[srp]k|whsec)_(?:live|test)_", "", _ALNUM, 10, 16, 255),
    TokenShape("a GitHub token", "token", "gh[pousr]_", "", _ALNUM, 16, 30, 255),
    TokenShape("a GitHub token", "token", "github_pat_", "", "[A-Za-z0-9_]", 16, 40, 255),
    TokenShape("a GitLab token", "token", "glpat-", "", _WORD, 16, 20, 255),
    TokenShape("a Slack token", "token", "xox[abeoprs]-", "", "[A-Za-z0-9-]", 10, 20, 255),
    TokenShape("an npm token", "token", "npm_", "", _ALNUM, 30, 36, 36, not_before=_ALNUM),
    TokenShape("a Hugging Face token", "token", "hf_", "", _ALNUM, 30, 30, 60, not_before=_ALNUM),
    TokenShape("a Vault token", "token", r"hvs\.", "", _WORD, 20, 20, 255),
    TokenShape("a SendGrid key", "token", r"SG\.", rf"{_WORD}{{16,64}}\.", _WORD, 16, 16, 64),
    TokenShape("a DigitalOcean token", "token", "do[opr]_v1_", "", "[a-f0-9]", 32, 64, 64, not_before=_ALNUM),
    TokenShape(
        "a Doppler token", "token", r"dp\.", r"(?:pt|st|ct|sa|scim|audit)\.(?:[a-z0-9_-]{1,40}\.)?", _ALNUM, 32, 40, 44
    ),
    TokenShape("a PyPI token", "token", "pypi-", "Ag[EI][A-Za-z0-9]{2}", _WORD, 40, 50, 1024),
    TokenShape("a Twilio key", "api-key", "SK", "", "[a-fA-F0-9]", 32, 32, 32, not_before=_ALNUM, in_words=True),
    TokenShape("an Azure client secret", "token", "[0-9]Q~", "", "[A-Za-z0-9_~.-]", 28, 31, 34),
    *(
        TokenShape(kind, "token", re.escape(head).replace(r"\-", "-"), "", chars, least, least, most, not_before=_ALNUM)
        for kind, heads, chars, least, most in _SIMPLE
        for head in heads.split()
    ),
    TokenShape("an Atlassian token", "token", "A", "TATT3xFf", "[A-Za-z0-9_=-]", 40, 100, 400),
    TokenShape("a Bitbucket password", "token", "A", "TBB", _ALNUM, 32, 32, 32, not_before=_ALNUM),
    TokenShape("", "token", "1//0", "", _WORD, 40, 40, 200),
    TokenShape("", "token", "dapi", "", "[a-f0-9]", 32, 32, 32, not_before=_ALNUM),
    TokenShape("", "token", "key-", "", "[a-f0-9]", 32, 32, 32, not_before=_ALNUM),
    TokenShape("an AWS key", "access-key", "A", "(?:KIA|SIA)", "[A-Z0-9]", 16, 16, 16, not_before=_ALNUM),
    TokenShape(
        *("a JSON web token", "jwt", "eyJ", "", _WORD, 8, 8, 1024),
        in_words=True,
        hidden_rest=rf"{_WORD}{{8,}}+(?:\.{_WORD}{{4,}}){{1,4}}",
        whole_rest=rf"{_WORD}{{8,1024}}\.eyJ{_WORD}{{8,1024}}\.{_WORD}{{16,1024}}",
    ),
    TokenShape(
        *("a private key", "private-key", "-----", "BEGIN ", "", 0, 0, 0),
        hidden_rest=(
            r"BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----"
            r"(?:(?!-----END)[A-Za-z0-9+/=\s\\>|:,.\"'-]){0,16384}+(?:-----END [A-Z0-9 ]{0,40}-----)?"
        ),
        whole_rest=r"BEGIN [A-Z0-9 ]{0,30}PRIVATE KEY(?: BLOCK)?-----[^-]{1,200}?[A-Za-z0-9+/]{40}",
    ),
)
"""Tokens that their issuers made recognisable: the one table of them, for all that hides secrets or looks for them."""
_MARKERS: Final = {
    r"A|Iza": ("aiza",),
    r"A|(?:KIA|SIA)": ("akia", "asia"),
    "(?:[srp]k|whsec)_(?:live|test)_|": ("_live_", "_test_"),
    "gh[pousr]_|": ("ghp_", "gho_", "ghu_", "ghs_", "ghr_"),
    "xox[abeoprs]-|": ("xox",),
    "do[opr]_v1_|": ("dop_v1_", "doo_v1_", "dor_v1_"),
    r"dp\.|(?:pt|st|ct|sa|scim|audit)\.(?:[a-z0-9_-]{1,40}\.)?": ("dp.",),
    "[0-9]Q~|": ("q~",),
    "-----|BEGIN ": ("private key",),
}
"""Texts of which one occurs wherever a token does, by its head and what follows, where that is no plain text."""
PROVIDER_KEYS: Final = {
    "gemini": (
        r"AIza[A-Za-z0-9_-]{35}|AQ\.[A-Za-z0-9_-]{20,300}",
        "AIza and 35 more characters, or AQ. and at least 20",
    ),
    "openai": (r"sk-(?!ant-|or-)[A-Za-z0-9_-]{20,300}", "sk- and at least 20 more characters"),
    "anthropic": (r"sk-ant-[A-Za-z0-9_-]{20,300}", "sk-ant- and at least 20 more characters"),
}
"""How the key of each LLM provider of a hub looks, as an expression and in words; more than is searched for is taken."""
TOKEN_PREFIX: Final = re.compile(
    r"^(?:sk-(?:ant-(?:api\d+-)?|proj-|svcacct-)?|AIza(?:Sy)?|"
    + "|".join(
        shape.head + shape.more for shape in TOKENS if shape.kind and shape.head not in {"sk-", "A", "eyJ", "-----"}
    )
    + ")"
)
"""What such a token begins with, before what its issuer drew by lot."""


def _pattern(shape: TokenShape) -> Pattern:
    plain = (shape.head + shape.more.split("[")[0]).replace("\\", "").lower()
    head = _starts(shape.head) if shape.in_words else shape.head
    digit = rf"(?={shape.chars}*\d)" if shape.has_digit else ""
    rest = shape.hidden_rest or shape.source(shape.hidden).removeprefix(shape.head)
    return Pattern(shape.label, _MARKERS.get(f"{shape.head}|{shape.more}", (plain,)), f"{head}{digit}{rest}")


_PLACES: Final = (
    (
        "authorization",
        ("authorization", "api-key", "auth-token", "private-token"),
        (
            r"(?i:authorization|x-api-key|api-key|x-auth-token|private-token)"
            rf"(?:{_QUOTE})?\s{{0,4}}(?:[:=]|,\s?b?)\s{{0,4}}(?:{_QUOTE})?"
            r"(?:(?i:basic|bearer|digest|token|negotiate|apikey)\s{1,4})?(?P<maybe>[^\s\"'«»,;<>{}()\\]{6,4096})"
        ),
    ),
    ("bearer", ("bearer",), r"(?i:bearer)(?:\s|%20|\+){1,4}(?P<maybe>[A-Za-z0-9._~+/=-]{8,4096})"),
    (
        "cookie",
        ("cookie",),
        (
            rf"(?i:cookie)(?:{_QUOTE})?\s{{0,4}}[:=,]\s{{0,4}}(?:{_QUOTE})?"
            r"(?P<maybe>[^\s=;,\"'«»]{1,128}=[^\r\n\"'«»]{4,4096})"
        ),
    ),
    ("password", ("://",), r"://[^\s/?#\"'<>@:«»]{0,256}:(?P<v>[^\s/?#\"'<>«»]{1,512})@"),
    # an address without its scheme, as a redirect may name one
    ("password", ("//",), r"(?<![:\w/])//[^\s/?#\"'<>@:«»]{0,256}:(?P<v>[^\s/?#\"'<>«»]{1,512})@"),
    (
        "password",
        ("passw", "secret=", "pwd="),
        rf"[?&;](?i:password|passwd|passwort|pwd|(?:client_)?secret)=(?!{_STANDS_FOR})(?P<v>[^\s&#\"'«»<>;]{{1,4096}})",
    ),
    (
        "option",
        ("token=", "password=", "passwd=", "passphrase=", "pwd=", "secret=", "credential=", "credentials=", "key="),
        (
            r"(?<![A-Za-z0-9-])--?(?i:[a-z0-9]{1,30}[_-]){0,6}(?i:token|password|passwd|passphrase|pwd|secret|credentials?"
            r"|api[_-]?key|access[_-]?key|private[_-]?key|secret[_-]?key|encryption[_-]?key)=(?P<q>[\"'])?"
            rf"(?!{_STANDS_FOR})(?P<v>(?(q)(?:(?!(?P=q))[^\n]){{1,4096}}|[^\s\"'«»]{{1,4096}}))"
        ),
    ),
    (
        "value",
        ("accountkey", "sharedaccesskey", "accesskey"),
        r"(?i:account|shared_?access|access)_?(?i:key)=(?P<v>[A-Za-z0-9+/]{40,128}={0,2})",
    ),
    (
        "value",
        ("secret_access_key", "secret-access-key", "secretaccesskey", "secret_key", "secret-key", "secretkey"),
        (
            rf"(?i:secret[_-]?(?:access[_-]?)?key)(?:{_QUOTE})?\s{{0,4}}[:=]\s{{0,4}}(?:{_QUOTE})?"
            r"(?P<maybe>[A-Za-z0-9/+]{40})(?![A-Za-z0-9/+=])"
        ),
    ),
    (
        "value",
        ("key", "secret", "token", "salt", "passw", "seed", "hmac"),
        (
            r"(?i:(?<!cache)(?<!public)(?<!primary)(?<!potency)[_-]key|(?<=[a-z])key(?=s?[\"':= ])(?<!cachekey)(?<!publickey)"
            rf"|secret|token|salt|passwo?r?d|seed|hmac)(?:{_QUOTE})?\s{{0,4}}[:=]\s{{0,4}}(?:{_QUOTE})?(?:0x)?"
            r"(?P<v>[0-9a-fA-F]{32,4096})(?![0-9A-Za-z])"
        ),
    ),
    (
        "value",
        ("_key", "-key"),
        (
            rf"(?i:encryption|encrypt|crypto|cipher|signing|signature|session|master|shared|hmac|jwt|cookie|webhook|license|app"
            rf"|service|storage|deploy|account|client|server|root|data)[_-](?i:key)s?(?:{_QUOTE})?"
            rf"\s{{0,4}}[:=]\s{{0,4}}{_QUOTE}(?P<maybe>[^\s\"'\\«»<>]{{6,4096}})"
        ),
    ),
    (
        "option",
        ("--token", "--password", "--secret", "--api-key", "--passphrase"),
        r"(?<![A-Za-z0-9-])--(?i:token|password|secret|api-key|passphrase)\s{1,4}(?P<maybe>[^\s\"'«»-][^\s\"'«»]{7,4096})",
    ),
    (
        "value",
        ("token", "secret", "passw"),
        rf"(?i:token|secret|passwo?r?d)(?:{_QUOTE})?\s{{0,4}}[:=]\s{{0,4}}(?P<maybe>[A-Za-z0-9_+/]{{24,4096}}={{0,2}})(?![^\s,;}}&)\\\"'<])",
    ),
    ("password", ("login ",), r"(?i:login)\s{1,4}\S{1,256}\s{1,4}(?i:password)\s{1,4}(?P<v>[^\s\"'«»]{4,512})"),
    (
        "value",
        ('auth"', "auth'", "auth\\", "auth&"),
        rf"{_QUOTE}auth{_QUOTE}\s{{0,4}}:\s{{0,4}}{_QUOTE}(?P<maybe>[A-Za-z0-9+/]{{12,4096}}={{0,2}})",
    ),
    ("token", (":aa",), r"(?<!\d)\d{8,10}:(?P<v>AA[A-Za-z0-9_-]{33})(?![A-Za-z0-9_-])"),
    (
        "private-key",
        ("private-lines",),
        r"Private-Lines: \d{1,4}(?P<v>[A-Za-z0-9+/=\s>|\\]{40,8192}+)",
    ),
    # the end of what was cut in its middle, as pytest cuts long values: what it began with is gone
    (
        "value",
        ("...",),
        r"\.\.\.(?P<maybe>[A-Za-z0-9+/]{20,4096}(?:(?:\\{1,2}n|\s)[A-Za-z0-9+/]{20,128}){0,200}+={0,2})",
    ),
    ("password", ("://",), r"://(?P<maybe>[^\s/?#\"'<>@:«»]{8,512})@"),
    (
        "webhook",
        ("hooks.slack.com", "/webhooks", "office.com", "api.telegram.org"),
        (
            rf"(?:hooks\.slack\.com{_SEP}(?:services|workflows|triggers){_SEP}|discord(?:app)?\.com{_SEP}api{_SEP}webhooks{_SEP}"
            rf"|office\.com{_SEP}webhookb?2?{_SEP}|api\.telegram\.org{_SEP}bot)(?P<v>[A-Za-z0-9/_%@:\\-]{{6,512}})"
        ),
    ),
    (
        "value",
        ("passw", "passphrase", "secret", "token", "key", "credential"),
        (
            r"(?i:passwo?r?d|passphrase|secret|token|api[_-]?key|access[_-]?key|private[_-]?key|credential)s?"
            rf"(?:{_QUOTE})?\s{{0,4}}[:=]\s{{0,4}}{_QUOTE}(?P<maybe>[^\s\"'\\«»<>]{{6,4096}})"
        ),
    ),
    (
        "value",
        ("key=", "token=", "secret=", "password=", "passwd=", "sig=", "signature="),
        (
            r"(?:(?:KEY|TOKEN|SECRET|PASSWORD|PASSWD)"
            r"|[?&](?i:access_token|token|api_?key|key|(?:client_)?secret|password|passwd|sig|signature))"
            r"=(?P<maybe>[^\s&#\"'«»<>;,)]{6,4096})"
        ),
    ),
)
PROVIDERS: Final = tuple(_pattern(shape) for shape in TOKENS if shape.label)
"""Tokens that their issuer made recognisable."""
PATTERNS: Final = PROVIDERS + tuple(Pattern(label, markers, source) for label, markers, source in _PLACES)
"""The same, then the places where secrets stand: headers, URLs, assignments."""
_ALL: Final = frozenset(marker for pattern in PATTERNS for marker in pattern.markers)
MARKERS: Final = tuple(sorted(m for m in _ALL if not any(other in m for other in _ALL - {m})))
"""The fewest texts of which one occurs wherever a pattern could match, in lower case."""


_MIXED: Final = re.compile(r"[a-z][A-Z]")
_WORDS: Final = re.compile(r"[A-Z]?[a-z]*(?:[-_./ ][A-Z]?[a-z]+)*")


def looks_random(text: str) -> bool:
    """Whether `text` reads like a token rather than a word: digits among letters, mixed case, or great length."""
    if len(text) < 8 or text[0] in "$<*[{%":  # noqa: PLR2004 - shorter is a word; the rest are placeholders and references
        return False
    digits = any(c.isdigit() for c in text)
    letters = any(c.isalpha() for c in text)
    if (digits and letters) or _MIXED.search(text):
        return True
    return len(text) >= (40 if _WORDS.fullmatch(text) else 20)


def provider_token(text: str) -> bool:
    """Whether a token of a known provider stands in `text`."""
    low = text.lower()
    return any(any(m in low for m in p.markers) and p.regex.search(text) for p in PROVIDERS)


_ANYWHERE: Final = re.compile(
    r"TOKEN|SECRET|PASSWORD|PASSWD|PASSPHRASE|CREDENTIAL|COOKIE|API_?KEY|PRIVATE", re.IGNORECASE
)
_AS_WORD: Final = frozenset({"KEY", "KEYS", "AUTH", "AUTHORIZATION", "DSN", "PASS", "PWD", "JWT", "PAT", "WEBHOOK"})
_ABOUT: Final = frozenset(
    {
        "ALGORITHM",
        "COUNT",
        "DIR",
        "ENABLED",
        "FILE",
        "HEADER",
        "HOST",
        "LIMIT",
        "METHOD",
        "MODE",
        "PATH",
        "PORT",
        "PROVIDER",
        "TIMEOUT",
        "TTL",
        "TYPE",
    }
)
_PLAIN: Final = re.compile(
    r"(?i)(?:api[_-]?key|secret|token|password|passwd|credentials?|authorization|private[_-]?key)$"
)
_PUBLIC: Final = re.compile(r"PUBLIC|^O?L?D?PWD$|MAX_?TOKENS", re.IGNORECASE)
_PARTS: Final = re.compile(r"[^A-Za-z0-9]+|(?<=[a-z0-9])(?=[A-Z])")

COMMON: Final = frozenset(
    {
        "true",
        "false",
        "enabled",
        "disabled",
        "required",
        "optional",
        "default",
        "defaults",
        "production",
        "development",
        "staging",
        "testing",
        "localhost",
        "prompt-based",
        "server-allowlist",
        "category",
        "static",
        "password",
        "secret",
        "anonymous",
        "nobody",
        "example",
        "changeit",
        "undefined",
        "gemini",
        "openai",
        "anthropic",
        "debug",
        "warning",
        "critical",
        "notice",
        "verbose",
        "silent",
    }
)
_NUMBER: Final = re.compile(r"[-+]?[\d_]+(?:\.\d+)*\s?(?:ms|s|m|h|d|[kmgt]i?b?|%)?", re.IGNORECASE)
SHORT_NUMBER: Final = re.compile(r"[-+]?\d{1,7}")
_HOST: Final = re.compile(
    r"\[?[0-9a-f]*:[0-9a-f:.]+\]?(?::\d+)?|[a-z0-9-]{1,40}(?:\.[a-z0-9-]{1,40})+(?::\d+)?|[a-z-]{1,40}:\d+"
)
_ROOTS: Final = (
    "etc|home|usr|var|opt|tmp|run|root|srv|mnt|data|app|bin|lib|dev|proc|private|Users|Library|nix|workspace"
)
PATH: Final = re.compile(rf"(?:file://)?(?:~|\.{{1,2}}|/(?:{_ROOTS}))(?:/[\w.@ -]*)*")
_SUFFIXES: Final = (
    "json5?|toml|ya?ml|pem|key|crt|[cm]?js|ts|py|sh|log|sock|db|sqlite|env|conf|cfg|ini|txt|lock|service|html"
)
_FILE: Final = re.compile(rf"[\w.-]+(?:/[\w.-]+)*\.(?:{_SUFFIXES})")
WORDY: Final = re.compile(r"v?[A-Za-z]{0,15}\d{0,4}(?:[-_., /:=][A-Za-z]{0,15}\d{0,3})*")
WORDY_SECRET: Final = 16
REFERENCE: Final = re.compile(r"\$\{[^}]*\}|\$\(.*\)|\$\w+|op://.*|vault:.*", re.DOTALL)


_PLACEHOLDER_WORDS: Final = "change[-_]?(?:me|it)|replace|placeholder|example|dummy|fake|sample|todo|fixme|redacted|none|null|optional|required|insert"
_PLACEHOLDER: Final = re.compile(
    rf"(?i)(?<![a-z])your[-_ ]|[-_ ]here\b|(?<![a-z0-9])(?:{_PLACEHOLDER_WORDS})(?![a-z0-9])|^<[^>]*>$|^\[[^\]]*\]$|x{{4}}|\*{{3}}|\.{{3}}|…"
)
_MADE_UP: Final = re.compile(r"(?i)0123456|1234567|abcdefg|EXAMPLE|(.)\1{5}")
_FEW: Final = 8


def placeholder(value: str) -> bool:
    """Whether a value stands where a secret is still to be put: your_api_key_here, sk-xxxx, <token>, optional."""
    return _PLACEHOLDER.search(value) is not None


def token_shaped(value: str) -> bool:
    """Whether a text could be an issued token: letters and digits, many different ones, neither counted nor spelt out."""
    mixed = any(c.isdigit() for c in value) and any(c.isalpha() for c in value)
    return mixed and len(set(value)) > _FEW and not placeholder(value) and not _MADE_UP.search(value)


def secret_value(name: str, value: str) -> bool:
    """Whether the variable or key `name` holds a secret in `value`, which is then worth looking for elsewhere."""
    plain = value.strip()
    if (
        len(set(plain)) < _FEW // 2
        or plain.lower() in COMMON
        or REFERENCE.fullmatch(plain)
        or SHORT_NUMBER.fullmatch(plain)
    ):
        return False
    if provider_token(plain):
        return not placeholder(plain)
    return secret_name(name) and not PATH.fullmatch(plain) and not placeholder(plain)


def secret_name(name: str) -> bool:
    """Whether a variable or key of this name holds a secret: API_KEY, dbPassword, SENTRY_DSN; not AUTHOR or TOKEN_TTL."""
    return mentions_secret(name) and _PARTS.split(name)[-1].upper() not in _ABOUT


def plainly_secret_name(name: str) -> bool:
    """Whether a name ends in a word that means nothing but a secret: narrower than `secret_name`, for names of others."""
    return _PLAIN.search(name) is not None


def mentions_secret(name: str) -> bool:
    """Whether a name mentions a secret at all: TOKEN_TTL does."""
    if _PUBLIC.search(name):
        return False
    return _ANYWHERE.search(name) is not None or any(part.upper() in _AS_WORD for part in _PARTS.split(name))


_OPTION: Final = re.compile(r"--?([A-Za-z][A-Za-z0-9_-]*)")
_ASSIGNED: Final = re.compile(r"((?:--?)?[A-Za-z_][A-Za-z0-9_-]*=)(.+)", re.DOTALL)
HIDDEN_ARGUMENT: Final = "«redacted:argument»"


def shown_arguments(command: Sequence[str]) -> list[str]:
    """A command's arguments as they may be shown: what an option or a variable of a secret's name is given is hidden.

    A reference, a path and a number stay: `--token-file=/run/token`, `--password $PASSWORD`.
    """
    shown: list[str] = []
    awaits = False
    for argument in command:
        option, assigned = _OPTION.fullmatch(argument), _ASSIGNED.fullmatch(argument)
        if awaits and not argument.startswith("-") and _is_given(argument):
            shown.append(HIDDEN_ARGUMENT)
        elif assigned and secret_name(assigned[1].strip("-=")) and _is_given(assigned[2]):
            shown.append(f"{assigned[1]}{HIDDEN_ARGUMENT}")
        else:
            shown.append(argument)
        awaits = option is not None and secret_name(option[1])
    return shown


def hidden_values(command: Sequence[str]) -> list[str]:
    """The values that `shown_arguments` hides."""
    pairs = zip(command, shown_arguments(command), strict=True)
    return [_value(argument, shown) for argument, shown in pairs if argument != shown]


def _value(argument: str, shown: str) -> str:
    return argument.removeprefix(shown.removesuffix(HIDDEN_ARGUMENT))


def _is_given(value: str) -> bool:
    return not (REFERENCE.fullmatch(value) or PATH.fullmatch(value) or SHORT_NUMBER.fullmatch(value) or "«" in value)


def harmless_value(value: str) -> bool:
    """Whether a value under an unsuspicious name is a number, a path, a file or a host."""
    if any(len(part) >= WORDY_SECRET and looks_random(part) for part in re.split(r"[.:/]", value)):
        return False
    return any(shape.fullmatch(value) for shape in (_NUMBER, _HOST, PATH, _FILE))
