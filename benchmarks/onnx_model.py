"""A case as an ONNX model, for onnxruntime and OpenVINO."""

from __future__ import annotations

from typing import Any

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from .cases import Branches, Case, Conv, ConvLstm, Dense, Pool, Recurrent, Separable, Squeeze, Up
from .geometry import EPSILON, applied, hanging
from .tensors import Parameters, parameters, peer_input, peer_output_shape

INPUT = "x"
OUTPUT = "y"
OPSET = 17
IR_VERSION = 9


def onnx_model(case: Case, *, any_length: bool = False) -> Any:
    """Input ``x``, output ``y``, both of the case's fixed shapes.

    With ``any_length`` the spatial axes of both have names instead of lengths.
    """
    nodes: list[Any] = []
    constants: list[Any] = []
    current = INPUT
    values = [INPUT]
    flat = False
    steps_first = case.steps_first

    def add(operator: str, *extra: str, **attributes: Any) -> None:
        nonlocal current
        out = f"t{len(nodes)}"
        nodes.append(helper.make_node(operator, [current, *extra], [out], **attributes))
        current = out

    def constant(name: str, value: Any) -> str:
        constants.append(numpy_helper.from_array(value, name))
        return name

    rank = case.rank
    for i, (at, own) in enumerate(zip(applied(case), parameters(case), strict=True)):
        current = values[at.inputs[0]]
        if own is not None:
            weight, bias = constant(f"w{i}", own.weight), constant(f"b{i}", own.bias)
        match at.layer:
            case Conv() as conv:
                pads = [conv.pad] * (2 * rank)
                windows = {"strides": [conv.stride] * rank, "dilations": [conv.dilation] * rank}
                add("Conv", weight, bias, pads=pads, group=conv.groups, **windows)
                if own is not None and own.norm is not None:
                    four = (own.norm.gamma, own.norm.beta, own.norm.mean, own.norm.variance)
                    names = [constant(f"n{i}_{k}", value) for k, value in enumerate(four)]
                    add("BatchNormalization", *names, epsilon=EPSILON)
                if conv.relu and conv.most is not None:
                    ends = [constant(f"c{i}_{v}", np.float32(v)) for v in (0, conv.most)]
                    add("Clip", *ends)
                elif conv.relu:
                    add("Elu" if conv.elu else "Relu")
            case Separable(size=size, stride=stride):
                assert own is not None, "a layer with weights has parameters"
                assert own.depthwise is not None, "a separable convolution has two kernels"
                pads = [size // 2] * (2 * rank)
                how = {"pads": pads, "strides": [stride] * rank, "group": at.before[0]}
                add("Conv", constant(f"d{i}", own.depthwise), **how)
                add("Conv", weight, bias)
                add("Relu")
            case Pool(size=size, stride=stride, kind=kind) as pool:
                operator = "MaxPool" if kind == "max" else "AveragePool"
                before, after = zip(*(hanging(pool, n) for n in at.before[1:]), strict=True)
                windows = {"kernel_shape": [size] * rank, "strides": [stride] * rank}
                add(operator, pads=[*before, *after], **windows)
            case Branches(join=join, relu=relu):
                others = [values[k] for k in at.inputs[1:]]
                if join == "concat":
                    add("Concat", *others, axis=1)
                else:
                    add("Sum", *others)
                    if relu:
                        add("Relu")
            case Squeeze():
                add("Squeeze", constant(f"q{i}", np.array([2])))
            case Recurrent(units=units, sequences=sequences) as layer:
                assert own is not None, "a layer with weights has parameters"
                if not steps_first:
                    add("Transpose", perm=[2, 0, 1])
                    steps_first = True
                given = [constant(f"r{i}_{k}", v) for k, v in enumerate(_recurrent(layer, own))]
                how = {"hidden_size": units}
                if layer.cell == "gru":
                    how["linear_before_reset"] = 1
                made = f"t{len(nodes)}"
                outputs = [made] if sequences else ["", made]
                nodes.append(
                    helper.make_node(layer.cell.upper(), [current, *given], outputs, **how)
                )
                current = made
                add("Squeeze", constant(f"q{i}", np.array([1 if sequences else 0])))
            case ConvLstm():
                raise AssertionError("ONNX has no such operator")
            case Up(size=size):
                scales = constant(f"s{i}", np.array([1, 1, *[size] * rank], np.float32))
                add(
                    "Resize",
                    "",
                    scales,
                    mode="nearest",
                    coordinate_transformation_mode="asymmetric",
                    nearest_mode="floor",
                )
            case Dense(activation=activation):
                if not flat:
                    add("Flatten", axis=1)
                    flat = True
                add("Gemm", weight, bias, transB=1)
                if activation == "softmax":
                    add("Softmax", axis=-1)
                else:
                    add({"relu": "Relu", "sigmoid": "Sigmoid"}[activation])
        values.append(current)
    nodes[-1].output[0] = OUTPUT
    shapes: list[list[int | str]] = [list(peer_input(case).shape), list(peer_output_shape(case))]
    if any_length:
        for end, shape in zip((INPUT, OUTPUT), shapes, strict=True):
            shape[2:] = [f"{end}{axis}" for axis in range(len(shape) - 2)]
    graph = helper.make_graph(
        nodes,
        "case",
        [helper.make_tensor_value_info(INPUT, TensorProto.FLOAT, shapes[0])],
        [helper.make_tensor_value_info(OUTPUT, TensorProto.FLOAT, shapes[1])],
        constants,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)])
    model.ir_version = IR_VERSION
    return model


def _recurrent(layer: Recurrent, own: Parameters) -> list[Any]:
    """W, R and B as ONNX wants them: its LSTM has the gates i, o, f, c."""
    assert own.state is not None, "a recurrent layer has two matrices"
    order = [0, 3, 1, 2] if layer.cell == "lstm" else [0, 1, 2]

    def turned(value: Any) -> Any:
        return np.concatenate([np.split(value, layer.gates)[gate] for gate in order])

    bias = turned(own.bias)
    both = np.concatenate([bias, np.zeros_like(bias)])
    return [value[None] for value in (turned(own.weight), turned(own.state), both)]
