"""How Sphinx makes the site out of docs/: ``make docs`` writes it into build/docs.

The pages are Markdown that also reads well in the repository: plain links and headings, and a
directive only for the lists of pages and for what is taken from docstrings. Fonts and scripts
come with the theme, so the built pages load nothing from elsewhere.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from docutils import nodes

import speccompiler

if TYPE_CHECKING:
    from sphinx.application import Sphinx

project = "convspec"
author = "The convspec developers"
project_copyright = "the convspec developers, Apache-2.0"
version = release = speccompiler.__version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx_copybutton"]
exclude_patterns = ["_*"]
myst_heading_anchors = 4
highlight_language = "text"
# Quotes and dashes are parts of options and of specs.
smartquotes = False

html_theme = "furo"
html_title = f"convspec {release}"
html_static_path = ["_static"]
html_css_files = ["site.css"]
# The schema under a name that does not change, for editors to point at.
html_extra_path = ["convspec.schema.json"]
html_copy_source = False

# What is copied from a transcript: its commands, without the prompt and what they print.
copybutton_prompt_text = "$ "
copybutton_only_copy_prompt_lines = True
copybutton_line_continuation_character = "\\"

autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
python_use_unqualified_type_names = True
python_maximum_signature_line_length = 80
toc_object_entries_show_parents = "hide"
# Names of other projects: their documentation may be out of reach where this is built.
nitpick_ignore_regex = [
    ("py:.*", r"(np|npt|numpy|collections|fractions|pathlib|os|typing|xarray)\..*"),
    ("py:.*", r"(Any|Callable|Iterable|Mapping|Path|Sequence|StrEnum|ValueError)"),
]

BESIDE_DOCS = {"contributing": "CONTRIBUTING.md", "changelog": "CHANGELOG.md"}
"""Pages of the site that show a file that lies beside docs/ in the repository."""

LINK = re.compile(r"\[(?P<words>[^]]+)\]\((?!https?:|#)(?P<file>[^)#]+)[^)]*\)")


def _files_beside_docs(app: Sphinx, page: str, source: list[str]) -> None:
    """Show them, and point links to them at the pages that do."""
    if page in BESIDE_DOCS:
        file = Path(app.srcdir).parent / BESIDE_DOCS[page]
        app.env.note_dependency(str(file))
        text = file.read_text(encoding="utf-8").replace("](docs/", "](")
        # Other links lead to files that the site does not have: their words stay.
        source[0] = LINK.sub(
            lambda link: link[0] if (Path(app.srcdir) / link["file"]).is_file() else link["words"],
            text,
        )
    up = "../" * page.count("/")
    for shown_by, file_name in BESIDE_DOCS.items():
        source[0] = source[0].replace(f"]({up}../{file_name}", f"]({up}{shown_by}.md")


def _anchors_of_codes(app: Sphinx, tree: nodes.document) -> None:
    """Let ``diagnostics.html#CS012`` find a code whatever its title says."""
    if app.env.current_document.docname != "diagnostics":
        return
    for section in tree.findall(nodes.section):
        found = re.match(r"CS\d{3}", section.next_node(nodes.title).astext())
        if found:
            section["ids"].append(found[0])


def setup(app: Sphinx) -> None:
    """What Sphinx calls first."""
    app.connect("source-read", _files_beside_docs)
    app.connect("doctree-read", _anchors_of_codes)
