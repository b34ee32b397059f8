"""Where comments go when what they stand beside is laid out otherwise. Their order stays."""

from __future__ import annotations

from dataclasses import replace

from speccompiler.editing.written_nodes import Child, Comment, WrittenList, WrittenScalar, comments


def with_head_before(child: Child) -> Child:
    """Without a comment behind the key: its place is beside the value, or before both."""
    if child.head is None:
        return child
    is_block = isinstance(child.value, WrittenScalar) and child.value.block
    if child.after is None and not is_block:  # behind a block it would be a part of it
        return replace(child, head=None, after=_moved(child.head))
    return replace(child, head=None, before=(*child.before, child.head))


def with_comments_before(child: Child) -> Child:
    """An item with the comments behind its dash, and before its first entry, in front of it."""
    if child.key is not None or not isinstance(child.value, WrittenList):
        return child
    before = child.before if child.head is None else (*child.before, child.head)
    value = child.value
    if value.children:
        first = with_comments_before(value.children[0])
        before = (*before, *first.before)
        first = replace(first, before=(), blank=False)
        value = replace(value, children=(first, *value.children[1:]))
    return replace(child, before=before, head=None, value=value)


def with_comment_inside(child: Child) -> Child:
    """A list that gets lines of its own, without a comment behind it.

    That stands behind the key then, before an item, or behind the last entry.
    """
    value = child.value
    if not isinstance(value, WrittenList):
        return child
    if value.flow:  # the columns were those of another line
        value = replace(value, children=tuple(map(_unplaced, value.children)))
    after = child.after
    if after is None:
        return replace(child, value=value)
    after = _moved(after)
    child = replace(child, after=None)
    if next(comments(value), None) is None and child.head is None:
        if child.key is not None:
            return replace(child, value=value, head=after)
        return replace(child, value=value, before=(*child.before, after))
    last = value.children[-1]
    if value.tail or last.after is not None or next(comments(last.value), None) is not None:
        return replace(child, value=replace(value, tail=(*value.tail, after)))
    children = (*value.children[:-1], replace(last, after=after))
    return replace(child, value=replace(value, children=children))


def _unplaced(child: Child) -> Child:
    return child if child.after is None else replace(child, after=_moved(child.after))


def _moved(comment: Comment) -> Comment:
    """A comment that has lost its column, and the blank line before it."""
    return replace(comment, column=0, blank=False)
