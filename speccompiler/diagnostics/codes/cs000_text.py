"""CS001 to CS015: a file, and the YAML, JSON or Python text in it."""

from __future__ import annotations

from speccompiler.diagnostics.codes.code import Code, Kind

CODES = {
    "CS001": Code(
        "cannot read file",
        "The path is missing, a folder where a file is wanted, not permitted, or not a "
        "regular file.",
        "Check the name and permissions; send a stream to standard input as '-'.",
        Kind.IO,
    ),
    "CS002": Code(
        "not UTF-8 text",
        "The bytes are not UTF-8, hold control characters, or are another format (HDF5, zip, "
        "NumPy, pickle, UTF-16).",
        "Save the spec as UTF-8 and remove the character named.",
    ),
    "CS003": Code(
        "syntax error",
        "The text is not valid YAML or JSON at this place, a standard tag does not fit its "
        "value, or an alias has no anchor.",
        "Follow the hint; quote text that holds special characters.",
    ),
    "CS004": Code(
        "duplicate key",
        "A mapping has the same key twice. Most readers silently take the last, so one of the "
        "two would have no effect.",
        "Keep one of the two.",
    ),
    "CS005": Code(
        "spec too large",
        "A spec is at most 16 MiB of text.",
        "Keep arrays in .npy, .npz or .safetensors files and refer to them.",
    ),
    "CS006": Code(
        "nested too deep",
        "Lists and mappings may nest 64 deep, aliases included.",
        "Flatten the structure.",
    ),
    "CS007": Code(
        "too many values",
        "With aliases counted as copies, the document holds over 1,000,000 values: a small "
        "file can unfold into one that fills the memory.",
        "Use fewer aliases; move arrays to files.",
    ),
    "CS008": Code(
        "cyclic anchor",
        "An alias stands inside its own anchor, so the value would contain itself.",
        "Write the repeated part out.",
    ),
    "CS009": Code(
        "unsafe tag",
        "YAML tags can ask a loader to run code. Only tags that are plain data are read: "
        "!!python/tuple, Python 2's string tags, the numbers that Keras wrote through NumPy, "
        "and YAML's own !!str, !!int, !!float, !!bool, !!null, !!seq, !!map. Nothing was "
        "executed.",
        "Remove the tag and write plain data, or use the JSON file of the same model.",
    ),
    "CS010": Code(
        "key is not text",
        "A key is a number, a boolean, null, a list or a mapping, or it is missing.",
        "Put the key in quotes, or write the missing one.",
    ),
    "CS011": Code(
        "several documents",
        "A file holds one spec; a second '---' starts another.",
        "Put each document in a file of its own.",
    ),
    "CS012": Code(
        "empty document",
        "The text holds no value at all.",
        "Write a spec in it; it starts with 'convspec: 1'.",
    ),
    "CS013": Code(
        "number not finite or out of range",
        "NaN or Infinity in JSON, a number beyond 1.8e308, or an integer that is too long.",
        "Write a finite number, or quote it if it is text.",
    ),
    "CS014": Code(
        "too many findings",
        "Reading stopped after 100 findings in one file.",
        "Mend those listed and run again.",
    ),
    "CS015": Code(
        "cannot read from git",
        "A revision, or a file of it, is not in the repository, the folder is in none, or there "
        "is no command 'git'.",
        "Check the name with git log; fetch the branch where a clone holds one commit alone.",
        Kind.IO,
    ),
}
