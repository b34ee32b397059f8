"""The steps of action.yml: ``python scripts/action check``, ``compare``, ``comment``, ``result``.

They need nothing but the standard library, and the convspec that is installed for the Python
that runs them. What they are given stands in the environment, so that no text of a pull request
ever becomes a part of a command line that a shell reads.
"""

from __future__ import annotations

import importlib
import sys

if __name__ == "__main__":
    sys.exit(importlib.import_module(sys.argv[1]).step())
