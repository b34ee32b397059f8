"""The recipe for Ray of docs/how-to/clusters.md, run as it stands where Ray is installed."""

from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec

import pytest

from tests.docs.pages import DOCS, blocks
from tests.places import ROOT

RECIPE = """
ray.init(num_cpus=2, include_dashboard=False, logging_level="ERROR")
{recipe}
expected = speccompiler.load(path).compile().run(x)
assert np.array_equal(np.stack([row["y"] for row in rows]), expected)
print("equal")
"""


@pytest.mark.slow
@pytest.mark.xdist_group("dask")
@pytest.mark.skipif(
    find_spec("ray") is None or find_spec("pyarrow") is None, reason="ray[data] is not installed"
)
def test_the_recipe_for_ray(tmp_path):
    found = [b.text for b in blocks(DOCS / "how-to" / "clusters.md") if "map_batches" in b.text]
    (recipe,) = found
    head, _, rest = recipe.partition("\n\n\n")
    program = head + RECIPE.format(recipe=rest)
    (tmp_path / "recipe.py").write_text(program)
    done = subprocess.run(
        [sys.executable, str(tmp_path / "recipe.py")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    assert done.stdout.splitlines()[-1:] == ["equal"], done.stderr
