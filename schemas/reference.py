"""The page ``docs/spec.md``: the native form, written out from the schemas."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pydantic import BaseModel

from speccompiler.schemas.budget import Budget
from speccompiler.schemas.constraint import MaxNorm, MinMaxNorm, NonNeg, UnitNorm
from speccompiler.schemas.initializer import ScaledInitializer
from speccompiler.schemas.markdown import first_line, table
from speccompiler.schemas.model import ModelHeader, SemanticsFields
from speccompiler.schemas.recorded_arrays import Vectors
from speccompiler.schemas.reference_layers import (
    SHARED_TITLE,
    contents,
    layer_sections,
    shared_arguments,
)
from speccompiler.schemas.regularizer import (
    EigenvalueRegularizer,
    L1AndL2Regularizer,
    L1L2Regularizer,
    L1Regularizer,
    L2Regularizer,
)
from speccompiler.schemas.resizing import Padding1D, Padding2D
from speccompiler.schemas.shared import Shared
from speccompiler.schemas.wrapped_model import WrapperHeader

INTRODUCTION = """# The native form

A spec is a YAML or JSON mapping: the keys below, and `layers`, a list of layers from first
to last. Each layer is a mapping with a `type` and the arguments of that layer in Keras 1.x,
by their own names.

As the pages of Keras 1.0 say of every 2-D and 3-D layer, channels come after the batch axis
(`dim_ordering: th`) unless a spec says otherwise; `dim_ordering: tf`, once at the top, puts them
last. 1-D layers have them last in any case. The defaults of convolutions, pooling, up-sampling
and padding are those that the pages of 1.0 and 1.1 document; other layers have those of 1.2.2.
What a Keras file leaves out has the default of the release that wrote it.

```yaml
convspec: 1
dim_ordering: tf
input_shape: [28, 28, 1]
layers:
  - {type: Convolution2D, name: c1, nb_filter: 6, nb_row: 5, nb_col: 5, activation: relu}
  - {type: MaxPooling2D}
  - {type: Flatten}
  - {type: Dense, name: out, output_dim: 10, activation: softmax, W_regularizer: l2}
```

## Contents
"""

GRAPHS = """## Graphs

A layer reads the one before it, or what its `inputs` name: `inputs: a`, and for Merge
`inputs: [a, b]`. Names are those of layers anywhere in the list and of the header's `inputs`.
Every layer may have `inputs`.

```yaml
convspec: 1
dim_ordering: tf
inputs: {left: [32, 32, 1], right: [32, 32, 1]}
outputs: [alike, maps]
layers:
  - {type: Convolution2D, name: maps, nb_filter: 8, nb_row: 3, nb_col: 3, inputs: left}
  - {type: Shared, layer: maps, inputs: right}
  - {type: Merge, mode: max, inputs: [maps, maps@2]}
  - {type: Flatten}
  - {type: Dense, name: alike, output_dim: 1, activation: sigmoid}
```

With several inputs, a first layer has to say which it reads. An InputLayer in the list is an
input too: it reads no layer. Without `outputs`, the model gives what no other layer reads.

`type: Shared` calls a layer once more, with the same weights:
"""

WRAPPERS = """## Around a model of another file

A spec may name a model instead of layers: a file that Keras 1.x wrote, or a native spec. Then it
says what that file leaves open: `name`, `semantics`, `dim_ordering`, `input_shape`,
`input_dtype`, `seed`, `weights`, `verify`, `budget`, and with `replace` what layers compute that
are code.

```yaml
convspec: 1
model: steering.h5
semantics: theano
replace:
  lambda_1: x / 127.5 - 1                    # an expression
  lambda_2: "x[:, 60:-25]"                   # a part of x, samples first, as in Python
  turned: {type: Permute, dims: [2, 1, 3]}   # a layer
  lambda_3:                                  # one after the other
    - {type: Resize, size: [66, 200], dim_ordering: tf}
    - x - [103.9, 116.8, 123.7]
```
"""

EXPRESSIONS = """## Activation expressions

`activation: {expr: ".."}` takes numbers, `x`, `pi`, `e`, `+ - * / **`, parentheses,
`where(condition, a, b)` with conditions of `< <= > >= == !=`, `and`, `or`, `not`, and the
functions `exp expm1 log log1p sqrt abs sign floor ceil min max clip pow sin cos tan tanh
sinh cosh atan erf sigmoid softplus softsign hard_sigmoid relu elu`. It is parsed as data,
never run as Python.

