"""Every code of a change has a pair of models that leads to it, and an entry people can read."""

from __future__ import annotations

import pytest

from speccompiler.comparing.codes import CODES, GROUPS, as_markdown
from speccompiler.comparing.model_diff import Change, Impact, ModelDiff
from tests.comparing.pairs import BASE, CONV1, CONV2, DENSE, FLAT, POOL, compared, line, spec
from tests.places import ROOT

TWO = """\
convspec: 1
inputs: {a: [4], b: [4]}
outputs: [x, y]
layers:
  - {type: Dense, name: x, output_dim: 3, inputs: a}
  - {type: Dense, name: y, output_dim: 3, inputs: b}
"""
KERAS = """\
{"class_name": "Sequential", "keras_version": "1.2.2", "config": [
  {"class_name": "Convolution2D", "config": {"name": "conv1", "nb_filter": 8, "nb_row": 3,
   "nb_col": 3, "dim_ordering": "tf", "batch_input_shape": [null, 28, 28, 1]}}]}
"""
PLAIN = spec(*BASE)
Edit = tuple[str, str]


def edit(*edits: Edit, old: str = PLAIN) -> tuple[str, str]:
    """A text, and it with each piece replaced."""
    new = old
    for before, after in edits:
        assert before in new
        new = new.replace(before, after)
    return old, new


SEEDED = PLAIN.replace("convspec: 1", "convspec: 1\nseed: 3")
RELU = "type: Activation, name: relu, activation: relu"
NUMBERED = "type: Convolution2D, nb_filter: 1, nb_row: 5, nb_col: 1"
NARROW = NUMBERED.replace("5", "3")
IDLE = "type: Dropout, name: drop, p: 0.5"
SHARED = ("convspec: 1\ninputs: {a: [4], b: [4]}\nlayers:\n"
          "  - {type: Dense, name: x, output_dim: 3, inputs: a}\n"
          "  - {type: Shared, layer: x, name: y, inputs: b}\n")  # fmt: skip
