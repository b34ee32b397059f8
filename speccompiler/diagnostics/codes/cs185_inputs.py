"""CS185 and CS186: inputs that are pictures, and inputs that are elsewhere."""

from __future__ import annotations

from speccompiler.diagnostics.codes.code import Code, Kind

CODES = {
    "CS185": Code(
        "picture cannot be used",
        "A picture of the input is damaged, of another kind than PNG, JPEG or TIFF, larger than "
        "is unpacked, of another size than the others, or has values of more than 8 bits, which "
        "a choice of yours would have to bring to 0 to 255.",
        "The message names the file. --resize H,W brings all to one size; leave out what is no "
        "picture, or save the values as an array.",
    ),
    "CS186": Code(
        "what a URL leads to cannot be read",
        "The server cannot be reached, does not answer in time, refuses, or has nothing under "
        "that name; or files of this kind are not read over a network. Names of users, passwords "
        "and the part behind '?' are left out of every message.",
        "Check the address, the network and your credentials; or copy the file to this machine.",
        Kind.IO,
    ),
}
