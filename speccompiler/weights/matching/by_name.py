"""Find a model's tensors in a file by their names, and report everything that is wrong at once.

A tensor ``W`` of layer ``conv1`` may be called ``conv1/W``, ``conv1.W``, ``conv1_W``,
``conv1/conv1_W``, the last two also with TensorFlow's ``:0``. Keras's whole-model HDF5 files
put ``model_weights/`` before the names, and the group of an enclosing model for nested ones;
their ``optimizer_weights`` are passed over.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from speccompiler.diagnostics.core import Problem
from speccompiler.diagnostics.wording import first_few, quoted
from speccompiler.files.tensor_info import TensorInfo
from speccompiler.frozen import dataclass
from speccompiler.weights.matching.directions import named_after
from speccompiler.weights.matching.wanted_tensors import (
    StoredTensor,
    TensorName,
    WantedTensor,
    fit,
    joined_name,
    ordering_hint,
    wrong_shape,
)

_KEYS_SHOWN = 100
_FIRST_KEYS = 6
_ROOT = "model_weights/"
_OPTIMIZER = "optimizer_weights/"


def match_by_name(
    wanted: Mapping[TensorName, WantedTensor],
    tensors: Mapping[str, TensorInfo],
    *,
    unnamed: bool = False,
    given: Collection[TensorName] = (),
    wrapped: Mapping[str, str] | None = None,
    what: str = "weight file",
) -> dict[TensorName, StoredTensor]:
    """Find every wanted tensor in a file, by name and shape.

    ``given`` and ``wrapped`` are as in ``WantedTensors``; ``what`` is what messages call the
    file. ``unnamed`` (a .npy file): its one tensor is the model's one tensor, whatever its name.
    Raises CS105 listing all missing, unused and doubly given tensors, else CS106 listing all
    wrong shapes.
    """
    if unnamed and len(tensors) == len(wanted) == 1:
        candidates = {name: list(tensors) for name in wanted}
        unused: list[str] = []
    else:
        candidates, unused = _candidates([*wanted, *given], tensors, wrapped or {})
        for name in given:
            candidates.pop(name, None)
    missing = [name for name in wanted if name not in candidates]
    doubled = {name: keys for name, keys in candidates.items() if len(keys) > 1}
    found: dict[TensorName, StoredTensor] = {}
    wrong: list[TensorName] = []
    for name in wanted:
        if name in missing or name in doubled:
            continue
        (key,) = candidates[name]
        stored = fit(wanted[name], tensors[key])
        if stored is None:
            wrong.append(name)
        else:
            found[name] = stored
    wrong_text = [wrong_shape(name, wanted[name], tensors[candidates[name][0]]) for name in wrong]
    if missing or unused or doubled:
        findings = _Findings(missing, unused, doubled, wrong_text)
        problem = findings.problem(what, wanted, tensors)
        if unnamed and len(wanted) > 1:
            hint = f"a .npy file holds one array, the model takes {len(wanted)}: save an .npz"
            problem = Problem(problem.code, problem.message, hint)
        raise problem
    if wrong:
        pairs = [(wanted[name].shape, tensors[candidates[name][0]].shape) for name in wrong]
        raise Problem("CS106", f"wrong shapes: {'; '.join(wrong_text)}", ordering_hint(pairs))
    return found


def _candidates(
    wanted: Iterable[TensorName], tensors: Iterable[str], wrapped: Mapping[str, str]
) -> tuple[dict[TensorName, list[str]], list[str]]:
    """File keys by the tensor they name, and the keys that name none."""
    full: dict[str, TensorName] = {}
    last: dict[str, TensorName] = {}
    for layer, tensor in wanted:
        name = (layer, tensor)
        joined = f"{layer}_{tensor}"
        for form in (f"{layer}/{tensor}", f"{layer}.{tensor}"):
            full[form] = name
        for form in (joined, f"{joined}:0"):
            full[form] = full[f"{layer}/{form}"] = last[form] = name
        for inner in named_after(wrapped.get(layer, layer), tensor):
            for form in (inner, f"{inner}:0"):
                full.setdefault(f"{layer}/{form}", name)
                full.setdefault(form, name)
                last.setdefault(form, name)
    candidates: dict[TensorName, list[str]] = {}
    unused: list[str] = []
    keys = list(tensors)
    whole_model = any(key.startswith(_ROOT) for key in keys)
    for key in keys:
        if whole_model and key.startswith(_OPTIMIZER):
            continue
        bare = key.removeprefix(_ROOT)
        owner = full.get(bare) or last.get(bare.rpartition("/")[2])
        if owner is None:
            unused.append(key)
        else:
            candidates.setdefault(owner, []).append(key)
    return candidates, unused


@dataclass(frozen=True, slots=True)
class _Findings:
    """What is wrong with the names in a file."""

    missing: list[TensorName]
    unused: list[str]
    """Keys in the file that name no tensor of the model."""
    doubled: Mapping[TensorName, list[str]]
    """Tensors that several keys name."""
    wrong_shapes: list[str]
    """Sentences on shapes, which are reported along."""

    def problem(
        self,
        what: str,
        wanted: Mapping[TensorName, WantedTensor],
        tensors: Mapping[str, TensorInfo],
    ) -> Problem:
        """CS105 with every finding."""
        foreign = bool(self.unused) and len(self.missing) == len(wanted)
        parts = []
        if self.missing:
            texts = (f"{joined_name(name)} {wanted[name].shape}" for name in self.missing)
            parts.append(f"missing from the {what}: " + ", ".join(texts))
        if self.unused:
            keys = [f"{quoted(key)} {tensors[key].shape}" for key in self.unused]
            shown = first_few(keys, _FIRST_KEYS if foreign else _KEYS_SHOWN)
            parts.append(f"in the {what} but not used: {shown}")
        for name, given in self.doubled.items():
            listed = ", ".join(map(quoted, given))
            parts.append(f"{joined_name(name)} is given {len(given)} times: {listed}")
        if self.wrong_shapes:
            parts.append(f"wrong shapes: {'; '.join(self.wrong_shapes)}")
        layer, tensor = next(iter(wanted), ("conv1", "W"))
        if foreign:
            hint = (
                "the file names its tensors in another way; "
                f"rename them like '{layer}/{tensor}' or '{layer}_{tensor}'"
            )
        elif not tensors:
            hint = f"the {what} holds no tensors"
        elif not self.missing and not self.unused:
            hint = "keep one of them, in a file of its own"
        else:
            hint = (
                "the names come from the layers' names: check that the file belongs to this model"
            )
        return Problem("CS105", "; ".join(parts), hint)