INLINE = (
    "convspec: 1\ninput_shape: [1]\nlayers:\n"
    "  - {type: Dense, name: d, output_dim: 1, weights: [[[1]], [2]]}\n"
)
STATEFUL = (
    "convspec: 1\ninput_shape: [4, 2]\nlayers:\n  - {type: GRU, output_dim: 2, stateful: true}\n"
)
WIDER = edit(("output_dim: 10", "output_dim: 12"))
CASES: dict[str, tuple[tuple[str, str], str]] = {
    "CD101": (
        edit(
            ("{a: [4], b: [4]}", "{a: [4], b: [4], c: [2]}"),
            ("outputs: [x, y]", "outputs: [x, y, z]"),
            ("layers:\n", "layers:\n  - {type: Flatten, name: z, inputs: c}\n"),
            old=TWO,
        ),
        "c input 'c' (N, 2) added",
    ),
    "CD102": (
        edit((", b: [4]}", "}"), ("inputs: b", "inputs: a"), old=TWO),
        "b input 'b' (N, 4) removed",
    ),
    "CD103": (
        edit(
            ("[28, 28, 1]", "[30, null, 1]"),
            ("output_dim: 10", "output_dim: 10, input_dim: 9"),
            (FLAT, "type: GlobalMaxPooling2D, name: flat"),
            (", input_dim: 9", ""),
        ),
        "conv1 input (N, 28, 28, 1) -> (N, 30, W, 1)",
    ),
    "CD104": (
        edit(("b: [4]", "c: [4]"), ("inputs: b", "inputs: c"), old=TWO),
        "c input 'b' is now 'c'",
    ),
    "CD105": (
        edit(("{a: [4], b: [4]}", "{b: [4], a: [4]}"), old=TWO),
        "inputs in another order: [a, b] -> [b, a]",
    ),
    "CD106": (
        edit(("dim_ordering: tf", "dim_ordering: tf\ninput_dtype: uint8")),
        "conv1 input 'conv1' is converted to uint8 instead of float32",
    ),
    "CD111": (
        edit(
            ("name: digit", "name: digit, inputs: flat"),
            ("layers:", "outputs: [digit, flat]\nlayers:"),
        ),
        "flat output 'flat' (N, 2304) added",
    ),
    "CD112": (
        edit(
            ("[x, y]", "[x]"),
            (
                "  - {type: Dense, name: y, output_dim: 3, inputs: b}\n",
                "  - {type: Flatten, name: f, inputs: b}\n",
            ),
            old=TWO,
        ),
        "y output 'y' (N, 3) removed",
    ),
    "CD113": (WIDER, "digit output (N, 10) -> (N, 12)"),
    "CD114": (
        edit(("name: y", "name: z"), ("[x, y]", "[x, z]"), old=TWO),
        "z output 'y' is now 'z'",
    ),
    "CD115": (edit(("[x, y]", "[y, x]"), old=TWO), "outputs in another order: [x, y] -> [y, x]"),
    "CD201": ((PLAIN, spec(CONV1, RELU, POOL, CONV2, FLAT, DENSE)), "relu inserted after 'conv1'"),
    "CD202": ((PLAIN, spec(CONV1, CONV2, FLAT, DENSE)), "pool removed from after 'conv1'"),
    "CD203": (edit(("name: pool", "name: half")), "half renamed from 'pool'"),
    "CD204": (
        (spec(CONV1, RELU, POOL, CONV2, FLAT, DENSE), spec(CONV1, POOL, CONV2, RELU, FLAT, DENSE)),
        "relu moved from after 'conv1' to after 'conv2'",
    ),
    "CD205": (edit(("MaxPooling2D", "AveragePooling2D")), "pool MaxPooling2D -> AveragePooling2D"),
    "CD206": (
        (
            spec(
                CONV1,
                POOL,
                "type: MaxPooling2D, name: side, inputs: conv1",
                "type: Merge, name: sum, inputs: [pool, side]",
            ),
            spec(
                CONV1,
                POOL,
                "type: MaxPooling2D, name: side, inputs: conv1",
                "type: Merge, name: sum, inputs: [side, side]",
            ),
        ),
        "sum reads 'side', 'side' instead of 'pool', 'side'",
    ),
    "CD207": (
        (
            spec(
                CONV1,
                POOL,
                "type: MaxPooling2D, name: side, inputs: conv1",
                "type: Merge, name: sum, inputs: [pool, side]",
            ),
            spec(
                CONV1,
                POOL,
                "type: MaxPooling2D, name: side, inputs: conv1",
                "type: Merge, name: sum, inputs: [side, pool]",
            ),
        ),
        "sum reads 'side', 'pool' instead of 'pool', 'side'; their order makes no difference",
    ),
    "CD208": (
        (PLAIN, spec(CONV1, POOL, IDLE, CONV2, FLAT, DENSE)),
        "drop inserted after 'pool'; no effect on a forward pass",
    ),
    "CD209": (
        (spec(CONV1, POOL, IDLE, CONV2, FLAT, DENSE), PLAIN),
        "drop removed from after 'pool'; no effect on a forward pass",
    ),
    "CD210": (
        (spec(IDLE, *BASE), spec(CONV1, POOL, CONV2, IDLE, FLAT, DENSE)),
        "drop moved from the input to after 'conv2'; no effect on a forward pass",
    ),
    "CD211": (
        edit(
            ("type: Shared, layer: x, name: y", "type: Dense, name: y, output_dim: 3"), old=SHARED
        ),
        "y no longer shares the weights of 'x'",
    ),
    "CD301": (edit(("nb_filter: 16", "nb_filter: 24")), "conv2 nb_filter 16 -> 24"),
    "CD302": (edit(("activation: relu", "activation: elu")), "conv2 activation relu -> elu"),
    "CD303": (
        (
            spec("type: BatchNormalization, name: n, axis: -1"),
            spec("type: BatchNormalization, name: n, axis: 3"),
        ),
        "n axis -1 -> 3",
    ),
    "CD304": (
        edit(("name: digit", "name: digit, trainable: false")),
        "digit trainable true -> false",
    ),
    "CD305": (
        edit(("name: digit", "name: digit, init: he_normal"), old=SEEDED),
        "digit init glorot_uniform -> he_normal",
    ),
    "CD306": (edit(("[2]", "[3]"), old=INLINE), "d weights hold other numbers"),
    "CD307": (
        edit(("[w.npy", "[v.npy"), old=INLINE.replace("[[[1]], [2]]", "[w.npy, b.npy]")),
        "d weights [w.npy, b.npy] -> [v.npy, b.npy]",
    ),
    "CD401": (
        edit(("nb_filter: 16", "nb_filter: 24")),
        "conv2 output (N, 12, 12, 16) -> (N, 12, 12, 24)",
    ),
    "CD402": (
        (spec(CONV1), spec(CONV1.replace("nb_row: 3", "nb_row: 5"))),
        "conv1 receptive field of output 'conv1' 3x3 -> 5x3",
    ),
    "CD403": (
        (spec(CONV1), spec(CONV1 + ", subsample: [2, 1]")),
        "conv1 stride of output 'conv1' 1x1 -> 2x1",
    ),
    "CD501": (
        edit(("nb_filter: 8", "nb_filter: 9")),
        "conv2 old weights do not fit: W (3, 3, 8, 16) -> (3, 3, 9, 16), because of 'conv1'",
    ),
    "CD502": (
        edit(("border_mode: same", "border_mode: same, bias: false"))[::-1],
        "conv1 old weights lack b (8,)",
    ),
    "CD503": (
        edit(("border_mode: same", "border_mode: same, bias: false")),
        "conv1 nothing takes the old b (8,)",
    ),
    "CD504": (
        edit(("name: conv2", "name: features")),
        "features old weights fit, and are named conv2/W, conv2/b",
    ),
    "CD505": (
        (
            spec(NUMBERED, NUMBERED.replace("5", "3"), NUMBERED),
            spec(NUMBERED.replace("5", "3"), NUMBERED),
        ),
        "convolution2d_1 an old weight file has convolution2d_1/b of another layer, which would be "
        "loaded",
    ),
    "CD601": (
        edit(("convspec: 1", "convspec: 1\nsemantics: theano")),
        "semantics kernel correlate -> convolve, padding tensorflow -> theano: the numbers of "
        "'conv1', 'conv2' change",
    ),
    "CD602": (
        (spec(POOL), spec(POOL).replace("convspec: 1", "convspec: 1\nsemantics: theano")),
        "semantics kernel correlate -> convolve, padding tensorflow -> theano, which "
        "changes nothing",
    ),
    "CD603": (
        (KERAS, spec(CONV1.replace(", border_mode: same", ""))),
        "semantics open -> tensorflow: the old model leaves it open, and the numbers of "
        "'conv1' depend on it",
    ),
    "CD604": (edit(("seed: 3", "seed: 4"), old=SEEDED), "seed 3 -> 4"),
    "CD605": (
        (
            PLAIN.replace("convspec: 1", "convspec: 1\nweights: a.npz"),
            PLAIN.replace("convspec: 1", "convspec: 1\nweights: b.npz"),
        ),
        "weights a.npz -> b.npz",
    ),
    "CD606": (
        edit(("convspec: 1", "convspec: 1\nbatch_size: 3"), old=STATEFUL),
        "batch_size none -> 3: the samples are other sequences",
    ),
    "CD701": (WIDER, "parameters 24,298 -> 28,908 (+19.0%)"),
    "CD702": (WIDER, "multiply-adds 245 k -> 250 k (+1.9%)"),
    "CD703": (
        WIDER,
        "activation memory 49,832 -> 49,840 (+0.02%)",
    ),
    "CD704": (
        WIDER,
        "peak memory 151.4 KiB -> 169.4 KiB (+11.9%)",
    ),
}


