"""A comparison in one line: how bad it is, and why."""

from __future__ import annotations

from collections import Counter

from speccompiler.comparing.amounts import share_text
from speccompiler.comparing.model_diff import Impact, LayerPair, Match, ModelDiff

_INPUTS = {"CD101", "CD102", "CD103", "CD104", "CD105", "CD106"}
_OUTPUTS = {"CD111", "CD112", "CD114", "CD115"}
_NUMBERS = {
    "CD201", "CD202", "CD204", "CD205", "CD206", "CD211", "CD301", "CD302", "CD305", "CD306",
    "CD601", "CD604", "CD605", "CD606",
}  # fmt: skip
_WEIGHTS = {
    "CD505": "taken for another",
    "CD501": "misfit",
    "CD502": "missing",
    "CD503": "lost",
    "CD504": "renamed",
}
_AMOUNTS = {"parameters": "parameters", "multiply_adds": "multiply-adds", "peak_bytes": "peak"}


def verdict(diff: ModelDiff) -> str:
    """``breaking: output shape and numbers change, old weights: 2 layers misfit``."""
    if diff.same:
        return "no change"
    parts = [*_broken(diff), *_costs(diff)]
    if not parts:
        return f"{diff.impact}: nothing that a user of the model would notice"
    return f"{diff.impact}: {', '.join(parts)}"


def _broken(diff: ModelDiff) -> list[str]:
    codes = {change.code for change in diff.changes if change.impact is Impact.BREAKING}
    changing = [
        word
        for word, known in (
            ("inputs", _INPUTS),
            ("outputs", _OUTPUTS),
            ("output shape", {"CD113"}),
            ("numbers", _NUMBERS),
        )
        if codes & known
    ]
    parts = []
    if changing:
        one = changing == ["output shape"]
        parts.append(f"{_and(changing)} {'changes' if one else 'change'}")
    return parts + _weights(diff)


def _weights(diff: ModelDiff) -> list[str]:
    """``old weights: 1 layer misfit, 2 missing``: of each kind, how many layers."""
    found: dict[str, set[str | None]] = {}
    for change in diff.changes:
        if change.code in _WEIGHTS and change.impact is Impact.BREAKING:
            found.setdefault(_WEIGHTS[change.code], set()).add(change.layer)
    parts = [
        f"{len(found[word])} {word}" for word in dict.fromkeys(_WEIGHTS.values()) if word in found
    ]
    if not parts:
        return []
    count, _, word = parts[0].partition(" ")
    layers = "layer" if count == "1" else "layers"
    return [f"old weights: {count} {layers} {word}" + "".join(f", {part}" for part in parts[1:])]


def _costs(diff: ModelDiff) -> list[str]:
    """What costs more or less, in per cent; totals that stay are left out."""
    return [
        f"{_AMOUNTS[amount.name]} {share}"
        for amount in diff.amounts
        if amount.name in _AMOUNTS
        and amount.old != amount.new
        and (share := share_text(amount))
        and not share.strip("+-").startswith("0.0")
    ]


def _and(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def follows(pair: LayerPair) -> bool:
    """Whether all that changed of a layer follows from other layers."""
    return bool(pair.changes) and all(change.because for change in pair.changes)


def only_shape_follows(pair: LayerPair) -> bool:
    """Whether a layer gives another shape, and nothing else is to be said of it."""
    return follows(pair) and all(change.code == "CD401" for change in pair.changes)


def only_renumbered(pair: LayerPair) -> bool:
    """Whether a layer has another made name, and nothing but its weights' names follows."""
    return (
        pair.match is Match.RENAMED
        and bool(pair.changes)
        and all(change.code in {"CD504", "CD505"} for change in pair.changes)
    )


def counts(diff: ModelDiff) -> str:
    """``1 layer changed, 2 inserted, 1 removed, 9 as before``."""
    found: Counter[str] = Counter()
    for pair in diff.layers:
        found[_state(pair)] += 1
    order = ("changed", "replaced", "renamed", "moved", "inserted", "removed")
    parts = [f"{found[word]} {word}" for word in order if found[word]]
    parts += [f"{found['follow']} follow"] if found["follow"] else []
    parts += [f"{found['same']} unchanged"] if found["same"] else []
    return "layers: " + ", ".join(parts)


def _state(pair: LayerPair) -> str:
    if pair.match is Match.SAME or (pair.match is Match.RENAMED and not pair.changes):
        return "follow" if follows(pair) else "changed" if pair.changes else "same"
    return str(pair.match)
