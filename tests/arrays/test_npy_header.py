"""Headers of .npy files: those of any writer are read, and no malformed one takes long."""

from __future__ import annotations

import ast
import io
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from speccompiler.arrays.npy_input import open_array
from speccompiler.files import npy_format
from tests.arrays.npy_files import opened, plain_header, read_all, refused, saved, with_header


@pytest.mark.parametrize("version", [(1, 0), (2, 0), (3, 0)])
@pytest.mark.parametrize("padding", [0, 1, 7, 9000])
def test_any_format_and_an_unaligned_header(
    tmp_path: Path, version: tuple[int, int], padding: int
) -> None:
    data = np.array([1.5, 2.5], "<f4").tobytes()
    path = saved(tmp_path, with_header(plain_header() + " " * padding + "\n", data, version))
    with opened(path) as source:
        assert read_all(source).tolist() == [1.5, 2.5]
    np.testing.assert_array_equal(np.load(path), np.array([1.5, 2.5], np.float32))


@pytest.mark.parametrize(
    "header",
    [
        "{'descr': '<f4', 'fortran_order': False, 'shape': (2L, 1L), }",  # NumPy on Python 2
        '{"shape": (2, 1), "descr": "<f4", "fortran_order": True}',
        " {'fortran_order':False,'shape':(2,1,),'descr':'<f4'} \n",
    ],
)
def test_headers_of_other_writers(tmp_path: Path, header: str) -> None:
    path = saved(tmp_path, with_header(header, np.array([1.5, 2.5], "<f4").tobytes()))
    with opened(path) as source:
        assert read_all(source).tolist() == [[1.5], [2.5]]
    stream = open_array(io.BytesIO(path.read_bytes()), "-")  # one column: any order is C order
    assert read_all(stream).tolist() == [[1.5], [2.5]]


UNREADABLE = [
    "",
    "{}",
    "[1, 2]",
    plain_header(shape="(-1,)"),
    plain_header(shape="(3)"),
    plain_header(shape="(True,)"),
    plain_header(shape="(" + "9" * 30 + ",)"),
    plain_header(shape=f"({2**63},)"),
    plain_header(shape="(02,)"),
    plain_header(order="0"),
    plain_header().replace("'<f4'", "[('a', '<f4')]").replace("shape", "forms"),
    plain_header().replace("'<f4'", "'<f4\""),
    plain_header().replace("descr", "dtype"),
    plain_header() + "x",
    plain_header() * 2,
    plain_header()[:-1],
    "(" * 9000,
    "-" * 9000 + "1",
    "{" + "'shape': (" + "1, " * 3000,
    "__import__('os').abort()",
    "\0" * 100,
]


@pytest.mark.parametrize("header", UNREADABLE, ids=range(len(UNREADABLE)))
def test_a_malformed_header_is_refused(tmp_path: Path, header: str) -> None:
    path = saved(tmp_path, with_header(header, bytes(8)))
    assert refused(lambda: opened(path)) == (
        "CS111",
        "the .npy header cannot be understood",
        "save the array again with numpy.save",
    )


@pytest.mark.parametrize("padding", [" ", "(", "[", "[(", "'a',", "1,", "1, ", "\\'", '"'])
@pytest.mark.parametrize("start", ["", "{", "{'descr':", "{'descr': [", "{'descr':'", "{'shape':("])
def test_no_header_takes_long_to_refuse(start: str, padding: str) -> None:
    """Ten thousand characters, which a careless pattern would try in every combination.

    Four times the text may take four times as long, and not sixteen times.
    """

    def least(length: int) -> float:
        text = start + padding * ((length - len(start)) // len(padding))
        spent = []
        for _ in range(7):
            began = time.process_time()
            assert refused(lambda: open_array(io.BytesIO(with_header(text)), "-"))[0] == "CS111"
            spent.append(time.process_time() - began)
        return min(spent)

    whole = npy_format.MAX_HEADER_BYTES
    assert least(whole) < 9 * least(whole // 4)


EDITS = st.sampled_from(["", " ", ",", "(", ")", "[", "]", "{", "}", "'", '"', ":", "-", "0", "7"])


@settings(deadline=None, max_examples=100)
@given(
    header=st.sampled_from(
        [
            plain_header(),
            plain_header(order="True", shape="()"),
            plain_header(shape="(20, 3)"),
            plain_header().replace("'<f4'", """[('a', '<f4'), ("b'", '<i4', (2,))]"""),
        ]
    ),
    edits=st.lists(st.tuples(st.integers(0, 90), st.integers(0, 2), EDITS), max_size=3),
)
def test_what_is_taken_means_what_python_reads(
    header: str, edits: list[tuple[int, int, str]]
) -> None:
    for at, removed, inserted in edits:
        header = header[:at] + inserted + header[at + removed :]
    content = io.BytesIO(with_header(header))
    try:
        found = npy_format.read_header(content.read(8), content.read)
    except npy_format.HeaderError:
        assert edits
        return
    assert found.data_offset == content.tell()
    if found.descr is not None:  # what fields say is passed over
        assert ast.literal_eval(header.strip()) == {
            "descr": found.descr,
            "fortran_order": found.fortran_order,
            "shape": found.shape,
        }