def first(diff: ModelDiff, code: str) -> Change:
    return next(change for change in diff.changes if change.code == code)


@pytest.mark.parametrize("code", CASES)
def test_a_pair_that_leads_to_it(code: str) -> None:
    texts, expected = CASES[code]
    options = {"look_for_weights": False} if "npy" in texts[0] or "npz" in texts[0] else {}
    diff = compared(*texts, **options)
    assert code in {change.code for change in diff.changes}, str(diff)
    (change,) = (c for c in diff.changes if line(c) in {f"{code} {expected}", code})
    assert change.impact is CODES[code].impact


def test_every_code_is_one_of_these() -> None:
    """CD607 takes files of two formats: test_same_function.py."""
    mine = {code for code in CODES if code[:3] in GROUPS and code[:3] not in {"CD0", "CD8"}}
    assert mine == {*CASES, "CD607"}


def test_entries_can_be_read() -> None:
    assert list(CODES) == sorted(CODES)
    for code in CODES.values():
        assert not code.name.endswith(".")
        assert code.name[0].islower()
        assert code.explanation.endswith(".")
        assert code.explanation[0].isupper()


def test_the_page_is_up_to_date() -> None:
    page = (ROOT / "docs" / "reference" / "changes.md").read_text(encoding="utf-8")
    assert page == as_markdown(), "run make schema"


