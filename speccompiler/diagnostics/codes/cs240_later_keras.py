"""CS240 to CS245: models that Keras 2, tf.keras and Keras 3 saved."""

from __future__ import annotations

from speccompiler.diagnostics.codes.code import Code

CODES = {
    "CS240": Code(
        "computed in another precision",
        "The file says that layers computed in half or double precision. convspec computes in "
        "float32, so the numbers differ by the rounding of the narrower type.",
        "Nothing, unless the last digits matter.",
    ),
    "CS241": Code(
        "does nothing in a forward pass",
        "Layers that change images at random do so in training only, and pass them on in a "
        "forward pass.",
        "Nothing: no number of a run depends on it.",
    ),
    "CS242": Code(
        "what a later Keras can say and convspec does not read",
        "The layer is read, but not with this value of an argument or this way of calling it, and "
        "leaving it out would give other numbers.",
        "Follow the hint, or write the layer another way where the model was made.",
    ),
    "CS243": Code(
        "read as its release computed it",
        "Releases of Keras 2 and 3 differ in what an argument does; the file is read as the one "
        "that wrote it computed.",
        "Nothing, if the weights were trained with that release.",
    ),
    "CS244": Code(
        "backend unknown",
        "On Theano Keras 2 flips the kernels of convolutions, on all other backends it does not. "
        "to_json() and model.save() write the backend; what get_config() gave and copies of "
        "model_config have lost it.",
        "Pass --semantics theano if it was Theano; nothing otherwise.",
    ),
    "CS245": Code(
        "no .keras archive that can be read",
        "A .keras file is a zip archive with config.json, metadata.json and model.weights.h5 in "
        "it. This one is damaged, lacks its config, or is packed in a way in which Keras packs "
        "none: names that lead out of the archive, two members of one name, passwords, a member "
        "that unpacks to far more than it holds.",
        "Save or copy the model again.",
    ),
}
