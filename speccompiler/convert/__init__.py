"""A model to a native spec and one file of weights, as it is or under other conventions."""

from speccompiler.convert.conversion import Converted, convert
from speccompiler.convert.pair import default_weights_path, write_pair
from speccompiler.convert.spec_text import spec_text

__all__ = ["Converted", "convert", "default_weights_path", "spec_text", "write_pair"]
