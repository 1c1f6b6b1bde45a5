"""A site: a folder laid out as a host is, to which releases are deployed.

`make("one-server")` gives a `DemoSite` with `call`, `readiness`, `script` and `url`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from readiness.demo.site.site import DemoSite, make

__all__ = ["DemoSite", "make"]


def __getattr__(name: str) -> Any:  # noqa: ANN401 - either of the two
    # only when asked for: the programs of a site live in this package too, and start several times a deploy
    if name not in __all__:
        raise AttributeError(name)
    from readiness.demo.site import site

    return getattr(site, name)
