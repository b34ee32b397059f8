"""What becomes of a layer's tensors, and what that means for old files of weights."""

from __future__ import annotations

from collections.abc import Iterator

from speccompiler.comparing.model_diff import Change, Fit, TensorFit
from speccompiler.comparing.shape_causes import ShapeCauses
from speccompiler.comparing.sides import Sides
from speccompiler.comparing.tensor_fit import fits
from speccompiler.comparing.wording import because, shape_text


def tensors_of(sides: Sides, partner: int | None, number: int | None) -> tuple[TensorFit, ...]:
    """What becomes of the tensors of a pair; a layer's tensors count to its first call."""
    old = None if partner is None else sides.old.outline.items[partner]
    new = None if number is None else sides.new.outline.items[number]
    before = sides.old.stored.get(str(old.layer.name), {}) if old and old.first else {}
    after = sides.new.stored.get(str(new.layer.name), {}) if new and new.first else {}
    return fits(before, after)


def weight_changes(
    sides: Sides,
    causes: ShapeCauses,
    number: int | None,
    name: str,
    tensors: tuple[TensorFit, ...],
) -> Iterator[Change]:
    """What a layer's tensors mean for old weight files; one change for each kind of misfit."""
    if sides.other_form:
        return
    by_fit: dict[Fit, list[TensorFit]] = {}
    for tensor in tensors:
        by_fit.setdefault(tensor.fit, []).append(tensor)
    if Fit.RESHAPED in by_fit:
        yield _reshaped(sides, causes, number, name, by_fit[Fit.RESHAPED])
    if Fit.ADDED in by_fit:
        added = _tensors_text([(t.new_name, t.new_shape) for t in by_fit[Fit.ADDED]])
        yield sides.change("CD502", f"old weights lack {added}", layer=name, new=added)
    if Fit.LOST in by_fit:
        lost = _tensors_text([(t.old_name, t.old_shape) for t in by_fit[Fit.LOST]])
        text = f"nothing takes the old {lost}"
        yield sides.change("CD503", text, layer=name, old=lost, gone=number is None)
    if Fit.RENAMED in by_fit:
        before, after = (
            [str(getattr(t, f"{which}_name")) for t in by_fit[Fit.RENAMED]]
            for which in ("old", "new")
        )
        yield sides.change(
            "CD504",
            f"old weights fit, and are named {', '.join(before)}",
            layer=name,
            old=", ".join(before),
            new=", ".join(after),
        )
    yield from _confused(sides, name, [*by_fit.get(Fit.RENAMED, ()), *by_fit.get(Fit.ADDED, ())])


def _reshaped(
    sides: Sides,
    causes: ShapeCauses,
    number: int | None,
    name: str,
    found: list[TensorFit],
) -> Change:
    parts = [
        f"{_own_name(t.new_name)} {shape_text(t.old_shape, batch=False)} -> "
        f"{shape_text(t.new_shape, batch=False)}"
        for t in found
    ]
    after: tuple[str, ...] = ()
    if number is not None:
        upstream = causes.upstream.get(number, ())
        alone = causes.alone.get(number)
        now = {} if alone is None else alone.tensors
        own = any(
            (tensor := _own_name(t.old_name)) in now and now[tensor].stored_shape != t.old_shape
            for t in found
        )
        after = () if own or name in upstream else upstream
    text = f"old weights do not fit: {', '.join(parts)}{because(after)}"
    old, new = (", ".join(str(getattr(t, f"{w}_shape")) for t in found) for w in ("old", "new"))
    return sides.change("CD501", text, layer=name, old=old, new=new, because=after)


def _own_name(key: str | None) -> str:
    return str(key).rpartition("/")[2]


def _tensors_text(found: list[tuple[str | None, tuple[int, ...] | None]]) -> str:
    """``W (3, 3, 1, 32), b (32,)``."""
    return ", ".join(f"{_own_name(key)} {shape_text(shape, batch=False)}" for key, shape in found)


def _confused(sides: Sides, name: str, taken: list[TensorFit]) -> Iterator[Change]:
    """CD505 where an old file has tensors of these names and shapes that are another layer's."""
    old_keys = {
        f"{layer}/{tensor}": weight.stored_shape
        for layer in {_layer_of(t.new_name) for t in taken}
        for tensor, weight in sides.old.stored.get(layer, {}).items()
    }
    names = [
        str(t.new_name)
        for t in taken
        if t.new_name in old_keys and old_keys[t.new_name] == t.new_shape
    ]
    if names:
        text = f"an old weight file has {', '.join(names)} of another layer, which would be loaded"
        yield sides.change("CD505", text, layer=name, new=", ".join(names))


def _layer_of(key: str | None) -> str:
    return str(key).rpartition("/")[0]
