"""A case as a torch module."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from .cases import Case, Conv, Dense, Layer, Pool, Up
from .geometry import Applied, applied
from .tensors import Parameters, parameters

_CONVOLUTION = {1: nn.Conv1d, 2: nn.Conv2d, 3: nn.Conv3d}
_MAX_POOL = {1: nn.MaxPool1d, 2: nn.MaxPool2d, 3: nn.MaxPool3d}
_AVERAGE_POOL = {1: nn.AvgPool1d, 2: nn.AvgPool2d, 3: nn.AvgPool3d}
_CHANNELS_LAST = {4: torch.channels_last, 5: torch.channels_last_3d}


def torch_module(case: Case) -> Any:
    """With the case's weights, ready for inference, NCHW in memory."""
    modules: list[Any] = []
    flat = False
    for at, own in zip(applied(case), parameters(case), strict=True):
        if isinstance(at.layer, Dense) and not flat:
            modules.append(nn.Flatten())
            flat = True
        modules += _modules(at, own, case.rank)
    return nn.Sequential(*modules).eval()


def _modules(at: Applied, own: Parameters | None, rank: int) -> list[Any]:
    layer: Layer = at.layer
    match layer:
        case Conv(filters=filters, size=size, stride=stride):
            made = _CONVOLUTION[rank](at.before[0], filters, size, stride, layer.pad, device="meta")
            return [_filled(made, own), nn.ReLU()]
        case Pool(size=size, stride=stride, kind=kind):
            return [(_MAX_POOL if kind == "max" else _AVERAGE_POOL)[rank](size, stride)]
        case Up(size=size):
            return [nn.Upsample(scale_factor=size)]
        case Dense(outputs=outputs, activation=activation):
            made = nn.Linear(own.weight.shape[1] if own else 0, outputs, device="meta")
            last = nn.ReLU() if activation == "relu" else nn.Softmax(dim=-1)
            return [_filled(made, own), last]


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