In an Activation layer lists are arrays as NumPy has them, along the last axes of a sample:
`x - [103.9, 116.8, 123.7]` takes one number from each of three channels that come last, and
`x - [[[103.9]], [[116.8]], [[123.7]]]` from channels that come first.
"""

ANCHORS = """## Anchors

Keys that begin with `x-` at the top of a spec are ignored, so that they can hold what YAML
anchors name:

```yaml
convspec: 1
dim_ordering: tf
input_shape: [28, 28, 1]
x-conv: &conv {type: Convolution2D, nb_row: 3, nb_col: 3, border_mode: same}
x-relu: &relu {activation: relu}
layers:
  - {<<: [*conv, *relu], nb_filter: 8}
  - {<<: *conv, nb_filter: 1}
```

Of several mappings in one `<<`, the earlier wins; what is written beside it wins over all.
"""

MAPPINGS: tuple[tuple[str, str, tuple[type[BaseModel], ...]], ...] = (
    (
        "Semantics",
        "`semantics` is a name, or a mapping:",
        (SemanticsFields,),
    ),
    (
        "Recorded arrays",
        "`verify` is a mapping, for `convspec verify`:",
        (Vectors,),
    ),
    (
        "Budget",
        "`budget` is a mapping of upper bounds, for `convspec validate` to hold:",
        (Budget,),
    ),
    (
        "Initialisers",
        "`init` is `uniform`, `normal`, `lecun_uniform`, `glorot_normal`, `glorot_uniform`, "
        "`he_normal`, `he_uniform`, `orthogonal`, `identity`, `zero` or `one`, or a mapping:",
        (ScaledInitializer,),
    ),
    (
        "Regularisers",
        "A regulariser is a name (`l1`, `l2`, `l1l2`), or a mapping in one of these forms. "
        "`--penalties` prints what each adds; an activity is summed over all samples of a run.",
        (
            L1Regularizer,
            L2Regularizer,
            L1AndL2Regularizer,
            L1L2Regularizer,
            EigenvalueRegularizer,
        ),
    ),
    (
        "Constraints",
        "A constraint is a name (`maxnorm`, `nonneg`, `unitnorm`), or a mapping in one of these "
        "forms. Loaded weights are checked; `--apply-constraints` projects them.",
        (MaxNorm, NonNeg, UnitNorm, MinMaxNorm),
    ),
    (
        "Padding by side",
        "`padding` of ZeroPadding1D and 2D may be a mapping:",
        (Padding1D, Padding2D),
    ),
)


def as_markdown() -> str:
    """The whole page; a test compares it with the file."""
    titles = ["The spec", "Anchors", *(title for title, _, _ in MAPPINGS), "Graphs"]
    titles.append("Activation expressions")
    links = [f"- [{title}](#{title.lower().replace(' ', '-')})" for title in titles]
    shared = f"- [{SHARED_TITLE}](#{SHARED_TITLE.lower().replace(' ', '-')})"
    parts = [INTRODUCTION, "\n".join([*links, shared, contents(), ""])]
    parts += ["## The spec\n", table(ModelHeader.model_fields), ANCHORS]
    for title, text, models in MAPPINGS:
        parts += [f"## {title}\n", f"{text}\n"]
        for model in models:
            fields = {n: f for n, f in model.model_fields.items() if n != "name"}
            parts += [f"**{_names(model)}** {first_line(model)}\n", table(fields)]
    own = {name: field for name, field in Shared.model_fields.items() if name != "type"}
    around = {
        name: field
        for name, field in WrapperHeader.model_fields.items()
        if name not in ModelHeader.model_fields
    }
    parts += [GRAPHS, table(own), WRAPPERS, table(around)]
    parts += [EXPRESSIONS, *shared_arguments(), *layer_sections()]
    return "\n".join(part for part in parts if part)


def _names(model: type[BaseModel]) -> str:
    """The values of the mapping's own ``name``, where it has one."""
    schema: dict[str, Any] = model.model_json_schema()["properties"].get("name", {})
    values: Iterable[str] = schema.get("enum", [schema["const"]] if "const" in schema else [])
    names = " or ".join(f"`name: {value}`" for value in values)
    return f"{names}:" if names else "Keys:"
