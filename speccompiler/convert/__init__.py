"""A model to a native spec and one file of weights, as it is or under other conventions."""

from speccompiler.convert.conversion import Converted, convert
from speccompiler.convert.spec_text import spec_text

__all__ = ["Converted", "convert", "spec_text"]
