"""Which layers are taken for the same: renames, insertions, moves, branches, made names."""

from __future__ import annotations

import json

import pytest

from tests.comparing.pairs import (
    BASE,
    CONV1,
    CONV2,
    DENSE,
    FLAT,
    HEAD,
    POOL,
    compared,
    line,
    matches,
    said,
    spec,
    without_names,
)

NORM = "type: BatchNormalization, name: norm"
STRUCTURE = ("CD3", "CD4", "CD5", "CD7", "CD113")


def structure(old: str, new: str) -> list[str]:
    """What is said of which layers there are and how they are connected."""
    return said(compared(old, new), but=STRUCTURE)


def test_a_layer_at_the_front_leaves_the_others_alone() -> None:
    assert structure(spec(*BASE), spec(NORM, *BASE)) == ["CD201 norm inserted at the input"]


def test_a_renamed_layer_is_found_by_its_place() -> None:
    new = spec(CONV1, POOL, CONV2.replace("conv2", "features"), FLAT, DENSE)
    assert structure(spec(*BASE), new) == ["CD203 features renamed from 'conv2'"]


def test_a_renamed_layer_that_changed_too() -> None:
    other = CONV2.replace("conv2", "features").replace("nb_filter: 16", "nb_filter: 24")
    diff = compared(spec(*BASE), spec(CONV1, POOL, other, FLAT, DENSE))
    assert matches(diff) == [("renamed", "conv2", "features")]
    assert "CD301 features nb_filter 16 -> 24" in said(diff)


def test_what_reads_a_renamed_layer_does_not_change() -> None:
    merge = "type: Merge, name: both, mode: concat, inputs: [{}, conv1]"
    old = spec(CONV1, CONV1.replace("conv1", "side"), merge.format("side"))
    new = spec(CONV1, CONV1.replace("conv1", "right"), merge.format("right"))
    assert structure(old, new) == ["CD203 right renamed from 'side'"]


def test_a_moved_layer_is_one_change() -> None:
    relu = "type: Activation, name: relu, activation: relu"
    old, new = (
        spec(CONV1, relu, POOL, CONV2, FLAT, DENSE),
        spec(CONV1, POOL, CONV2, relu, FLAT, DENSE),
    )
    assert structure(old, new) == ["CD204 relu moved from after 'conv1' to after 'conv2'"]
    assert matches(compared(old, new)) == [("moved", "relu", "relu")]


def test_what_follows_a_moved_layer_names_it() -> None:
    wide = CONV1.replace("conv1", "wide").replace("nb_filter: 8", "nb_filter: 12")
    diff = compared(spec(CONV1, wide, *BASE[1:]), spec(wide, CONV1, *BASE[1:]))
    misfits = [line(change) for change in diff.changes if change.code == "CD501"]
    assert misfits == [
        "CD501 wide old weights do not fit: W (3, 3, 8, 12) -> (3, 3, 1, 12)",
        "CD501 conv1 old weights do not fit: W (3, 3, 1, 8) -> (3, 3, 12, 8), because of 'wide'",
        "CD501 conv2 old weights do not fit: W (3, 3, 12, 16) -> (3, 3, 8, 16), because of 'wide'",
    ]


def test_a_moved_block_moves_as_a_whole() -> None:
    block = ("type: ELU, name: elu", "type: LeakyReLU, name: leaky")
    old, new = spec(*block, *BASE), spec(CONV1, POOL, CONV2, *block, FLAT, DENSE)
    assert matches(compared(old, new)) == [("moved", "elu", "elu"), ("moved", "leaky", "leaky")]


def test_a_removed_layer_and_another_type_at_a_place() -> None:
    new = spec(CONV1, CONV2, FLAT, DENSE)
    assert structure(spec(*BASE), new) == ["CD202 pool removed from after 'conv1'"]
    new = spec(CONV1, POOL.replace("Max", "Average"), CONV2, FLAT, DENSE)
    assert said(compared(spec(*BASE), new)) == ["CD205 pool MaxPooling2D -> AveragePooling2D"]


def test_relatives_stand_for_each_other_and_strangers_do_not() -> None:
    def middle(layer: str) -> list[tuple[str, str | None, str | None]]:
        old = spec(CONV1, "type: MaxPooling2D, name: a, pool_size: [1, 1]", CONV2, FLAT, DENSE)
        return matches(compared(old, spec(CONV1, layer, CONV2, FLAT, DENSE)))

    assert middle("type: AveragePooling2D, name: b, pool_size: [1, 1]") == [("replaced", "a", "b")]
    strangers = [("removed", "a", None), ("inserted", None, "norm")]
    assert sorted(middle(NORM)) == sorted(strangers)


def test_a_skip_connection_is_an_insertion() -> None:
    same = CONV1.replace("conv1", "second").replace("nb_filter: 8", "nb_filter: 8")
    skip = "type: Merge, name: skip, mode: sum, inputs: [second, conv1]"
    old, new = spec(CONV1, same, POOL), spec(CONV1, same, skip, POOL)
    assert structure(old, new) == ["CD201 skip inserted after 'second', 'conv1'"]


