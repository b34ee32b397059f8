"""What a shell is told when it completes a command line."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        (["run", "m.yaml", "--target", "c"], ["plain,cpu", "plain,cuda", "plain,cuda:0"]),
        (["explain", "cs05"], [f"plain,CS05{n}" for n in range(10)]),
        (["validate", "ex"], ["file,ex"]),
        (["shapes", "ex"], ["file,ex"]),
        (["run", "m.yaml", "-o", "out"], ["file,out"]),
        (["layers", "upsa"], ["plain,UpSampling1D", "plain,UpSampling2D", "plain,UpSampling3D"]),
    ],
)
def test_shells_complete(words, wanted):
    environment = os.environ | {
        "_CONVSPEC_COMPLETE": "bash_complete",
        "COMP_WORDS": " ".join(["convspec", *words]),
        "COMP_CWORD": str(len(words)),
    }
    code = "from speccompiler.cli.main import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False
    )
    assert done.stdout.split("\n")[:-1] == wanted
