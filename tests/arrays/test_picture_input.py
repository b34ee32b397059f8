"""Pictures as inputs: Pillow's values as Keras took them, and what is said of bad ones."""

from __future__ import annotations

import os
import struct
import warnings
import zlib
from pathlib import Path

import numpy as np
import pytest

from speccompiler.arrays import picture_decoding
from speccompiler.arrays.open_input import open_input
from speccompiler.arrays.picture_form import PictureForm, PictureOptions, Resize, picture_form
from speccompiler.arrays.picture_rows import rows_path, write_rows
from speccompiler.diagnostics.core import Problem
from tests.arrays.npy_files import read_all, refused

Image = pytest.importorskip("PIL.Image")
RANDOM = np.random.default_rng(0)
X = RANDOM.integers(0, 256, (12, 8, 6, 3)).astype(np.uint8)
RGB = PictureForm()


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Holds ``p/a.png``, the first of ``X``."""
    monkeypatch.chdir(tmp_path)
    Path("p").mkdir()
    save(X[0], "p/a.png")
    return tmp_path


def save(values: np.ndarray, name: str, **options: object) -> None:
    Image.fromarray(values).save(name, **options)


def said(name: str = "p", form: PictureForm = RGB) -> tuple[str, str, str | None]:
    def read() -> None:
        with open_input(name, form) as source:
            read_all(source)

    return refused(read)


def note(name: str = "p", form: PictureForm = RGB) -> str | None:
    with open_input(name, form) as source:
        read_all(source)
        return source.conversion_note


# --- values


def test_values_are_those_of_the_files_in_the_order_of_their_names() -> None:
    names = ["a.png", *(f"{i}.png" for i in range(1, 12))]
    for values, name in zip(X, names, strict=True):
        save(values, f"p/{name}")
    order = sorted(range(12), key=names.__getitem__)
    with open_input("p", RGB) as source:
        assert source.files == tuple(f"p/{names[i]}" for i in order)
        assert source.files[:4] == ("p/1.png", "p/10.png", "p/11.png", "p/2.png")
        assert (source.shape, source.chunks) == (X.shape, (1, 8, 6, 3))
        for batch_size in (1, 5, 12, 20):
            assert np.array_equal(read_all(source, batch_size), X[order])
        assert np.array_equal(source.box(((2, 9), (0, 8), (0, 6), (0, 3))), X[order][2:9])
        part = source.box(((2, 9), (1, 5), (0, 2), (1, 3)))
        assert np.array_equal(part, X[order][2:9, 1:5, :2, 1:])
        assert part.dtype == np.float32
    with open_input("p", PictureForm(channels_first=True)) as source:
        assert np.array_equal(read_all(source), np.moveaxis(X[order], -1, 1))


def test_modes_are_pillows_conversions() -> None:
    red = np.zeros((2, 2, 3), np.uint8)
    red[..., 0] = 255
    save(red, "red.png")
    with open_input("red.png", PictureForm(mode="L")) as source:
        assert read_all(source).tolist() == [[[[76.0]] * 2] * 2]  # 255 * 299 / 1000
    with open_input("red.png", PictureForm(mode="RGBA")) as source:
        assert read_all(source)[0, 0, 0].tolist() == [255, 0, 0, 255]
    with open_input("red.png", PictureForm(mode="L", channel_axis=False)) as source:
        assert source.shape == (1, 2, 2)


@pytest.mark.parametrize("mode", ["P", "LA", "RGBA", "1", "L"])
def test_other_sorts_of_pictures_are_converted(mode: str) -> None:
    picture = Image.fromarray(X[1]).convert(mode)
    options = {"transparency": bytes(range(200))} if mode == "P" else {}
    picture.save("p/b.png", **options)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = np.asarray(picture.convert("RGB"))
    with open_input("p", RGB) as source:
        assert np.array_equal(read_all(source)[1], expected)


def test_a_size_is_brought_about_by_the_nearest_value() -> None:
    with open_input("p", PictureForm(resize=Resize(4, 3))) as source:
        # Every other value, from the second on: Pillow takes the middle of what is left.
        assert np.array_equal(read_all(source)[0], X[0, 1::2, 1::2])
    with open_input("p", PictureForm(resize=Resize(4, 3, "box"))) as source:
        means = X[0].reshape(4, 2, 3, 2, 3).mean((1, 3))
        assert np.abs(read_all(source)[0] - means).max() <= 1.0  # it rounds once along each axis
    save(X[1][:5], "p/b.png")
    with open_input("p", PictureForm(resize=Resize(4, 3))) as source:
        assert source.shape == (2, 4, 3, 3)


def test_formats_are_known_by_their_content() -> None:
    save(X[1], "p/b.tif")
    Image.fromarray(X[2]).save("p/c.jpg", format="PNG")
    os.rename("p/a.png", "p/a.jpeg")
    with open_input("p/*", RGB) as source:
        assert np.array_equal(read_all(source), X[:3])
    os.rename("p/a.jpeg", "a.npy")
    with open_input("a.npy", RGB) as source:
        assert np.array_equal(read_all(source), X[:1])


@pytest.mark.parametrize(
    ("shape", "orderings", "options", "expected"),
    [
        ((8, 6, 3), {"tf"}, {}, PictureForm("RGB", wanted=(8, 6))),
        ((3, 8, 6), {"th"}, {}, PictureForm("RGB", True, wanted=(8, 6))),
        ((1, 8, 6), {"th"}, {}, PictureForm("L", True, wanted=(8, 6))),
        ((8, 6, 4), set(), {}, PictureForm("RGBA", wanted=(8, 6))),
        ((3, 8, 3), {"th"}, {}, PictureForm("RGB", True, wanted=(8, 3))),
        ((3, 8, 3), {"tf"}, {}, PictureForm("RGB", wanted=(3, 8))),
        ((None, None, 1), {"tf"}, {}, PictureForm("L")),
        ((8, 6, 3), {"tf"}, {"mode": "L"}, PictureForm("L", wanted=(8, 6))),
        ((28, 28), set(), {}, PictureForm("L", channel_axis=False, wanted=(28, 28))),
        ((8, 6, 5), {"tf"}, {}, PictureForm("RGB", wanted=(8, 6))),
        ((100,), set(), {}, PictureForm("RGB")),
    ],
)
def test_the_form_follows_the_models_input(shape, orderings, options, expected) -> None:
    assert picture_form(shape, orderings, PictureOptions(**options)) == expected


# --- what is said beside the values


def test_what_a_person_is_told() -> None:
    assert note() == "1 picture as RGB, 0 to 255, in float32"
    Path("p/notes.txt").write_text("hi")
    Path("p/.hidden").write_text("")
    Path("p/Thumbs.db").write_text("")
    Path("p/sub").mkdir()
    turned = Image.Exif()
    turned[0x0112] = 6
    save(X[1], "p/b.jpg", exif=turned)
    Image.fromarray(X[2]).save("p/m.tif", save_all=True, append_images=[Image.fromarray(X[3])])
    Path("p/deep.png").write_bytes(deep_png(X[4]))
    assert note() == (
        "4 pictures as RGB, 0 to 255, in float32; not turned as EXIF says: 'b.jpg'; only the first "
        "of several in 'm.tif'; the upper 8 of 16 bits of 'deep.png'; passed over by name: "
        "'notes.txt', 'sub'"
    )
    with open_input("p", RGB) as source:
        assert np.array_equal(read_all(source)[2:], X[[4, 2]])


def deep_png(values: np.ndarray) -> bytes:
    """A PNG of 16 bits a channel, which Pillow does not write."""

    def part(name: bytes, data: bytes) -> bytes:
        checksum = struct.pack(">I", zlib.crc32(name + data))
        return struct.pack(">I", len(data)) + name + data + checksum

    height, width, _ = values.shape
    rows = b"".join(b"\0" + (row.astype(">u2") * 257).tobytes() for row in values)
    head = struct.pack(">IIBBBBB", width, height, 16, 2, 0, 0, 0)
    packed = zlib.compress(rows)
    return b"\x89PNG\r\n\x1a\n" + part(b"IHDR", head) + part(b"IDAT", packed) + part(b"IEND", b"")


# --- what is refused


LEAVE = "copy the file again, or leave it out"


def test_pictures_of_several_sizes() -> None:
    save(X[1], "p/b.png")
    save(X[2][:4], "p/c.png")
    save(X[3][:5], "p/d.png")
    text = (
        "'p/c.png' is 4 high and 6 wide, and 'p/a.png' is 8 high and 6 wide: all must have one size"
    )
    assert said() == ("CS185", text, "--resize 8,6 brings all to one")
    assert said(form=PictureForm(wanted=(224, 224)))[2] == "--resize 224,224 brings all to one"


def test_pictures_that_are_damaged() -> None:
    whole = Path("p/a.png").read_bytes()
    for content, message in [
        (b"", "the picture 'p/b.png' is empty"),
        (b"hello", "'p/b.png' is no PNG, JPEG or TIFF"),
        (whole[:10], "the picture 'p/b.png' is damaged: it begins as PNG, and goes on otherwise"),
        (whole[:-60], "the picture 'p/b.png' is damaged (image file is truncated)"),
    ]:
        Path("p/b.png").write_bytes(content)
        assert said() == ("CS185", message, LEAVE)


def test_bytes_changed_at_random_never_crash() -> None:
    save(X[1], "p/b.jpg")
    Image.fromarray(X[2]).save("p/c.tif", compression="tiff_lzw")
    ended = set()
    for name in ("p/a.png", "p/b.jpg", "p/c.tif"):
        whole = Path(name).read_bytes()
        for _ in range(60):
            damaged = bytearray(whole)
            for place in RANDOM.integers(0, len(whole), 4):
                damaged[place] = RANDOM.integers(0, 256)
            Path(name).write_bytes(damaged)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                try:
                    with open_input(name, PictureForm(resize=Resize(4, 4))) as source:
                        ended.add((name, read_all(source).shape[:3]))
                except Problem as problem:
                    ended.add((name, problem.code))
        Path(name).write_bytes(whole)
        assert (name, "CS185") in ended
    # Values that are only others are no damage that anybody could see.
    assert ("p/b.jpg", (1, 4, 4)) in ended


def test_values_of_more_than_8_bits() -> None:
    save(np.zeros((8, 6), np.uint16), "p/b.png")
    assert said() == (
        "CS185",
        "the values of 'p/b.png' have more than 8 bits (Pillow's mode 'I;16'); pictures are read "
        "as 0 to 255",
        "scale them to 8 bits, or save them as an array with numpy.save",
    )
    save(np.zeros((8, 6), np.float32), "f.tif")
    assert said("f.tif")[1].startswith("the values of 'f.tif' have more than 8 bits")


def test_pictures_that_are_too_large() -> None:
    for side in (10_000, 30_000):
        Image.new("1", (side, side)).save("p/b.png")
        assert said() == (
            "CS185",
            "the picture 'p/b.png' has more than 89478485 pixels",
            "make it smaller, or save its values as an array with numpy.save",
        )


def test_what_is_no_file() -> None:
    os.mkfifo("p/b.png")
    hint = "check the path and the permissions"
    text = "'p/b.png' cannot be read: it is a pipe, not an ordinary file"
    assert said() == ("CS110", text, hint)
    os.unlink("p/b.png")
    os.symlink("/dev/zero", "p/b.png")
    text = "'p/b.png' cannot be read: it is a device, not an ordinary file"
    assert said() == ("CS110", text, hint)
    os.unlink("p/b.png")
    Path("p/b.png").mkdir()
    assert said() == ("CS110", "'p/b.png' cannot be read: it is a folder", hint)


def test_folders_and_patterns_without_pictures() -> None:
    assert said("p/*.jpg") == ("CS110", "no file matches", "check the pattern and the folder")
    Path("empty").mkdir()
    assert said("empty") == ("CS110", "the folder is empty", "check the path")
    Path("t").mkdir()
    Path("t/a.txt").write_text("")
    text = "the folder holds no pictures (.png, .jpg, .tif) and is no Zarr array; it holds 'a.txt'"
    assert said("t") == ("CS110", text, "check the path")
    np.save("t/x.npy", X)
    assert said("t")[2] == "give 'x.npy' in it"
    assert said("p/b.png") == ("CS110", "the file does not exist", "check the path")


def test_a_folder_that_may_not_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    def refusing(path: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("speccompiler.arrays.picture_files.os.scandir", refusing)
    text = "the folder cannot be read: permission denied"
    assert said() == ("CS110", text, "check the path and the permissions")


def test_a_picture_that_changes_while_it_is_read() -> None:
    with open_input("p", RGB) as source:
        save(X[0][:4], "p/a.png")
        text = "the picture 'p/a.png' changed while it was in use"
        assert refused(lambda: read_all(source))[:2] == ("CS185", text)


def test_the_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("speccompiler.arrays.optional_packages.find_spec", lambda name: None)
    assert said() == (
        "CS104",
        "pictures need Pillow, the package PIL, which is not installed",
        'pip install "convspec[images]"',
    )


def test_the_identity_follows_files_and_form() -> None:
    def identity(form: PictureForm = RGB) -> str | None:
        with open_input("p", form) as source:
            return source.identity

    first = identity()
    assert identity() == first
    assert identity(PictureForm("L")) != first
    os.utime("p/a.png", ns=(1, 1))
    assert identity() != first


def test_the_rows_are_written_as_a_table() -> None:
    assert rows_path(Path("out/y.npy")) == Path("out/y.files.csv")
    assert rows_path(Path("y.zarr"), "left") == Path("y.left.files.csv")
    write_rows(Path("y.files.csv"), ["p/a.png", 'p/a,"b".png'])
    assert Path("y.files.csv").read_text() == 'row,file\n0,p/a.png\n1,"p/a,""b"".png"\n'


def test_pictures_are_not_unpacked_to_be_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder of many is opened by their headers alone."""

    def unpacking(*_: object) -> None:
        raise AssertionError("a picture was unpacked")

    for kind in ("PngImageFile", "JpegImageFile", "TiffImageFile"):
        monkeypatch.setattr(getattr(picture_decoding, kind), "load", unpacking)
    save(X[1], "p/b.jpg")
    save(X[2], "p/c.tif")
    with open_input("p", RGB) as source:
        assert source.samples == 3
