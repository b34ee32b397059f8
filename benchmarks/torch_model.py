"""A case as a torch module."""

from __future__ import annotations

from operator import getitem
from typing import Any

import torch
from torch import fx, nn

from .cases import (
    Branches,
    Case,
    Conv,
    ConvLstm,
    Dense,
    Layer,
    Pool,
    Recurrent,
    Separable,
    Squeeze,
    Up,
)
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
    steps_first = case.steps_first
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
        if isinstance(at.layer, Squeeze):
            value = graph.call_method("squeeze", (value, 2))
        if isinstance(at.layer, Recurrent) and not steps_first:
            value = graph.call_method("permute", (value, 2, 0, 1))
            steps_first = True
        for module in modules:
            name = f"m{len(made)}"
            made[name] = module
            value = graph.call_module(name, (value,))
        if isinstance(at.layer, Recurrent):
            value = graph.call_function(getitem, (value, 0))
            if not at.layer.sequences:
                value = graph.call_function(getitem, (value, -1))
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
            if layer.elu:
                last = nn.ELU()
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
            ends = {"relu": nn.ReLU(), "sigmoid": nn.Sigmoid(), "softmax": nn.Softmax(dim=-1)}
            return [_filled(made, own), ends[activation]]
        case Squeeze():
            return []
        case Recurrent():
            return [_recurrent(layer, own)]
        case ConvLstm():
            assert own is not None, "a layer with weights has parameters"
            return [HandWritten(own)]
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


def _recurrent(layer: Recurrent, own: Parameters | None) -> Any:
    """torch's own: its GRU has the gates r, z, n."""
    assert own is not None, "a layer with weights has parameters"
    assert own.state is not None, "a recurrent layer has two matrices"
    order = [0, 1, 2, 3] if layer.cell == "lstm" else [1, 0, 2]

    def turned(value: Any) -> Any:
        return torch.cat([torch.from_numpy(value).chunk(layer.gates)[gate] for gate in order])

    kind = nn.LSTM if layer.cell == "lstm" else nn.GRU
    module = kind(own.weight.shape[1], layer.units)
    bias = turned(own.bias)
    tensors = {
        "weight_ih_l0": turned(own.weight),
        "weight_hh_l0": turned(own.state),
        "bias_ih_l0": bias,
        "bias_hh_l0": torch.zeros_like(bias),
    }
    module.load_state_dict(tensors)
    return module


class HandWritten(nn.Module):  # type: ignore[misc]
    """A convolutional LSTM as one writes it in torch: (samples, steps, channels, lengths)."""

    def __init__(self, own: Parameters) -> None:
        super().__init__()
        assert own.state is not None, "a recurrent layer has two kernels"
        filters, channels, size, _ = own.weight.shape
        self.units = filters // 4
        self.of_input = nn.Conv2d(channels, filters, size, padding=size // 2)
        self.of_state = nn.Conv2d(self.units, filters, size, padding=size // 2, bias=False)
        self.of_input.load_state_dict(
            {"weight": torch.from_numpy(own.weight), "bias": torch.from_numpy(own.bias)}
        )
        self.of_state.load_state_dict({"weight": torch.from_numpy(own.state)})

    def forward(self, x: Any) -> Any:
        """All outputs; what the input adds to all steps is one convolution."""
        samples, steps = x.shape[:2]
        added = self.of_input(x.flatten(0, 1)).unflatten(0, (samples, steps))
        h = c = added.new_zeros(samples, self.units, *x.shape[3:])
        found = []
        for t in range(steps):
            i, f, candidate, o = (added[:, t] + self.of_state(h)).chunk(4, 1)
            c = f.sigmoid() * c + i.sigmoid() * candidate.tanh()
            h = o.sigmoid() * c.tanh()
            found.append(h)
        return torch.stack(found, 1)


def has_channels_last(case: Case) -> bool:
    """torch has such a layout for images and volumes, not for sequences."""
    return len(case.shape) in _CHANNELS_LAST


def to_channels_last(value: Any, case: Case) -> Any:
    """A module or a tensor in the other layout."""
    if case.images_over_time:
        # Its convolutions see the images of all steps.
        if hasattr(value, "movedim"):
            return value.movedim(2, -1).contiguous().movedim(-1, 2)
        return value.to(memory_format=torch.channels_last)
    return value.to(memory_format=_CHANNELS_LAST[len(case.shape)])
