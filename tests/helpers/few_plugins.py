"""What the runs of pytest that tests start are to load: this plugin and its neighbours, and not all that the machine has.

Loading every plugin of the tests' own environment is more than half of what a short run costs, in each of its workers
again. That strangers' plugins do no harm is proven where they are asked for by name, and from a wheel in an environment
of its own, where pytest looks for plugins as everywhere.
"""

from __future__ import annotations

from typing import Final

FEW: Final = {
    "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
    "PYTEST_PLUGINS": "readiness.plugin,xdist.plugin,xdist.looponfail,pytest_rerunfailures,pytest_timeout",
}
"""Environment variables of such a run."""
PAGES: Final = ("-p", "pytest_metadata.plugin", "-p", "pytest_html.plugin")
"""Arguments for one that writes a page with `--html`, too."""
