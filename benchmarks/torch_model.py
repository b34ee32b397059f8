"""A case as a torch module."""

from __future__ import annotations

from typing import Any

import torch
from torch import fx, nn

from .cases import Branches, Case, Conv, Dense, Layer, Pool, Separable, Up
from .geometry import EPSILON, Applied, applied, hanging
from .tensors import Norm, Parameters, parameters

_CONVOLUTION = {1: nn.Conv1d, 2: nn.Conv2d, 3: nn.Conv3d}
_MAX_POOL = {1: nn.MaxPool1d, 2: nn.MaxPool2d, 3: nn.MaxPool3d}
_AVERAGE_POOL = {1: nn.AvgPool1d, 2: nn.AvgPool2d, 3: nn.AvgPool3d}
_NORM = {1: nn.BatchNorm1d, 2: nn.BatchNorm2d, 3: nn.BatchNorm3d}
_CHANNELS_LAST = {4: torch.channels_last, 5: torch.channels_last_3d}


def torch_module(case: Case) -> Any:
    """With the case's weights, ready for inference, NCHW in memory.

    A traced module: it can be stored and read again without this file.
    """
    graph, made = fx.Graph(), nn.ModuleDict()
    values = [graph.placeholder("x")]
    flat = False
    for at, own in zip(applied(case), parameters(case), strict=True):
        modules = _modules(at, own, case.rank)
        value = values[at.inputs[0]]
        if isinstance(at.layer, Branches):
            read = [values[i] for i in at.inputs]
            if at.layer.join == "concat":
                value = graph.call_function(torch.cat, (read, 1))
            else:
                for other in read[1:]:
                    value = graph.call_function(torch.add, (value, other))
        if isinstance(at.layer, Dense) and not flat:
            modules.insert(0, nn.Flatten())
            flat = True
        for module in modules:
            name = f"m{len(made)}"
            made[name] = module
            value = graph.call_module(name, (value,))
        values.append(value)
    graph.output(values[-1])
    return fx.GraphModule(dict(made.items()), graph).eval()


def _modules(at: Applied, own: Parameters | None, rank: int) -> list[Any]:
    layer: Layer = at.layer
    match layer:
        case Conv(filters=filters, size=size, stride=stride):
            kind, channels = _CONVOLUTION[rank], at.before[0]
            how = (channels, filters, size, stride, layer.pad, layer.dilation, layer.groups)
            modules = [_filled(kind(*how, device="meta"), own)]
            if own is not None and own.norm is not None:
                modules.append(_norm(own.norm, rank))
            last = nn.ReLU() if layer.most is None else nn.Hardtanh(0, layer.most)
            return [*modules, last] if layer.relu else modules
        case Separable(filters=filters, size=size, stride=stride):
            assert own is not None, "a layer with weights has parameters"
            assert own.depthwise is not None, "a separable convolution has two kernels"
            kind, channels = _CONVOLUTION[rank], at.before[0]
            depthwise = kind(
                channels, channels, size, stride, size // 2, 1, channels, bias=False, device="meta"
            )
            depthwise.load_state_dict({"weight": torch.from_numpy(own.depthwise)}, assign=True)
            return [depthwise, _filled(kind(channels, filters, 1, device="meta"), own), nn.ReLU()]
        case Pool(size=size, stride=stride, kind=kind):
            if kind == "average":
                return [_AVERAGE_POOL[rank](size, stride)]
            sides = [hanging(layer, n) for n in at.before[1:]]
            uneven = any(before != after for before, after in sides)
            padding = [min(side) for side in sides]
            return [_MAX_POOL[rank](size, stride, padding, ceil_mode=uneven)]
        case Up(size=size):
            return [nn.Upsample(scale_factor=size)]
        case Dense(outputs=outputs, activation=activation):
            made = nn.Linear(own.weight.shape[1] if own else 0, outputs, device="meta")
            last = nn.ReLU() if activation == "relu" else nn.Softmax(dim=-1)
            return [_filled(made, own), last]
        case Branches(join=join, relu=relu):
            return [nn.ReLU()] if join == "sum" and relu else []


def _norm(norm: Norm, rank: int) -> Any:
    module = _NORM[rank](len(norm.mean), eps=EPSILON)
    names = {
        "weight": norm.gamma,
        "bias": norm.beta,
        "running_mean": norm.mean,
        "running_var": norm.variance,
    }
    module.load_state_dict({k: torch.from_numpy(v) for k, v in names.items()}, strict=False)
    return module


def _filled(module: Any, own: Parameters | None) -> Any:
    assert own is not None, "a layer with weights has parameters"
    tensors = {"weight": torch.from_numpy(own.weight), "bias": torch.from_numpy(own.bias)}
    module.load_state_dict(tensors, assign=True)
    return module


def has_channels_last(case: Case) -> bool:
    """torch has such a layout for images and volumes, not for sequences."""
    return len(case.shape) in _CHANNELS_LAST


def to_channels_last(value: Any, case: Case) -> Any:
    """A module or a tensor in the other layout."""
    return value.to(memory_format=_CHANNELS_LAST[len(case.shape)])