def test_a_branch_that_reads_something_else() -> None:
    def text(read: str, order: str) -> str:
        second = CONV1.replace("conv1", "second")
        side = f"type: ELU, name: side, inputs: {read}"
        return spec(CONV1, second, side, f"type: Merge, name: sum, inputs: [{order}]")

    old = text("conv1", "second, side")
    assert structure(old, text("second", "second, side")) == [
        "CD206 side reads 'second' instead of 'conv1'"
    ]
    assert structure(old, text("conv1", "side, second")) == [
        "CD207 sum reads 'side', 'second' instead of 'second', 'side'; their order makes no "
        "difference"
    ]
    joined = structure(
        old.replace("name: sum", "name: sum, mode: concat"),
        text("conv1", "side, second").replace("name: sum", "name: sum, mode: concat"),
    )
    assert joined == ["CD206 sum reads 'side', 'second' instead of 'second', 'side'"]


def test_branches_in_another_order_are_no_change() -> None:
    branches = [
        "type: Convolution2D, name: a, nb_filter: 4, nb_row: 1, nb_col: 1, inputs: conv1",
        "type: Convolution2D, name: b, nb_filter: 4, nb_row: 1, nb_col: 1, inputs: conv1",
        "type: MaxPooling2D, name: c, pool_size: [1, 1], inputs: conv1",
    ]
    both = "type: Merge, name: both, mode: concat, inputs: [a, b, c]"
    old, new = spec(CONV1, *branches, both), spec(CONV1, *reversed(branches), both)
    assert compared(old, new).same


# Names that are a type and a number.


def keras(*layers: tuple[str, dict[str, object]]) -> str:
    """A Keras 1.x file whose layers are numbered by type, as Keras does."""
    counts: dict[str, int] = {}
    config = []
    for kind, given in layers:
        counts[kind] = counts.get(kind, 0) + 1
        named = {"name": f"{kind.lower()}_{counts[kind]}", **given}
        config.append({"class_name": kind, "config": named})
    return json.dumps({"class_name": "Sequential", "keras_version": "1.2.2", "config": config})


def conv(filters: int, **given: object) -> tuple[str, dict[str, object]]:
    own = {"nb_filter": filters, "nb_row": 3, "nb_col": 3, "dim_ordering": "tf"}
    return "Convolution2D", {**own, "border_mode": "same", **given}


PLAIN = ("MaxPooling2D", {"dim_ordering": "tf"})
FIRST = {"batch_input_shape": [None, 16, 16, 3]}
TAIL = (PLAIN, conv(16), PLAIN, conv(32), ("Flatten", {}), ("Dense", {"output_dim": 10}))


def test_numbers_that_shift_mislead_nobody() -> None:
    old = keras(conv(8, **FIRST), *TAIL)
    new = keras(conv(4, **FIRST), conv(8), *TAIL)
    diff = compared(old, new, semantics="tensorflow")
    assert matches(diff) == [
        ("inserted", None, "convolution2d_1"),
        ("renamed", "convolution2d_1", "convolution2d_2"),
        ("renamed", "convolution2d_2", "convolution2d_3"),
        ("renamed", "convolution2d_3", "convolution2d_4"),
    ]
    # An old file of weights would be read into the wrong layers, where shapes allow it.
    assert said(diff, but=["CD7", "CD4"]) == [
        "CD201 convolution2d_1 inserted at the input",
        "CD502 convolution2d_1 old weights lack W (3, 3, 3, 4), b (4,)",
        "CD501 convolution2d_2 old weights do not fit: W (3, 3, 3, 8) -> (3, 3, 4, 8), because of "
        "'convolution2d_1'",
        "CD504 convolution2d_2 old weights fit, and are named convolution2d_1/b",
        "CD504 convolution2d_3 old weights fit, and are named convolution2d_2/W, convolution2d_2/b",
        "CD504 convolution2d_4 old weights fit, and are named convolution2d_3/W, convolution2d_3/b",
    ]


def test_weights_of_another_layer_would_be_loaded() -> None:
    same = (conv(8, **FIRST), conv(8), conv(8))
    diff = compared(keras(*same), keras(conv(8, **FIRST), PLAIN, conv(8), conv(8), conv(8)),
                    semantics="tensorflow")  # fmt: skip
    assert any(change.code == "CD502" for change in diff.changes)
    named = [  # the middle one gone, the names kept
        ("Convolution2D", {**conv(8)[1], "name": "convolution2d_1", **FIRST}),
        ("Convolution2D", {**conv(8)[1], "name": "convolution2d_3"}),
    ]
    assert matches(compared(keras(*same), keras(*named), semantics="tensorflow")) == [
        ("removed", "convolution2d_2", None)
    ]


