"""The commands compile and cache."""

from __future__ import annotations

import json

import pytest

from tests.system.cached_model import LAYERS, WIDTH, kept, run, unread


@pytest.fixture(autouse=True)
def folder(own_cache):
    """Kernels stay loaded in the process."""
    return own_cache


SPEC = {"convspec": 1, "input_shape": [WIDTH], "layers": LAYERS}


@pytest.fixture
def command(tmp_path, monkeypatch, capsys):
    from speccompiler.cli import main

    monkeypatch.chdir(tmp_path)
    (tmp_path / "model.json").write_text(json.dumps(SPEC))

    def call(*arguments):
        status = main.run(list(arguments))
        out, err = capsys.readouterr()
        assert status == 0, err
        return out

    return call


def test_compile_makes_what_a_run_needs(command, folder, monkeypatch):
    text = command("compile", "model.json", "--seed", "5", "--batch-size", "2")
    assert "weights: 1 packed\n  d_" in text
    assert text.endswith(f"kept in {folder}\n")
    again = json.loads(command("compile", "model.json", "--seed", "5", "--format", "json"))
    assert again["folder"] == str(folder)
    assert [entry for entry in again["made"] if entry["kind"] == "weights"] == []
    unread(monkeypatch)
    run(seed=5)


def test_compile_without_weights_makes_the_kernels(command, folder):
    text = command("compile", "model.json")
    assert "weights: none are given\n" in text
    assert kept(folder) == []


def test_compile_says_when_nothing_is_kept(command, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("CONVSPEC_CACHE_DIR", str(tmp_path / "file"))
    text = command("compile", "model.json", "--seed", "5")
    assert text.endswith(f"nothing is kept: {tmp_path / 'file'} cannot be used\n")


def test_cache_shows_and_clears(command, folder, monkeypatch):
    run(seed=5)
    (name,) = kept(folder)
    size = (folder / "weights" / name).stat().st_size
    shown = json.loads(command("cache", "--format", "json"))
    assert (shown["folder"], shown["limit"]) == (str(folder), 2048 << 20)
    (entry,) = [e for e in shown["entries"] if e["kind"] == "weights"]
    assert (entry["name"] + ".weights", entry["size"]) == (name, size)
    text = command("cache")
    assert f"folder: {folder}\n" in text
    assert "\nweights: 1, " in text
    assert text.endswith("limit: 2.0 GiB\n")
    monkeypatch.setenv("CONVSPEC_CACHE_SIZE", "lots")
    assert "'lots', which is no number of MiB" in command("cache")
    assert command("cache", "--clear").startswith("removed ")
    assert kept(folder) == []
    assert (
        command("cache", "--clear", "--format", "json")
        == json.dumps({"folder": str(folder), "removed": 0, "size": 0}) + "\n"
    )
