"""Codes of a project's settings, its baseline, comments that ignore findings."""

from __future__ import annotations

from collections.abc import Mapping

from speccompiler.diagnostics.codes.code import Code, Kind

CODES: Mapping[str, Code] = {
    "CS160": Code(
        "settings that cannot be read",
        "A project's settings stand in convspec.toml, or in pyproject.toml under "
        "[tool.convspec], as TOML in UTF-8.",
        "Correct the file at the place shown; --isolated goes without settings.",
        Kind.SETTINGS,
    ),
    "CS161": Code(
        "settings that say nothing",
        "A key of the settings is misspelt, or its value cannot be meant. A setting that "
        "is passed over would be worse than none.",
        "Use a key and a value that the message lists.",
        Kind.SETTINGS,
    ),
    "CS162": Code(
        "baseline that cannot be read",
        "A baseline is the JSON file that --write-baseline writes.",
        "Check the name, or write it again with --write-baseline.",
        Kind.SETTINGS,
    ),
    "CS163": Code(
        "comment that ignores nothing",
        "'# convspec: ignore[...]' names a code that is not found in its line. It would hide "
        "the next mistake of that kind.",
        "Remove the code, or the comment.",
    ),
    "CS164": Code(
        "comment that is not understood",
        "A comment that ignores findings has the form '# convspec: ignore[CS012]', with the "
        "codes of diagnostics, or the same with 'ignore-file' for the whole file.",
        "Correct it as the hint says.",
    ),
    "CS165": Code(
        "ignored change that is not there",
        "An entry of [[diff.ignore]] in the settings has passed its day, or no change of the "
        "comparison is like it. It would hide the next change of that kind.",
        "Remove the entry where what it accepted is merged.",
    ),
}
