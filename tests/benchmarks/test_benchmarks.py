"""The benchmark computes what it says and judges as it says. Nothing is timed here."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Iterator
from dataclasses import replace
from math import prod
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

import speccompiler
from benchmarks import contenders, measuring, processes, review, review_specs, startup, suite
from benchmarks.__main__ import main
from benchmarks.cases import (
    ALEXNET,
    CASES,
    INCEPTION,
    LENET,
    MOBILENET_V1,
    MOBILENET_V2,
    RESNET,
    SQUEEZENET,
    VGG,
    VGG_WHOLE,
    Branches,
    Case,
    Conv,
    ConvLstm,
    Dense,
    Layer,
    Pool,
    Recurrent,
    Separable,
    Squeeze,
    Up,
    chosen,
)
from benchmarks.geometry import applied, flops, least_bytes, output_shape
from benchmarks.imports import imports
from benchmarks.limits import best
from benchmarks.markdown import as_markdown, bars_line
from benchmarks.results import Limits, Measured, Row, from_json, to_json
from benchmarks.spec import native_spec, tensors, write_model
from benchmarks.speed import differences
from benchmarks.tensors import Parameters, channels_last, input_array, parameters

FOLDER = Path(__file__).resolve().parent / "report"

TINY = (
    Case("conv1d", (Conv(3, 3), Pool(), Conv(2, 5)), (2, 2, 9)),
    Case("strided 1d", (Conv(3, 3, stride=2),), (1, 2, 8)),
    Case("conv2d", (Conv(3), Pool(3, 2), Conv(2, 1), Up()), (2, 3, 8, 7)),
    Case("strided", (Conv(3, 5, stride=2, padding=2), Conv(2, stride=2)), (1, 2, 12, 11)),
    Case("average", (Pool(kind="average"),), (2, 3, 5, 6)),
    Case("volume", (Conv(3), Pool(), Up()), (1, 2, 4, 5, 6)),
    Case("even", (Conv(3, 2), Conv(2, 4, padding=0)), (1, 2, 7, 7)),
    Case("dilated", (Conv(3, dilation=2), Conv(2, 3, stride=2, dilation=3)), (2, 3, 9, 11)),
    Case("dilated 1d", (Conv(3, dilation=4),), (2, 2, 13)),
    Case("separable", (Separable(5), Separable(2, 5, stride=2)), (2, 3, 6, 7)),
    Case("planes", (Conv(3), Pool(), Separable(4), Up(), Conv(2, 1)), (2, 3, 8, 6), planes=True),
    Case("lstm", (Recurrent("lstm", 5), Recurrent("lstm", 4)), (2, 3, 6)),
    Case("gru", (Recurrent("gru", 5), Recurrent("gru", 4, sequences=False)), (3, 2, 5)),
    Case("convlstm", (ConvLstm(3),), (2, 2, 3, 5, 4)),
    Case(
        "heard",
        (
            Conv(3, elu=True),
            Pool(),
            Squeeze(),
            Recurrent("gru", 4, sequences=False),
            Dense(3, "sigmoid"),
        ),
        (2, 1, 2, 8),
    ),
    Case("same", (Pool(3, 2, same=True), Pool(3, 1, same=True)), (2, 3, 8, 7)),
    Case(
        "normalized",
        (Conv(3, 1, normalized=True), Conv(2, normalized=True, relu=False)),
        (2, 3, 5, 4),
    ),
    Case(
        "branches",
        (
            Branches("concat", ((Conv(3),), (), (Conv(2, 1), Conv(4)))),
            Branches("sum", ((), (Branches("sum", ((Conv(9), Conv(9, 1)), ())), Conv(9)))),
        ),
        (2, 2, 5, 6),
    ),
    Case("branches 1d", (Branches("concat", ((Pool(3, 1, same=True),), (Conv(2),))),), (2, 2, 9)),
    Case(
        "groups",
        (
            Conv(6, groups=2, normalized=True, most=6),
            Branches("sum", ((Conv(6, stride=1, groups=6, most=1), Conv(6, 1)), ()), relu=False),
        ),
        (2, 4, 5, 6),
    ),
    Case(
        "dense",
        (Conv(3, padding=0), Pool(), Dense(5), Dense(4, "softmax")),
        (2, 2, 6, 8),
    ),
)


def forward(case: Case) -> np.ndarray:
    """The case in plain NumPy, channels first, in float64: written from the definitions."""
    own = iter(parameters(case))
    y = chain(case.layers, input_array(case).astype(np.float64), own)
    assert next(own, "none left") == "none left"
    return y


def chain(layers: tuple[Layer, ...], x: np.ndarray, parts: Iterator) -> np.ndarray:
    for layer in layers:
        made = [chain(one, x, parts) for one in layer.chains] if hasattr(layer, "chains") else []
        own = next(parts)
        axes = tuple(range(2, x.ndim))
        if isinstance(layer, Conv):
            x = np.pad(x, [(0, 0), (0, 0), *[(layer.pad,) * 2] * len(axes)])
        if isinstance(layer, Pool) and layer.same:
            counts = [-(-n // layer.stride) for n in x.shape[2:]]
            over = [
                max(0, (count - 1) * layer.stride + layer.size - n)
                for count, n in zip(counts, x.shape[2:], strict=True)
            ]
            sides = [(0, 0), (0, 0), *((n // 2, n - n // 2) for n in over)]
            x = np.pad(x, sides, constant_values=-np.inf)
        if isinstance(layer, Conv | Pool):
            windows = windows_of(x, layer.size, getattr(layer, "dilation", 1))
            steps = (slice(None), slice(None), *[slice(None, None, layer.stride)] * len(axes))
            windows = windows[steps].reshape(*windows[steps].shape[: x.ndim], -1)
        match layer:
            case Conv():
                weight = own.weight.reshape(*own.weight.shape[:2], -1)
                groups = zip(
                    np.split(windows, layer.groups, 1), np.split(weight, layer.groups), strict=True
                )
                x = np.concatenate([np.einsum("nc...k,ock->no...", *pair) for pair in groups], 1)
                column = (-1, *[1] * len(axes))
                x = x + own.bias.reshape(column)
                if layer.normalized:
                    norm = own.norm
                    x = (x - norm.mean.reshape(column)) / np.sqrt(
                        norm.variance.reshape(column) + 1e-3
                    )
                    x = x * norm.gamma.reshape(column) + norm.beta.reshape(column)
                if layer.elu:
                    x = np.where(x > 0, x, np.expm1(x))
                elif layer.relu:
                    x = np.clip(x, 0, layer.most)
            case Separable(size=size, stride=stride):
                x = np.pad(x, [(0, 0), (0, 0), *[(size // 2,) * 2] * len(axes)])
                windows = windows_of(x, size)[:, :, ::stride, ::stride]
                x = np.einsum("ncyxhw,chw->ncyx", windows, own.depthwise[:, 0])
                x = np.einsum("nc...,oc->no...", x, own.weight[:, :, 0, 0])
                x = np.maximum(x + own.bias.reshape(-1, 1, 1), 0)
            case Branches(join="concat"):
                x = np.concatenate(made, axis=1)
            case Branches(relu=relu):
                x = np.maximum(sum(made), 0) if relu else sum(made)
            case Pool(kind=kind):
                x = windows.max(-1) if kind == "max" else windows.mean(-1)
            case Up(size=size):
                for axis in axes:
                    x = np.repeat(x, size, axis)
            case Dense(activation=activation):
                x = x.reshape(len(x), -1) @ own.weight.T + own.bias
                if activation == "relu":
                    x = np.maximum(x, 0)
                elif activation == "sigmoid":
                    x = sigmoid(x)
                else:
                    x = np.exp(x) / np.exp(x).sum(-1, keepdims=True)
            case Squeeze():
                x = x[:, :, 0]
            case Recurrent():
                x = scanned(layer.cell, x, own)
                x = x if layer.sequences else x[:, :, -1]
            case ConvLstm():
                x = scanned("lstm", x, own)
    return x


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


def scanned(cell: str, x: np.ndarray, own: Parameters) -> np.ndarray:
    """All outputs, along the first axis of lengths; other axes are those of an image."""
    units = own.state.shape[1]

    def product(value: np.ndarray, weight: np.ndarray) -> np.ndarray:
        if weight.ndim == 2:
            return value @ weight.T
        padded = np.pad(value, [(0, 0), (0, 0), *[(weight.shape[-1] // 2,) * 2] * 2])
        return np.einsum("nc...hw,ochw->no...", windows_of(padded, weight.shape[-1]), weight)

    h = c = np.zeros((len(x), units, *x.shape[3:]))
    column = (-1, *[1] * (h.ndim - 2))
    found = []
    for t in range(x.shape[2]):
        given = product(x[:, :, t], own.weight) + own.bias.reshape(column)
        parts = np.split(given, len(own.bias) // units, axis=1)
        state = np.split(product(h, own.state), len(parts), axis=1)
        if cell == "lstm":
            i, f, candidate, o = (a + b for a, b in zip(parts, state, strict=True))
            c = sigmoid(f) * c + sigmoid(i) * np.tanh(candidate)
            h = sigmoid(o) * np.tanh(c)
        else:
            z, r = (sigmoid(parts[k] + state[k]) for k in range(2))
            h = z * h + (1 - z) * np.tanh(parts[2] + r * state[2])
        found.append(h)
    return np.stack(found, axis=2)


def windows_of(x: np.ndarray, size: int, dilation: int = 1) -> np.ndarray:
    axes = tuple(range(2, x.ndim))
    seen = ((size - 1) * dilation + 1,) * len(axes)
    windows = np.lib.stride_tricks.sliding_window_view(x, seen, axis=axes)
    return windows[..., *[slice(None, None, dilation)] * len(axes)]


def test_operations_are_those_of_the_papers() -> None:
    vgg = Case("", VGG, (1, 3, 224, 224))
    assert flops(vgg) == 2 * 15_346_630_656
    assert flops(replace(vgg, shape=(8, 3, 224, 224))) == 8 * flops(vgg)
    dense = 25088 * 4096 + 4096 * 4096 + 4096 * 1000
    assert flops(replace(vgg, layers=VGG_WHOLE)) == flops(vgg) + 2 * dense
    assert flops(Case("", ALEXNET, (1, 3, 224, 224))) == 2 * 655_566_528
    lenet = 24 * 24 * 20 * 25 + 8 * 8 * 50 * 20 * 25 + 800 * 500 + 500 * 10
    assert flops(Case("", LENET, (1, 1, 28, 28))) == 2 * lenet


@pytest.mark.parametrize(
    ("layers", "published"),
    [
        pytest.param(RESNET, 25_636_712, id="resnet50"),
        # Without normalisation 6,998,552; it has four values for each of 7,280 filters.
        pytest.param(INCEPTION, 6_998_552 + 4 * 7_280, id="inception"),
        pytest.param(SQUEEZENET, 1_235_496, id="squeezenet"),
        # Keras's convolutions have no bias where a normalisation follows.
        pytest.param(MOBILENET_V1, 4_253_864 + 10_944, id="mobilenet v1"),
        pytest.param(MOBILENET_V2, 3_538_984 + 17_056, id="mobilenet v2"),
    ],
)
def test_networks_have_as_many_parameters_as_the_original(layers, published) -> None:
    count = 0
    for at in applied(Case("", layers, (1, 3, 224, 224))):
        shape = at.weight_shape
        if shape is not None:
            normalized = isinstance(at.layer, Conv) and at.layer.normalized
            count += prod(shape) + (5 if normalized else 1) * shape[0]
    assert count == published


def test_bytes_of_a_pool_are_input_and_output() -> None:
    pool = Case("", (Pool(),), (1, 64, 224, 224))
    assert least_bytes(pool) == 4 * 64 * (224 * 224 + 112 * 112)
    assert least_bytes(Case("", (Conv(5, 1),), (2, 3, 4))) == 4 * (2 * 3 * 4 + 15 + 5 + 2 * 5 * 4)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_every_case_is_a_valid_spec(case: Case, tmp_path: Path) -> None:
    file = tmp_path / "model.json"
    file.write_text(json.dumps({**native_spec(case), "seed": 1}))
    report = speccompiler.load(file).shapes()
    samples, *rest = output_shape(case)
    last = len(rest) > 1 and not case.planes
    shape = (*rest[1:], rest[0]) if last else tuple(rest)
    assert report.layers[-1].output_shape == shape
    assert 2 * samples * report.multiply_adds == flops(case)


def test_names_of_cases_are_unique() -> None:
    names = [case.name for case in CASES]
    assert len(set(names)) == len(names) >= 24
    assert [case.name for case in chosen(CASES, ("up2", "lenet 1x"))] == [
        "lenet 1x28x28 b1",
        "up2 64 112x112",
        "up2 64 112x112 th",
    ]


@pytest.mark.parametrize("case", TINY, ids=lambda case: case.name)
def test_convspec_is_given_the_same_network(case: Case, tmp_path: Path) -> None:
    model, weights = write_model(case, tmp_path)
    given = weights if tensors(case) else None
    plan = speccompiler.load(model, weights=given).compile(target="reference")
    x = input_array(case)
    y = plan.run(x) if case.planes else np.moveaxis(plan.run(channels_last(x)), -1, 1)
    wanted = forward(case)
    assert wanted.shape == output_shape(case)
    np.testing.assert_allclose(y, wanted, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("contender", contenders.CONTENDERS, ids=lambda c: c.name)
def test_contenders_compute_the_network(contender: contenders.Contender) -> None:
    for module in contender.modules:
        pytest.importorskip(module)
    for case in TINY:
        ready = contender.build(case, 2)
        if ready is None:
            if contender.name == "torch channels last":
                assert case.rank == 1 or case.planes
            else:
                assert case.images_over_time
            continue
        ready.run()
        np.testing.assert_allclose(ready.output(), forward(case), rtol=1e-3, atol=1e-4)


def test_differences_are_to_what_most_agree_on() -> None:
    y = np.array([[1.0, -2.0, 0.5]], np.float32)
    off = y + np.float32(0.2)
    assert differences({"a": y, "b": y, "c": off}) == {"a": 0, "b": 0, "c": pytest.approx(0.1)}
    broken = np.full_like(y, np.nan)
    assert differences({"a": y, "b": broken, "c": y}) == {"a": 0, "b": np.inf, "c": 0}
    assert differences({"a": y * 0}) == {"a": 0}


def row(**times: tuple[float, float]) -> Row:
    measured = tuple(
        Measured(name.replace("_", " "), ms, ms, 5, apart) for name, (ms, apart) in times.items()
    )
    return Row("case", True, 1.0, 1.0, 1.5, measured)


def test_ratios_are_to_the_best_peer_that_is_right() -> None:
    mixed = row(
        convspec_fast=(2.0, 0), onnxruntime=(5.0, 0), torch=(3.0, 1e-5), OpenVINO=(1.0, 0.1)
    )
    assert mixed.best_peer == mixed.of("torch")
    assert mixed.ratio("convspec fast") == 1.5
    assert mixed.ratio("convspec precise") is None
    assert mixed.of("OpenVINO") is None
    wrong = row(convspec_fast=(2.0, 2e-3), torch=(3.0, 0))
    assert wrong.ratio("convspec fast") is None
    alone = row(convspec_fast=(2.0, 0), convspec_precise=(3.0, 0))
    assert alone.ratio("convspec fast") is None


def test_the_higher_limit_counts() -> None:
    assert best(Limits(1, 20, 3), Limits(2, 10, 3)) == Limits(2, 20, 3)


def test_results_come_back_from_json() -> None:
    results = from_json((FOLDER / "results.json").read_text())
    assert from_json(to_json(results)) == results
    assert results.rows[0].ratio(results.ours) == 2.25
    with pytest.raises(ValueError, match="rows"):
        from_json('{"rows": 1}')


def test_the_page(golden) -> None:
    results = from_json((FOLDER / "results.json").read_text())
    golden(FOLDER / "page.md", as_markdown(results, "benchmarks.svg"))


def test_a_terminal_shows_the_same(golden, tmp_path: Path) -> None:
    copy = tmp_path / "copy.json"
    shown = CliRunner().invoke(
        main, ["--from-json", str(FOLDER / "results.json"), "--json", str(copy)]
    )
    assert shown.exit_code == 0, shown.output
    golden(FOLDER / "terminal.txt", shown.output)
    results = from_json(copy.read_text())
    assert results == from_json((FOLDER / "results.json").read_text())
    assert bars_line(results) == "3 of 6 bars met"


def test_a_file_that_holds_no_results(tmp_path: Path) -> None:
    file = tmp_path / "other.json"
    for text in ("{", '{"rows": []}'):
        file.write_text(text)
        shown = CliRunner().invoke(main, ["--from-json", str(file)])
        assert shown.exit_code == 1
        assert f"Error: {file} does not hold results: " in shown.output
        assert "Traceback" not in shown.output


def only_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    """No other package is installed; ours are found, since caches are keyed by their texts."""
    real = importlib.util.find_spec
    ours = ("speccompiler", "convspec", "benchmarks")
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: real(name) if name.startswith(ours) else None
    )


def test_missing_peers_are_named_with_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    only_ours(monkeypatch)
    able, missing = contenders.present()
    assert [c.name for c in able] == ["convspec fast", "convspec precise"]
    assert missing == ("onnx", "onnxruntime", "openvino", "torch")
    assert contenders.present(("torch",)) == ((), ("torch",))
    tiny = Case("tiny", (Conv(2),), (1, 2, 4, 4), 1.0)
    monkeypatch.setattr(suite, "limits", lambda threads: Limits(100, 10, 10))
    monkeypatch.setattr(suite.catalogue, "CASES", (tiny,))
    shown = CliRunner().invoke(main, ["--part", "speed", "--seconds", "0"])
    assert shown.exit_code == 0, shown.output
    line = "not compared, for want of onnx, onnxruntime, openvino, torch: pip install --group bench"
    assert shown.output.splitlines()[0] == line
    assert "1.0: no peer" in shown.output
    assert shown.output.endswith("0 of 0 bars met\n")


def test_contenders_take_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    order: list[str] = []
    monkeypatch.setattr(measuring, "settle", lambda: order.append("|"))
    monkeypatch.setattr(measuring, "WARM_SECONDS", 0)  # one call
    calls = {name: lambda name=name: order.append(name) for name in "abc"}
    timings = measuring.in_turns(calls, 0)
    bursts = "".join(order).split("|")[4:]  # after the warm-up of each
    assert bursts == [2 * name for name in "abcbcacababcbca"]
    assert {name: len(t.seconds) for name, t in timings.items()} == dict.fromkeys("abc", 5)


def test_programs_run_a_case_from_files(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(processes, "REPEATS", 1)
    names = ["convspec fast"]
    for name in ("onnxruntime", "OpenVINO", "torch"):
        if not contenders.present((name,))[1]:
            names.append(name)
    dense = TINY[-1]
    assert isinstance(dense.layers[-1], Dense)
    found = processes.processes_of(dense, names, 1)
    assert [p.contender for p in found] == names
    assert all(p.right and p.runs == 1 for p in found)
    (memory,) = processes.memory_of(TINY[4], names[:1], 1)
    assert memory.peak_mib * 2**20 > 4 * prod(TINY[4].shape)


def test_short_commands_beside_their_floors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(startup, "ROUNDS", 1)
    monkeypatch.setattr(startup, "LENET", TINY[-1])
    found = startup.starts(1, peer=False)
    assert {start.command for start in found} >= {"validate, 20 layers", "run lenet", "--help"}
    assert all(start.median_s >= start.least_s > 0 and start.ratio > 0 for start in found)
    spec = speccompiler.loads(startup.TWENTY_LAYERS)
    assert len(spec.spec.layers) == 20


def test_a_program_that_fails_says_why(tmp_path: Path) -> None:
    files = processes.CaseFiles(tmp_path, True, 1)
    with pytest.raises(processes.Failed, match=r"convspec run model\.yaml[^$]*CS001"):
        processes._run(files.command("convspec fast"), files, None)


def test_the_picture(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    from xml.etree import ElementTree

    from benchmarks.picture import write_picture

    results = from_json((FOLDER / "results.json").read_text())
    for name in ("a.svg", "b.svg"):
        write_picture(results, tmp_path / name)
    text = (tmp_path / "a.svg").read_text()
    assert text == (tmp_path / "b.svg").read_text()
    words = "".join(ElementTree.fromstring(text).itertext())
    for word in ("net b1", "pool", "2.50x", "0.50x", "convspec fast (default)"):
        assert word in words


def test_what_was_measured_is_shown_after_an_interrupt(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    results = from_json((FOLDER / "results.json").read_text())

    def interrupted(wanted: suite.Wanted):
        assert wanted == suite.Wanted(("speed",), ("net",), (), 2, 2.0)
        yield "speed: net b1", replace(results, rows=results.rows[:1])
        raise KeyboardInterrupt

    monkeypatch.setattr("benchmarks.__main__.measure", interrupted)
    file = tmp_path / "some.json"
    shown = CliRunner().invoke(main, ["--cases", "net", "--json", str(file)])
    assert shown.exit_code == 130
    assert shown.stderr == "speed: net b1  convspec fast 2.25  convspec precise 1.12\n"
    assert "768 GFLOP/s" in shown.stdout
    assert len(from_json(file.read_text()).rows) == 1


def test_docs_are_refused_before_the_work(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    given = ["--from-json", str(FOLDER / "results.json"), "--docs"]
    shown = CliRunner().invoke(main, [*given, str(tmp_path / "none")])
    assert shown.output == f"Error: {tmp_path / 'none'} is not a folder\n"
    only_ours(monkeypatch)
    shown = CliRunner().invoke(main, [*given, str(tmp_path)])
    assert shown.output == "Error: the picture needs matplotlib: pip install --group bench\n"
    assert not list(tmp_path.iterdir())


def test_a_review_is_measured_beside_its_goals(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(review, "ROUNDS", 1)
    found = list(review.reviews(layers=20, branched=20, files=2))
    commands = [(one.command, one.model, one.way) for one in found]
    assert len(commands) == len(set(commands)) == 2 * 4 * 3 + 1
    assert {command for command, *_ in commands} == {"validate", "shapes", "diff"}
    assert all(one.median_s > 0 and 10 < one.peak_mib < 500 for one in found)
    assert {one.goal_s for one in found} == {3.0, 8.0}


def test_a_file_is_measured_beside_its_spec() -> None:
    """Both give the same numbers; the bar is on the ratio of the medians."""
    pytest.importorskip("onnx")
    cases = [case for case in TINY if case.name in ("conv2d", "lstm")]
    found = list(imports(tuple(cases), 1, 0.01))
    assert [one.case for one in found] == ["conv2d", "lstm"]
    for one in found:
        assert one.difference <= 1e-5
        assert one.good == (one.ratio <= 1.05)


def test_what_a_review_compares_has_three_changes() -> None:
    for layers in (review_specs.chain(50), review_specs.branches(50)):
        texts = map(review_specs.flow_yaml, (layers, review_specs.changed(layers)))
        old, new = map(speccompiler.loads, texts)
        before, after = ({layer.name for layer in model.spec.layers} for model in (old, new))
        (renamed,) = before - after
        assert after - before == {f"{renamed}_renamed", "inserted"}
        assert old.shapes().layers[-1].output_shape == new.shapes().layers[-1].output_shape
        assert old.shapes().parameters < new.shapes().parameters
