"""CS020 to CS039: what a spec says: its keys, values, layers and expressions, and its input."""

from __future__ import annotations

from speccompiler.diagnostics.codes.code import Code

CODES = {
    "CS020": Code(
        "not a model spec",
        "A spec is a mapping that says 'convspec: 1', or the JSON or YAML that Keras 1.x "
        "wrote, which says 'class_name'.",
        "Add the line 'convspec: 1', or give the file that to_json() or to_yaml() made.",
    ),
    "CS021": Code(
        "missing argument",
        "A required argument is not there. Required arguments are those without a default in "
        "Keras 1.x.",
        "Add the argument; the hint says what it means.",
    ),
    "CS022": Code(
        "unknown argument",
        "The layer or the spec has no argument of this name, so it would have no effect. "
        "Names of Keras 2 (filters, kernel_size, padding) are not those of Keras 1.x.",
        "Take the name that the hint suggests, or remove it.",
    ),
    "CS023": Code(
        "value not allowed",
        "The argument takes one of a few values, and this is none of them.",
        "Choose one of the values listed.",
    ),
    "CS024": Code(
        "wrong type",
        "A number is wanted where text stands, or the like. Types are strict: true is no "
        "number, '3' in quotes is text.",
        "Write a value of the type named.",
    ),
    "CS025": Code(
        "number out of range",
        "The number is below or above what the argument can mean, or not finite.",
        "Choose a number in the range named.",
    ),
    "CS026": Code(
        "malformed value",
        "The value has the right type but not the right form: a list of the wrong length, a "
        "ragged array, an empty name.",
        "Follow the message; it says what was expected.",
    ),
    "CS027": Code(
        "unknown layer type",
        "No layer of Keras 1.x has this name.",
        "Take the name that the hint suggests.",
    ),
    "CS028": Code(
        "layer not supported",
        "The layer exists in a release of Keras, but this version of convspec does not run it. It "
        "is refused rather than skipped: skipping would change the numbers.",
        "Replace it by supported layers where that is exact.",
    ),
    "CS029": Code(
        "duplicate layer name",
        "Weights, reports and --layer find a layer by its name, so two layers cannot share one.",
        "Give each layer its own name.",
    ),
    "CS030": Code(
        "activation expression cannot be read",
        "The text does not follow the expression grammar. It is never run as Python: only "
        "numbers, x, pi, e, operators, parentheses and the listed functions have a meaning.",
        "Correct the text at the column named; write powers as ** and choices as "
        "where(condition, a, b).",
    ),
    "CS031": Code(
        "unknown name in an expression",
        "An expression knows the variable x, the constants pi and e, and a fixed list of "
        "elementwise functions. Functions across channels such as softmax are not "
        "elementwise.",
        "Use a name from the list. softmax is named alone as a layer's activation.",
    ),
    "CS032": Code(
        "wrong number of arguments in an expression",
        "Every function takes a fixed number of arguments.",
        "Write the call as the hint shows, for example max(a, b); nest calls for more than two.",
    ),
    "CS033": Code(
        "expression too large",
        "An activation expression has at most 2000 characters, 500 parts and 64 levels, and a "
        "symbolic size at most 50 nested roundings and 1000 terms, so that compiling stays "
        "quick and bounded.",
        "Shorten it, or group a long sum in parentheses; for a size, give the open input "
        "lengths numbers.",
    ),
    "CS034": Code(
        "condition and value confused in an expression",
        "A comparison gives true or false, not a number. It can only stand as the first "
        "argument of where, and that argument must be one.",
        "Choose between values with where(x > 0, a, b); join comparisons with and, or, not.",
    ),
    "CS035": Code(
        "no layers",
        "A model needs at least one layer.",
        "Add 'layers:' with a list of layers.",
    ),
    "CS036": Code(
        "input shape missing",
        "Neither the spec nor its first layer says what goes in, so no shape can be inferred.",
        "Add input_shape, without the batch axis, for example input_shape: [224, 224, 3].",
    ),
    "CS037": Code(
        "input shapes contradict each other",
        "The same input is declared twice, with different shapes, or a later layer declares "
        "an input that it does not get.",
        "Keep the one that is right.",
    ),
    "CS038": Code(
        "wrong number of axes",
        "The layer works on another number of axes than its input has.",
        "Use the layer of the right dimension, or a Reshape or Flatten before it.",
    ),
    "CS039": Code(
        "looks like the other dim_ordering",
        "A 2-D or 3-D layer has its channels after the batch axis ('th') unless the spec says "
        "otherwise. Either the shape of this input looks like a picture that has them last, or "
        "the other way round, and the model fits both ways: only the numbers would be wrong. "
        "Or a spec that says no ordering, or its weights, fit the other one alone: it is "
        "read so.",
        "Write dim_ordering: tf (or th) at the top of the spec. A layer that says its own "
        "dim_ordering is taken at its word.",
    ),
}