def test_shifted_names_that_fit_are_told() -> None:
    old = keras(conv(3, **FIRST), conv(3, nb_row=5), conv(3, nb_row=5, nb_col=5))
    new = keras(conv(3, nb_row=5, **FIRST), conv(3, nb_row=5, nb_col=5))
    assert said(compared(old, new, semantics="tensorflow")) == [
        "CD202 convolution2d_1 removed from the input",
        "CD503 convolution2d_1 nothing takes the old W (3, 3, 3, 3), b (3,)",
        "CD504 convolution2d_1 old weights fit, and are named convolution2d_2/W, convolution2d_2/b",
        "CD505 convolution2d_1 an old weight file has convolution2d_1/b of another layer, which "
        "would be loaded",
        "CD504 convolution2d_2 old weights fit, and are named convolution2d_3/W, convolution2d_3/b",
        "CD505 convolution2d_2 an old weight file has convolution2d_2/b of another layer, which "
        "would be loaded",
    ]


@pytest.mark.parametrize("place", range(6))
def test_unnamed_layers_of_a_native_spec(place: int) -> None:
    layers = [without_names(layer) for layer in BASE]
    drop = "type: Dropout, p: 0.5"
    found = compared(spec(*layers), spec(*layers[:place], drop, *layers[place:]))
    assert [change.code for change in found.changes if change.code[:3] == "CD2"] == ["CD208"]
    assert all(change.impact == "note" for change in found.changes)


def test_names_given_and_taken_away() -> None:
    unnamed = spec(*map(without_names, BASE))
    assert {m for m, _, _ in matches(compared(unnamed, spec(*BASE)))} == {"renamed"}
    assert {m for m, _, _ in matches(compared(spec(*BASE), unnamed))} == {"renamed"}


def test_layers_that_are_numbered_by_hand() -> None:
    def chain(*filters: int) -> str:
        return spec(
            *(
                f"type: Convolution2D, name: conv{n}, nb_filter: {f}, nb_row: {f % 5 + 1}, "
                f"nb_col: 1"
                for n, f in enumerate(filters, 1)
            )
        )

    assert matches(compared(chain(8, 16, 24, 32), chain(4, 8, 16, 24, 32))) == [
        ("inserted", None, "conv1"),
        ("renamed", "conv1", "conv2"),
        ("renamed", "conv2", "conv3"),
        ("renamed", "conv3", "conv4"),
        ("renamed", "conv4", "conv5"),
    ]
    assert matches(compared(chain(8, 16, 24), chain(8, 12, 24))) == []


# Shared layers, wrappers, nested models.


def test_a_further_call_of_a_shared_layer() -> None:
    head = "convspec: 1\ninputs: {left: [8], right: [8]}\n"
    layers = [
        "type: Dense, name: net, output_dim: 4, inputs: left",
        "type: Shared, layer: net, name: other, inputs: right",
        "type: Merge, name: both, inputs: [net, other]",
    ]
    old = spec(*layers, head=head)
    assert compared(old, old).same
    wider = compared(old, spec(*layers, head=head).replace("output_dim: 4", "output_dim: 6"))
    assert [c for c in said(wider) if "output_dim" in c] == ["CD301 net output_dim 4 -> 6"]
    assert sum(len(pair.tensors) for pair in wider.layers) == 2
    own = "type: Dense, name: other, output_dim: 4, inputs: right"
    apart = said(compared(old, spec(layers[0], own, layers[2], head=head)))
    assert apart == [
        "CD211 other no longer shares the weights of 'net'",
        "CD502 other old weights lack W (8, 4), b (4,)",
    ]


def test_the_layer_in_a_wrapper() -> None:
    head = "convspec: 1\ninput_shape: [5, 8]\n"
    wrapped = "type: TimeDistributed, name: each, layer: {{type: Dense, output_dim: {}}}"
    old, new = (spec(wrapped.format(n), head=head) for n in (4, 6))
    assert compared(old, old).same
    assert [c for c in said(compared(old, new)) if c.startswith("CD3")] == [
        "CD301 each output_dim 4 -> 6"
    ]
    unwrapped = spec("type: Dense, name: each, output_dim: 4", head=head)
    assert said(compared(old, unwrapped)) == [
        "CD205 each TimeDistributed(Dense) -> Dense, which computes the same"
    ]


def test_ten_thousand_layers() -> None:
    kinds = (
        "type: Convolution1D, nb_filter: 4, filter_length: 3, border_mode: same",
        "type: BatchNormalization",
        "type: Activation, activation: relu",
    )
    layers = [kinds[n % 3] for n in range(9_999)]
    head = HEAD.replace("[28, 28, 1]", "[16, 4]")
    new = [*layers[:5000], "type: Dropout, p: 0.5", *layers[5000:]]
    new.insert(0, kinds[0].replace("3", "5"))
    diff = compared(spec(*layers, head=head), spec(*new, head=head))
    came = [(m, n) for m, _, n in matches(diff) if m != "renamed"]
    assert came == [("inserted", "convolution1d_1"), ("inserted", "dropout_1")]
