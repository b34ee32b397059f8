"""A case as convspec reads it: a spec, and its weights by name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from .cases import (
    Branches,
    Case,
    Conv,
    ConvLstm,
    Dense,
    Pool,
    Recurrent,
    Separable,
    Squeeze,
    Up,
)
from .geometry import EPSILON, Applied, applied
from .tensors import Array, Parameters, parameters

_KERNEL = {
    1: ("filter_length",),
    2: ("nb_row", "nb_col"),
    3: ("kernel_dim1", "kernel_dim2", "kernel_dim3"),
}


def native_spec(case: Case, *, any_length: bool = False) -> dict[str, Any]:
    """The document, as data. Layer i is called ``layer<i>``, and its normalisation ``norm<i>``.

    With ``any_length`` the input's lengths are open.
    """
    channels, *known = case.shape[1:]
    lengths: list[int | None] = [None if any_length else length for length in known]
    layers: list[dict[str, Any]] = []
    names = ["x"]
    flat = False
    for i, at in enumerate(applied(case)):
        entries = _entries(at, case.rank, i)
        if isinstance(at.layer, Dense) and not flat:
            entries[:0] = [{"type": "Flatten"}] * (len(at.before) > 1)
            flat = True
        read = [names[k] for k in at.inputs]
        if read != names[-1:]:
            entries[0]["inputs"] = read if len(read) > 1 else read[0]
        names.append(entries[-1].setdefault("name", f"layer{i}"))
        layers += entries
    shape = [channels, *lengths] if case.planes else [*lengths, channels]
    spec: dict[str, Any] = {"convspec": 1, "inputs": {"x": shape}}
    if case.rank > 1:
        spec["dim_ordering"] = "th" if case.planes else "tf"
    return {**spec, "layers": layers}


def _entries(at: Applied, rank: int, i: int) -> list[dict[str, Any]]:
    name = f"layer{i}"
    match at.layer:
        case Conv(normalized=normalized) as conv:
            entries = _convolution(conv, rank, name)
            end: dict[str, Any] = {}
            if conv.relu:
                end = {"activation": "elu" if conv.elu else "relu"}
            if conv.relu and conv.most is not None:
                end = {"activation": {"expr": f"clip(x, 0, {conv.most})"}}
            if not normalized:
                return [*entries[:-1], entries[-1] | end]
            norm = {"type": "BatchNormalization", "name": f"norm{i}", "epsilon": EPSILON}
            relu = {"type": "Activation", "name": f"relu{i}", **end}
            return [*entries, norm, relu] if conv.relu else [*entries, norm]
        case Separable(filters=filters, size=size, stride=stride):
            entry = {"type": "SeparableConvolution2D", "name": name, "nb_filter": filters}
            entry |= {"nb_row": size, "nb_col": size, "activation": "relu"}
            if stride == 1:
                return [entry | {"border_mode": "same"}]
            padding = {"type": "ZeroPadding2D", "padding": [size // 2] * 2}
            return [padding, entry | {"subsample": [stride] * 2}]
        case Branches(join="concat"):
            return [{"type": "Merge", "mode": "concat"}]
        case Branches(relu=relu):
            entry = {"type": "Merge", "mode": "sum"}
            return [entry, {"type": "Activation", "activation": "relu"}] if relu else [entry]
        case Pool(size=size, stride=stride, kind=kind, same=same):
            type_ = f"{'Max' if kind == 'max' else 'Average'}Pooling{rank}D"
            mode = {"border_mode": "same"} if same else {}
            if rank == 1:
                return [{"type": type_, "pool_length": size, "stride": stride, **mode}]
            windows = {"pool_size": [size] * rank, "strides": [stride] * rank}
            return [{"type": type_, **windows, **mode}]
        case Squeeze():
            # What lies there has its channels last.
            return [{"type": "Reshape", "target_shape": [*at.after[1:], at.after[0]]}]
        case Recurrent(cell=cell, units=units, sequences=sequences):
            entry = {"type": cell.upper(), "name": name, "output_dim": units}
            entry |= {"return_sequences": sequences, "inner_activation": "sigmoid"}
            entry |= {"consume_less": "gpu"}
            return [entry | {"reset_after": True} if cell == "gru" else entry]
        case ConvLstm(filters=filters, size=size):
            entry = {"type": "ConvLSTM2D", "name": name, "nb_filter": filters, "fused": True}
            entry |= {"nb_row": size, "nb_col": size, "border_mode": "same"}
            return [entry | {"return_sequences": True, "inner_activation": "sigmoid"}]
        case Up(size=size):
            argument = {"length": size} if rank == 1 else {"size": [size] * rank}
            return [{"type": f"UpSampling{rank}D", **argument}]
        case Dense(outputs=outputs, activation=activation):
            return [
                {"type": "Dense", "name": name, "output_dim": outputs, "activation": activation}
            ]


def _convolution(conv: Conv, rank: int, name: str) -> list[dict[str, Any]]:
    # 'same' splits its zeros as the peers do only at stride 1 and odd sizes.
    kept = conv.pad == conv.dilation * (conv.size // 2)
    same = conv.stride == 1 and conv.size % 2 == 1 and kept
    entry: dict[str, Any] = {
        "type": f"{'Atrous' if conv.dilation > 1 else ''}Convolution{rank}D",
        "name": name,
        "nb_filter": conv.filters,
        **dict.fromkeys(_KERNEL[rank], conv.size),
        "border_mode": "same" if same else "valid",
    }
    if conv.stride > 1:
        entry |= (
            {"subsample_length": conv.stride} if rank == 1 else {"subsample": [conv.stride] * rank}
        )
    if conv.groups > 1:
        entry["groups"] = conv.groups
    if conv.dilation > 1:
        entry["atrous_rate"] = conv.dilation if rank == 1 else [conv.dilation] * rank
    if same or conv.pad == 0:
        return [entry]
    padding = conv.pad if rank == 1 else [conv.pad] * rank
    return [{"type": f"ZeroPadding{rank}D", "padding": padding}, entry]


def tensors(case: Case) -> dict[str, Array]:
    """Weights by convspec's names, in Keras 1.x's shapes."""
    found: dict[str, Array] = {}
    flat = False
    for i, (at, own) in enumerate(zip(applied(case), parameters(case), strict=True)):
        if own is None:
            continue
        first_dense = isinstance(at.layer, Dense) and not flat
        flat = flat or first_dense
        kernel = "W" if own.depthwise is None else "pointwise_kernel"
        weight = own.weight if case.planes else _kernel(at, own, first_dense)
        found[f"layer{i}.{kernel}"] = np.ascontiguousarray(weight)
        if own.depthwise is not None:
            depthwise = np.moveaxis(own.depthwise, (0, 1), (1, 0) if case.planes else (-2, -1))
            found[f"layer{i}.depthwise_kernel"] = np.ascontiguousarray(depthwise)
        found[f"layer{i}.b"] = own.bias
        if own.state is not None:
            state = np.moveaxis(own.state, (0, 1), (-1, -2))
            found[f"layer{i}.U"] = np.ascontiguousarray(state)
        if isinstance(at.layer, Recurrent) and at.layer.cell == "gru":
            found[f"layer{i}.b"] = np.stack([own.bias, np.zeros_like(own.bias)])
        if own.norm is not None:
            norm, stored = f"norm{i}", own.norm
            found |= {f"{norm}.gamma": stored.gamma, f"{norm}.beta": stored.beta}
            found |= {f"{norm}.running_mean": stored.mean, f"{norm}.running_std": stored.variance}
    return found


def _kernel(at: Applied, own: Parameters, after_flatten: bool) -> Array:
    if isinstance(at.layer, Conv | Separable | ConvLstm):
        kernel = np.moveaxis(own.weight, (0, 1), (-1, -2))
        # A Keras 1.x kernel of one axis has a second one, of length 1.
        return kernel[:, None] if kernel.ndim == 3 else kernel
    if after_flatten:  # what is flattened here has its channels last
        rows = own.weight.reshape(len(own.weight), *at.before)
        return np.moveaxis(rows, 1, -1).reshape(len(own.weight), -1).T
    return own.weight.T


def has_weights(case: Case) -> bool:
    """Pools and up-sampling have none, and convspec then takes no weight file."""
    return any(at.weight_shape for at in applied(case))


def write_model(case: Case, folder: Path, *, any_length: bool = False) -> tuple[Path, Path]:
    """``model.yaml`` and ``weights.safetensors`` in ``folder``, the latter maybe empty."""
    import yaml
    from safetensors.numpy import save_file

    spec = native_spec(case, any_length=any_length)
    model, weights = folder / "model.yaml", folder / "weights.safetensors"
    model.write_text(yaml.safe_dump(spec, sort_keys=False), encoding="utf-8")
    save_file(tensors(case), weights)
    return model, weights
