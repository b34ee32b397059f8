"""Feature maps as pictures: where each value is, and of which colour."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from matplotlib import colormaps
from PIL import Image

from speccompiler.drawing.feature_maps import GAP, SMALLEST, SQUARE, STRIP, feature_maps, png


def colour(share: float) -> tuple[int, ...]:
    """The colour of viridis, as matplotlib computes it by itself."""
    return tuple(round(255 * c) for c in colormaps["viridis"](float(share))[:3])


def near(pixel: Any, wanted: tuple[int, ...]) -> bool:
    return bool(np.abs(np.asarray(pixel, int) - wanted).max() <= 2)


def test_each_channel_is_a_map_from_its_least_to_its_largest_value() -> None:
    value = np.zeros((2, 2, 3))
    value[..., 0] = [[0, 1], [2, 4]]
    value[..., 1] = [[-5, -5], [-5, 5]]
    value[..., 2] = 7
    maps = feature_maps(value, None, 64, "map")
    step = SMALLEST + GAP
    assert maps.pixels.shape == (2 * step + GAP, 2 * step + GAP, 3)
    half = SMALLEST // 2
    first, second = (GAP + 5, GAP + 5), (GAP + 5, GAP + step + 5)
    assert near(maps.pixels[first], colour(0))
    assert near(maps.pixels[GAP + 5, GAP + half + 5], colour(0.25))
    assert near(maps.pixels[GAP + half + 5, GAP + 5], colour(0.5))
    assert near(maps.pixels[GAP + half + 5, GAP + half + 5], colour(1))
    assert near(maps.pixels[second], colour(0))
    # One value has the middle colour; the place of a fourth map stays empty.
    assert near(maps.pixels[GAP + step + 5, GAP + 5], colour(0.5))
    assert tuple(maps.pixels[-5, -5]) == (255, 255, 255)
    assert maps.words == "3 maps of 2x2, -5 to 7"


def test_one_range_for_the_whole_layer() -> None:
    value = np.zeros((1, 2, 2))
    value[0, :, 0], value[0, :, 1] = [0, 1], [0, 10]
    maps = feature_maps(value, None, 64, "layer")
    assert near(maps.pixels[GAP + 5, GAP + SMALLEST - 5], colour(0.1))
    assert near(maps.pixels[-GAP - 5, -GAP - 5], colour(1))


def test_channels_may_come_first() -> None:
    value = np.random.default_rng(0).random((3, 8, 5))
    last = feature_maps(np.moveaxis(value, 0, -1), None, 64, "map")
    first = feature_maps(value, 0, 64, "map")
    assert (first.pixels == last.pixels).all()
    assert first.words.startswith("3 maps of 8x5")


def test_what_is_not_finite_is_magenta() -> None:
    value = np.array([[[np.nan], [0.0]], [[np.inf], [1.0]]])
    maps = feature_maps(value, None, 64, "map")
    half = SMALLEST // 2
    assert tuple(maps.pixels[GAP, GAP]) == (255, 0, 255)
    assert tuple(maps.pixels[GAP + half, GAP]) == (255, 0, 255)
    assert near(maps.pixels[GAP, GAP + half], colour(0))
    assert near(maps.pixels[GAP + half, GAP + half], colour(1))
    assert maps.words == "1 maps of 2x2, 0 to 1, 2 not finite"
    nothing = feature_maps(np.full((2, 2, 1), np.nan), None, 64, "map")
    assert (nothing.pixels[GAP:-GAP, GAP:-GAP] == (255, 0, 255)).all()
    assert nothing.words == "1 maps of 2x2, nothing finite, 4 not finite"


def test_the_largest_floats_are_coloured() -> None:
    value = np.array([[[-3e38], [3e38]]], np.float32)
    maps = feature_maps(value, None, 64, "map")
    assert near(maps.pixels[GAP, GAP], colour(0))
    assert near(maps.pixels[GAP, -GAP - 1], colour(1))
    doubles = np.array([[[-1.7e308], [1.7e308]]])
    assert near(feature_maps(doubles, None, 64, "map").pixels[GAP, -GAP - 1], colour(1))


def test_a_sequence_is_a_strip_for_each_channel() -> None:
    value = np.stack([np.arange(4.0), np.arange(4.0)[::-1]], axis=-1)
    maps = feature_maps(value, None, 64, "map")
    assert maps.pixels.shape == (2 * (STRIP + GAP) + GAP, 512 + 2 * GAP, 3)
    assert near(maps.pixels[GAP, GAP], colour(0))
    assert near(maps.pixels[GAP, -GAP - 1], colour(1))
    assert near(maps.pixels[2 * GAP + STRIP, GAP], colour(1))
    assert maps.words == "2 strips of 4, 0 to 3"
    long = feature_maps(np.zeros((100_000, 1)), None, 64, "map")
    assert long.pixels.shape == (STRIP + 2 * GAP, 2048 + 2 * GAP, 3)


def test_the_middle_slice_of_a_volume_and_of_a_clip() -> None:
    value = np.random.default_rng(0).random((5, 8, 8, 2))
    maps = feature_maps(value, None, 64, "map")
    assert (maps.pixels == feature_maps(value[2], None, 64, "map").pixels).all()
    assert maps.words.startswith("2 maps of 8x8, slice 3 of 5")


def test_a_vector_is_a_row_of_squares() -> None:
    value = np.arange(40.0)
    maps = feature_maps(value, None, 64, "map")
    step = SQUARE + GAP
    assert maps.pixels.shape == (2 * step + GAP, 32 * step + GAP, 3)
    assert near(maps.pixels[GAP, GAP], colour(0))
    assert near(maps.pixels[GAP + step, GAP + 7 * step], colour(1))
    assert maps.words == "40 values, 0 to 39"


def test_only_the_first_channels() -> None:
    maps = feature_maps(np.zeros((4, 4, 100)), None, 9, "map")
    assert maps.pixels.shape == (3 * (SMALLEST + GAP) + GAP,) * 2 + (3,)
    assert maps.words == "9 of 100 maps of 4x4, 0 to 0"


def test_large_maps_are_reduced_and_empty_ones_drawn() -> None:
    maps = feature_maps(np.zeros((1000, 500, 1)), None, 64, "map")
    assert maps.pixels.shape == (320 + 2 * GAP, 160 + 2 * GAP, 3)
    assert feature_maps(np.zeros((0, 4, 2)), None, 64, "map").words == (
        "2 maps of 0x4, nothing finite"
    )
    assert feature_maps(np.zeros((0,)), None, 64, "map").words == "0 values, nothing finite"


def test_the_file_says_what_it_shows() -> None:
    maps = feature_maps(np.zeros((4, 4, 1)), None, 64, "map")
    image = Image.open(io.BytesIO(png(maps, "m: c, sample 0")))
    image.load()
    assert image.size == maps.pixels.shape[1::-1]
    assert image.info == {"Title": "m: c, sample 0", "Description": "1 maps of 4x4, 0 to 0"}


@pytest.mark.parametrize("shape", [(1,), (3, 1), (1, 1, 1), (2, 3, 4, 5), (2, 2, 2, 2, 2)])
def test_every_rank(shape: tuple[int, ...]) -> None:
    assert feature_maps(np.ones(shape), None, 64, "layer").pixels.ndim == 3
