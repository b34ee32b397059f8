"""Tensors that the file holds, as known values: their numbers are read when something asks."""

from __future__ import annotations

from speccompiler.diagnostics.core import Problem
from speccompiler.diagnostics.wording import quoted
from speccompiler.files.onnx.model import OnnxModel, Tensor
from speccompiler.files.onnx.tensors import check_external, info_of, read_tensor
from speccompiler.files.ordinary_files import NotOrdinary
from speccompiler.files.tensor_info import ITEM_SIZES
from speccompiler.lowering.onnx.values import Array, Known


def stored(model: OnnxModel, tensor: Tensor, name: str) -> Known:
    """An initializer, whose numbers stay in the file. CS265, CS269."""
    try:
        info = info_of(tensor, name)
        if tensor.external is not None and info.dtype in ITEM_SIZES:
            check_external(model.path, tensor, info)
    except Problem as problem:
        if problem.code != "CS101":
            raise
        raise Problem("CS260", problem.message, "export or copy the file again") from None
    return Known(name, info.shape, info.dtype, lambda: loaded(model, tensor, name))


def loaded(model: OnnxModel, tensor: Tensor, name: str) -> Array:
    """The numbers of a tensor of the file; ``Problem`` for whatever goes wrong."""
    try:
        return read_tensor(model.path, tensor, name)
    except NotOrdinary as refused:
        raise Problem("CS100", f"tensor {quoted(name)} cannot be read: {refused.reason}") from None
    except OSError:
        raise Problem("CS100", f"tensor {quoted(name)} cannot be read from its file") from None