NOTES: dict[str, tuple[tuple[str, str], str]] = {
    "CD104": (edit(("input_shape: [28, 28, 1]", "inputs: {image: [28, 28, 1]}")),
              "image input 'conv1' is now 'image'"),
    "CD114": (edit(("name: digit", "name: kind")), "kind output 'digit' is now 'kind'"),
    "CD205": ((spec(CONV1, IDLE), spec(CONV1, "type: GaussianNoise, name: drop, sigma: 0.1")),
              "drop Dropout -> GaussianNoise, which computes the same"),
    "CD604": (edit(("convspec: 1", "convspec: 1\nseed: 3")), "seed none -> 3"),
    "CD703": (CASES["CD208"][0], "activation memory 48.7 KiB -> 54.8 KiB (+12.6%)"),
}  # fmt: skip


@pytest.mark.parametrize("code", NOTES)
def test_what_is_a_note_in_some_models(code: str) -> None:
    texts, expected = NOTES[code]
    change = first(compared(*texts), code)
    assert line(change).removeprefix(f"{code} ") == expected
    assert change.impact is Impact.NOTE


def test_digests_of_weights_decide() -> None:
    def text(name: str, digit: str) -> str:
        return PLAIN.replace(
            "convspec: 1", f"convspec: 1\nweights: {name}\nweights_sha256: '{digit * 64}'"
        )

    def found(old: str, new: str) -> list[tuple[str, Impact]]:
        diff = compared(old, new, look_for_weights=False)
        return [(change.code, change.impact) for change in diff.changes]

    assert found(text("a.npz", "1"), text("b.npz", "1")) == []
    assert found(text("a.npz", "1"), text("a.npz", "2")) == [("CD605", Impact.BREAKING)]


# Fingerprints and places.


def test_a_fingerprint_survives_unrelated_edits() -> None:
    old, new = edit(("activation: relu", "activation: elu"))
    more = "# a comment\n" + new.replace(CONV1, f"{CONV1}, trainable: false").replace(
        "name: pool", "name: half"
    )
    one, other = (first(compared(old, text), "CD302") for text in (new, more))
    assert one.span != other.span
    assert one.fingerprint == other.fingerprint
    fingerprints = {change.fingerprint for change in compared(old, more).changes}
    assert len(fingerprints) == len(compared(old, more).changes)


@pytest.mark.parametrize(
    ("code", "file", "text"),
    [
        ("CD302", "new.yaml", "elu"),
        ("CD301", "new.yaml", "24"),
        ("CD202", "old.yaml", "MaxPooling2D"),
        ("CD201", "new.yaml", "Activation"),
        ("CD501", "new.yaml", "Convolution2D"),
        ("CD103", "new.yaml", "[30, null, 1]"),
        ("CD105", "new.yaml", "{b: [4], a: [4]}"),
        ("CD206", "new.yaml", "side, side"),
        ("CD601", "new.yaml", "theano"),
        ("CD604", "new.yaml", "4"),
        ("CD606", "new.yaml", "3"),
    ],
)
def test_the_place_of_a_change(code: str, file: str, text: str) -> None:
    old, new = CASES[code][0]
    change = first(compared(old, new), code)
    assert change.file == file
    span = change.span
    assert span is not None
    lines: list[str] = (new if file == "new.yaml" else old).split("\n")
    assert lines[span.line - 1][span.column - 1 : span.end_column - 1] == text


def test_a_change_as_data_and_as_text() -> None:
    diff = compared(*CASES["CD301"][0])
    assert str(first(diff, "CD301")) == "breaking CD301: conv2: nb_filter 16 -> 24"
    data = diff.to_data()
    assert [data["changes"][n]["code"] for n in data["layers"][2]["changes"]] == [
        "CD301", "CD401", "CD501",
    ]  # fmt: skip
    assert data["impact"] == "breaking"
    assert data["diverges_at"] == "conv2"
    assert data["totals"]["parameters"] == {"old": 24_298, "new": 36_402}
    assert str(compared(PLAIN, PLAIN)) == "old.yaml -> new.yaml: no change"
