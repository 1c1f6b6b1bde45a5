"""Certificates from a made-up authority, one set a process."""

from __future__ import annotations

import datetime as dt
import functools
import ssl
from typing import TYPE_CHECKING

import trustme

if TYPE_CHECKING:
    from pathlib import Path


@functools.cache
def _authority(name: str) -> trustme.CA:
    return trustme.CA(organization_name=name)


@functools.cache
def server_context(kind: str) -> ssl.SSLContext:
    """What the proxy shows: good, expired, wrong-name or self-signed (by an authority nobody trusts)."""
    authority = _authority("stranger" if kind == "self-signed" else "trusted")
    name = "hub.example.com" if kind == "wrong-name" else "127.0.0.1"
    past = dt.datetime.now(dt.UTC) - dt.timedelta(days=1)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name, not_after=past if kind == "expired" else None).configure_cert(context)
    return context


def write_authority(path: Path) -> None:
    """Write the trusted authority's certificate for `ca_file`."""
    _authority("trusted").cert_pem.write_to_path(str(path))
