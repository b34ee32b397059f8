"""``convspec plan``."""

from __future__ import annotations

from pathlib import Path

from tests.cli.calling import Call
from tests.places import ROOT


def test_the_cuts_of_a_plan_are_for_its_batch_and_threads(call: Call) -> None:
    vgg = str(ROOT / "examples" / "specs" / "vgg16.yaml")
    one = call("plan", vgg, "--threads", "2").out
    assert call("plan", vgg, "--threads", "2", "--batch-size", "1").out == one
    eight, many = call("plan", vgg, "--batch-size", "8"), call("plan", vgg, "--threads", "16")
    # 14x14 outputs are 16 tiles a sample: at batch 8 there are more than that to do together.
    assert "16 tiles x" in one
    assert "64 tiles x" in eight.out
    assert many.out != one
    assert "0 is not in the range" in call("plan", vgg, "--threads", "0").err


def test_a_stateful_model_is_planned_as_it_is_run(call: Call, tmp_path: Path) -> None:
    """With its states as inputs and outputs, in the batches that it declares."""
    text = """\
convspec: 1
input_shape: [20, 8]
layers:
  - {type: LSTM, name: l, output_dim: 64, stateful: true}
"""
    model = tmp_path / "m.yaml"
    model.write_text(text)
    out = call("plan", str(model), "--threads", "2").out
    assert "state in, state out" in out
    assert "batches of 1 on" in out
    model.write_text(text.replace("convspec: 1", "convspec: 1\nbatch_size: 16"))
    assert "batches of 16 on 2 threads" in call("plan", str(model), "--threads", "2").out
