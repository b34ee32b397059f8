"""A picture as SVG: small, valid, and with its texts as texts."""

from __future__ import annotations

from xml.sax.saxutils import escape, quoteattr

from speccompiler.drawing.primitives import (
    Group,
    Item,
    Line,
    Picture,
    Polygon,
    Rect,
    Text,
    arrow_head,
    curved,
)

FONTS = "Helvetica, Arial, 'Liberation Sans', 'DejaVu Sans', sans-serif"


def svg(picture: Picture, scale: float = 1.0) -> str:
    """The text of an SVG file; ``scale`` is of its size on a page."""
    width, height = number(picture.width), number(picture.height)
    size = f'width="{number(picture.width * scale)}" height="{number(picture.height * scale)}"'
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} viewBox="0 0 {width} {height}" '
        f'role="img" aria-labelledby="title desc" font-family="{FONTS}">',
        f'<title id="title">{_text(picture.title)}</title>',
        f'<desc id="desc">{_text(picture.description)}</desc>',
        f'<rect width="{width}" height="{height}" fill="{picture.background}"/>',
        *map(_item, picture.items),
        "</svg>",
        "",
    ]
    return "\n".join(lines)


def number(value: float) -> str:
    """At most two places, and none that say nothing."""
    text = f"{value:.2f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def _text(text: str) -> str:
    """A text of a spec, without what XML cannot hold."""
    return escape("".join(c if c.isprintable() else "\ufffd" for c in text))


def _item(item: Item) -> str:
    if isinstance(item, Group):
        inner = "".join(map(_item, item.items))
        return f"<g><title>{_text(item.title)}</title>{inner}</g>"
    if isinstance(item, Rect):
        return _rect(item)
    if isinstance(item, Polygon):
        points = " ".join(f"{number(x)},{number(y)}" for x, y in item.points)
        return f'<polygon points="{points}" fill="{item.fill}"{_stroke(item)}/>'
    if isinstance(item, Line):
        return _line(item)
    return _words(item)


def _rect(item: Rect) -> str:
    corner = f' rx="{number(item.radius)}"' if item.radius else ""
    return (
        f'<rect x="{number(item.x)}" y="{number(item.y)}" width="{number(item.width)}" '
        f'height="{number(item.height)}"{corner} fill="{item.fill or "none"}"{_stroke(item)}/>'
    )


def _stroke(item: Rect | Polygon) -> str:
    if item.stroke is None:
        return ""
    width = f' stroke-width="{number(item.stroke_width)}"' if item.stroke_width != 1 else ""
    return f' stroke="{item.stroke}"{width} stroke-linejoin="round"'


def _line(item: Line) -> str:
    x, y = item.points[0]
    path = [f"M{number(x)} {number(y)}"]
    for part in curved(item):
        letter = "C" if len(part) == 4 else "L"
        path.append(letter + " ".join(f"{number(a)} {number(b)}" for a, b in part[1:]))
    dashes = ' stroke-dasharray="4 3"' if item.dashed else ""
    drawn = (
        f'<path d="{"".join(path)}" fill="none" stroke="{item.stroke}" '
        f'stroke-width="{number(item.width)}" stroke-linejoin="round"{dashes}/>'
    )
    head = arrow_head(item)
    return drawn if head is None else drawn + _item(head)


def _words(item: Text) -> str:
    anchor = f' text-anchor="{item.anchor}"' if item.anchor != "start" else ""
    bold = ' font-weight="bold"' if item.bold else ""
    return (
        f'<text x="{number(item.x)}" y="{number(item.y)}" font-size="{number(item.size)}" '
        f"fill={quoteattr(item.fill)}{anchor}{bold}>{_text(item.text)}</text>"
    )
