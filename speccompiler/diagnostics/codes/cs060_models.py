"""CS060 to CS088: graphs of layers, saved models, layers that are code."""

from __future__ import annotations

from speccompiler.diagnostics.codes.code import Code, Kind

CODES = {
    "CS060": Code(
        "layers in a circle",
        "Each of these layers reads what can only be computed after it, so none of them can "
        "be computed.",
        "Correct the 'inputs' of one of them (in a Keras file its inbound_nodes).",
    ),
    "CS061": Code(
        "unknown layer as an input or output",
        "A layer, or the model's list of inputs or outputs, names a layer, a call of a layer "
        "or an output of a nested model that is not there.",
        "Correct the name; calls are numbered in the order of the layer's inbound_nodes.",
    ),
    "CS062": Code(
        "wrong number of inputs",
        "Merge takes two inputs or more (two in modes dot and cos), every other layer one.",
        "Name what the layer reads with inputs: [a, b], or merge the values first.",
    ),
    "CS063": Code(
        "inputs do not merge",
        "Modes sum, mul, ave, max and cos need inputs of one shape, concat the same lengths "
        "along all axes but one, and dot axes of the same length. Axes count the batch axis, "
        "which is never merged.",
        "Compare the shapes named; concat_axis and dot_axes may name the wrong axis.",
    ),
    "CS064": Code(
        "merge mode is code",
        "The Merge was made with a Python function, which the file holds as byte code or by "
        "its name. convspec executes nothing from a file.",
        "Write the model with one of the named modes.",
    ),
    "CS065": Code(
        "unused layer",
        "No output of the model depends on this layer: it is not computed.",
        "Let another layer read it, name it in outputs, or remove it.",
    ),
    "CS066": Code(
        "shared layer does not fit",
        "All calls of a layer use the same weights, so that each of their inputs needs the "
        "same number of channels.",
        "Correct the input of the call named, or give it a layer of its own.",
    ),
    "CS067": Code(
        "too many calls of layers",
        "Nested models are unfolded once for each time they are called. Models within "
        "models within models can grow beyond any memory that way.",
        "Check which nested models are called how often.",
    ),
    "CS068": Code(
        "axis or part that is not there",
        "Slice and Reduce name axes as Keras does: 0 is the batch axis, which stays as it is, "
        "1 the first of a sample and -1 the last. start, stop and step say one value for each "
        "of these axes, or one for all; squeeze drops axes of which one value is left.",
        "Compare the axes with the input's shape that the message names.",
    ),
    "CS069": Code(
        "numbers that do not stand beside the values",
        "Lists of numbers in an Activation's expression are arrays as NumPy has them: their "
        "last axis is the last of a sample, and each axis has the sample's length or 1. "
        "[103.9, 116.8, 123.7] is one number for each of three channels that come last; with "
        "channels first it is [[[103.9]], [[116.8]], [[123.7]]].",
        "Give as many numbers as the axis is long, in as many lists as axes follow it.",
    ),
    "CS070": Code(
        "model inside another form",
        "The file does not hold what to_json() gave as it is: json.dump() wrote it once more, "
        "str() or repr() printed it, it is one entry of a mapping or of a list, or it is what "
        "get_config() gave. The model inside is read, and places are those of the file.",
        "Nothing has to be done; convspec convert writes the model as a spec.",
    ),
    "CS071": Code(
        "what only training needs",
        "Keras up to 1.0.6 wrote the optimizer, the loss and the like beside a compiled model. "
        "A forward pass asks for none of it.",
        "Nothing has to be done.",
    ),
    "CS072": Code(
        "written by Keras 0.x",
        "Models of Keras 0.1 to 0.3.3 have other names for layers and arguments, and are read "
        "as those releases read them. Until 0.2 Theano was the only backend, and Dropout "
        "multiplied by 1 - p at test time; where a file with a Dropout does not show how old "
        "it is, it has to be said.",
        'Where it asks, add the release beside "name", as in "keras_version": "0.3.0".',
    ),
    "CS073": Code(
        "several models in one file",
        "The file holds two models or more, in a mapping, a list or line by line, and one is read.",
        "Write the one that is meant into a file of its own.",
    ),
    "CS074": Code(
        "argument of training passed over",
        "A Keras file holds what its author defined in an argument that only training uses: "
        "the name of their own initialiser, regulariser or constraint, or a value of another "
        "kind; or a learning rate for one layer, which forks of Keras wrote. A forward pass "
        "with given weights needs none of it.",
        "Nothing, unless you ask for its effect with --seed, --penalties or --apply-constraints.",
    ),
    "CS075": Code(
        "unknown effect of training asked for",
        "The argument means nothing here, so that no tensor can be drawn by it, no penalty "
        "counted, and no weight projected.",
        "Give the weights, leave the option out, or write the argument as one that is known.",
    ),
    "CS076": Code(
        "nothing is left",
        "The layer cuts off as much as there is. Keras accepts that, and gives an array with "
        "an axis of length 0.",
        "Check the sizes cut off, and dim_ordering, which says which axes they are of.",
    ),
    "CS077": Code(
        "no layer to replace",
        "Option --replace and a spec's 'replace' say what layers compute that are code: "
        "Lambda, classes that Keras 1.x does not have, and other layers that convspec does not "
        "run. What it runs is computed as the file says.",
        "Name one of the layers that the hint lists.",
    ),
    "CS078": Code(
        "answer that is no answer",
        "What a layer computes is said by an expression in x, by a layer, or by a list of "
        'these, one after the other: "x / 127.5 - 1", "x[:, :, :, ::-1]", {type: Flatten}, '
        '[{type: Cropping2D, cropping: [[60, 25], [0, 0]]}, "x / 255"]. The last layer '
        "takes the name of the one that is replaced, the first reads what that read.",
        "Write it in one of these forms.",
    ),
    "CS079": Code(
        "not a spec around a model",
        "A spec with 'model' wraps the model of another file, and says with name, semantics, "
        "dim_ordering, input_shape, input_dtype, seed, weights, verify and replace what holds "
        "for it. Layers, inputs and outputs are the model's own, and a wrapper wraps no other.",
        "Leave out what the message names.",
    ),
    "CS080": Code(
        "not a sound HDF5 file",
        "The file is named or begins as HDF5 does, but it is something else, its structure is "
        "damaged, or an attribute that Keras writes is of another kind.",
        "Write or copy the file again.",
        Kind.IO,
    ),
    "CS081": Code(
        "no model in the HDF5 file",
        "Keras's save() writes the attribute 'model_config', save_weights() does not: that "
        "file has weights alone.",
        "Give the model's JSON, YAML or spec, and the HDF5 file with --weights.",
    ),
    "CS082": Code(
        "layer is code",
        "Keras stored the function of a Lambda layer as byte code. Loading that would run "
        "whatever the file's author put there, so convspec executes nothing from a file.",
        'Say what the function computes: --replace lambda_1="x / 127.5 - 1", or a '
        "'replace' mapping in a spec around the model (convspec: 1, model: old.h5). An answer "
        "is an expression, or layers (CS078). Where the byte code is plain arithmetic of x "
        "and numbers, the hint shows it; nothing checks that but you.",
    ),
    "CS083": Code(
        "what the backends do otherwise",
        "Theano reverses kernels, and splits the padding of 'same' in another way for even "
        "kernels and for strides. How much a reversed kernel differs is measured on the "
        "weights: 0% for a symmetric one, about 141% for one without any symmetry.",
        "Say --semantics tensorflow or --semantics theano; the layers named compute other "
        "numbers under the two.",
    ),
    "CS084": Code(
        "a folder as one weight file",
        "The .npy and .npz files in the folder, and in its own folders, were read as one "
        "weight file. An array is named by its file, without the ending, and in a .npz by "
        "file/member. Other files were left.",
        "Nothing, where these are the weights; else give one file.",
    ),
    "CS085": Code(
        "over budget",
        "The spec states with 'budget' what the model may take at most, and it takes more. The "
        "hint adds up what it takes, with the layers that take most of it.",
        "Make those layers cheaper, or raise the budget where the change is worth it.",
    ),
    "CS086": Code(
        "budget that cannot be held",
        "A length of the input is open (null), and what the budget limits grows with it.",
        "Give the input its lengths, or limit parameters alone.",
    ),
    "CS087": Code(
        "variance without a root",
        "BatchNormalization divides by the root of running_std, a variance, plus epsilon. Of a "
        "number below 0 there is none, and all values of that channel become NaN.",
        "Check where the weights come from: often tensors of the layer were mixed up, or a "
        "standard deviation was taken for a variance.",
    ),
    "CS088": Code(
        "not the axis of the channels",
        "BatchNormalization normalises along another axis than the one that holds the channels "
        "of what it reads. Its default, -1, is the columns of an image in 'th' ordering. Keras "
        "does so too, and the numbers follow.",
        "Write the axis that the hint names, or nothing if this is meant: a model that was "
        "trained so needs it so.",
    ),
}
