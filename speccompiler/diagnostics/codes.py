"""Every diagnostic code: its title, why it is a problem, and what to do.

``convspec explain CODE`` shows one entry; ``docs/diagnostics.md`` shows all.
Codes are stable: a retired code is never given another meaning.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class Code:
    """A documented kind of finding."""

    title: str
    why: str
    fix: str


CODES: Mapping[str, Code] = MappingProxyType(
    {
        "CS001": Code(
            "cannot read file",
            "The path is missing, a folder where a file is wanted, not permitted, or not a "
            "regular file.",
            "Check the name and permissions; send a stream to standard input as '-'.",
        ),
        "CS002": Code(
            "not UTF-8 text",
            "The bytes are not UTF-8, hold control characters, or are another format (HDF5, zip, "
            "NumPy, pickle, UTF-16).",
            "Save the spec as UTF-8 and remove the character named.",
        ),
        "CS003": Code(
            "syntax error",
            "The text is not valid YAML or JSON at this place, a standard tag does not fit its "
            "value, or an alias has no anchor.",
            "Follow the hint; quote text that holds special characters.",
        ),
        "CS004": Code(
            "duplicate key",
            "A mapping has the same key twice. Most readers silently take the last, so one of the "
            "two would have no effect.",
            "Keep one of the two.",
        ),
        "CS005": Code(
            "spec too large",
            "A spec is at most 16 MiB of text.",
            "Keep arrays in .npy, .npz or .safetensors files and refer to them.",
        ),
        "CS006": Code(
            "nested too deep",
            "Lists and mappings may nest 64 deep, aliases included.",
            "Flatten the structure.",
        ),
        "CS007": Code(
            "too many values",
            "With aliases counted as copies, the document holds over 1,000,000 values: a small "
            "file can unfold into one that fills the memory.",
            "Use fewer aliases; move arrays to files.",
        ),
        "CS008": Code(
            "cyclic anchor",
            "An alias stands inside its own anchor, so the value would contain itself.",
            "Write the repeated part out.",
        ),
        "CS009": Code(
            "unsafe tag",
            "YAML tags can ask a loader to run code. Only tags that are plain data are read: "
            "!!python/tuple, Python 2's string tags, the numbers that Keras wrote through NumPy, "
            "and YAML's own !!str, !!int, !!float, !!bool, !!null, !!seq, !!map. Nothing was "
            "executed.",
            "Remove the tag and write plain data, or use the JSON file of the same model.",
        ),
        "CS010": Code(
            "key is not text",
            "A key is a number, a boolean, null, a list or a mapping, or it is missing.",
            "Put the key in quotes, or write the missing one.",
        ),
        "CS011": Code(
            "several documents",
            "A file holds one spec; a second '---' starts another.",
            "Put each document in a file of its own.",
        ),
        "CS012": Code(
            "empty document",
            "The text holds no value at all.",
            "Write a spec in it; it starts with 'convspec: 1'.",
        ),
        "CS013": Code(
            "number not finite or out of range",
            "NaN or Infinity in JSON, a number beyond 1.8e308, or an integer that is too long.",
            "Write a finite number, or quote it if it is text.",
        ),
        "CS014": Code(
            "too many findings",
            "Reading stopped after 100 findings in one file.",
            "Mend those listed and run again.",
        ),
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
            "The layer exists in Keras 1.x, but this version of convspec does not run it. It is "
            "refused rather than skipped: skipping would change the numbers.",
            "Replace it by supported layers where that is exact.",
        ),
        "CS029": Code(
            "duplicate layer name",
            "Weights, reports and --layer find a layer by its name, so two layers cannot share "
            "one.",
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
            "Write the call as the hint shows, for example max(a, b); nest calls for more than "
            "two.",
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
        "CS040": Code(
            "not written by Keras 1.x",
            "The file's version or form says that another Keras wrote it, whose arguments and "
            "numbers differ.",
            "Export the model with the Keras it was made with, 0.1 to 1.2.2, or write a native "
            "spec.",
        ),
        "CS041": Code(
            "dim_ordering unknown",
            "Keras 1.x never stored dim_ordering for UpSampling and ZeroPadding layers, and "
            "nothing else in the file tells it. The result depends on it.",
            "Pass --dim-ordering th or --dim-ordering tf: what the machine that made the model "
            "was set to.",
        ),
        "CS042": Code(
            "dim_ordering inferred",
            "Keras 1.x never stored dim_ordering for these layers. All layers that do store it "
            "agree, so they are taken to agree as well.",
            "Nothing, if that is right; otherwise pass --dim-ordering.",
        ),
        "CS043": Code(
            "softmax needs rank 2 or 3",
            "Keras 1.x applies softmax to the last axis of a tensor with 2 or 3 axes, batch axis "
            "included, and refuses any other.",
            "Flatten or reshape before it, or use another activation.",
        ),
        "CS044": Code(
            "no positive output size",
            "The window is longer than what it slides over, so the output would be empty.",
            "Use a smaller kernel or pool, border_mode 'same', or a larger input; check "
            "dim_ordering.",
        ),
        "CS045": Code(
            "channels unknown",
            "A kernel's shape depends on the number of input channels, so that number cannot be "
            "left open.",
            "Give the channel axis of input_shape a number; only spatial lengths may be null.",
        ),
        "CS046": Code(
            "sizes do not multiply up",
            "Reshape keeps the number of values, and the target shape holds another number.",
            "Correct target_shape; one of its sizes may be -1.",
        ),
        "CS047": Code(
            "value too large",
            "A layer's output for one sample would hold over 2**60 values (for an open "
            "length: times its number). No machine holds that; usually one size has digits too "
            "many.",
            "Correct the size or the factor of the layer named, or of one before it.",
        ),
        "CS048": Code(
            "a regulariser that the file does not hold",
            "Keras 1.x writes SeparableConvolution2D's depthwise regulariser under the name of the "
            "pointwise one as well. What the pointwise kernel was trained with is lost.",
            "Nothing for a forward pass. For penalties, write the model as a native spec with the "
            "regulariser that you know.",
        ),
        "CS049": Code(
            "declared input passed over",
            "In a Keras file a layer that reads another one declares an input shape that is not "
            "what it gets: its author gave input_shape to every layer. Keras looks at it on the "
            "first layer alone.",
            "Nothing: the shapes are those that the layers before it give.",
        ),
        "CS050": Code(
            "semantics undecided",
            "TensorFlow correlates and Theano convolves (flips the kernel), and they split 'same' "
            "padding differently, so the same weights give other numbers. A Keras 1.x file does "
            "not say which backend trained it, and convspec does not guess.",
            "Pass --semantics tensorflow or --semantics theano. Names of weights that end in ':0' "
            "hint at TensorFlow.",
        ),
        "CS051": Code(
            "the original fails here",
            "Theano 0.9's 3-D 'same' pooling with a window of 1 returned NaN or fewer values than "
            "Keras announced, and its transposed 'same' convolution with an even kernel cut its "
            "output off. There is no number to reproduce.",
            "Nothing: the result follows the rule of the layers that work. Check that this is what "
            "the model meant.",
        ),
        "CS052": Code(
            "open lengths",
            "A plan needs every length; the spec leaves some null.",
            "Give the shape of one sample, for example --input-shape 128,64; run takes it from "
            "the array.",
        ),
        "CS053": Code(
            "read as the old Keras did",
            "Keras before 1.1.1 used only the first two of a ZeroPadding2D's four numbers, as "
            "rows and columns on both sides, and up to 1.0.5 (on Theano 1.0.6) "
            "BatchNormalization's running_std held the standard deviation. The file says that such "
            "a version wrote it, or it names none, as those before 1.0.4 do; its numbers are "
            "reproduced. What only later versions wrote in a layer tells that one of them wrote a "
            "file that names none.",
            "Nothing, if the model was trained there: write the two numbers, or the keras_version "
            "that is missing, to confirm it. A model_config that was copied out of an HDF5 file "
            "lacks the keras_version that the file has beside it: add it.",
        ),
        "CS054": Code(
            "names speak of another backend",
            "Keras on TensorFlow named its variables 'conv1_W:0', on Theano 'conv1_W'. The names "
            "are those of one, and the run asks for the numbers of the other. Files can have been "
            "converted, so this is a warning.",
            "Pass the --semantics that the names speak of, unless you know that the weights were "
            "converted.",
        ),
        "CS055": Code(
            "not on that backend, or not in that release",
            "As an error: the profile names a release whose Keras refuses this (Theano 0.8 has no "
            "3-D 'same' pooling, and convolves volumes with 'same' at stride 1 alone, never with "
            "'full'). As a note: Keras refused this layer on the backend that the semantics name, "
            "and convspec computes it by its definition. TensorFlow has no border_mode 'full', no "
            "strides beside a dilation, no rates that differ; Theano no separable convolution.",
            "Of the note nothing, if the model is your own; a model that was trained ran on the "
            "other backend, or on an older release that the note names. Of the error: use the "
            "profile of the later release, or arguments that both have.",
        ),
        "CS056": Code(
            "numbers depend on the batch",
            "BatchNormalization with mode 2 takes mean and variance from the batch at hand, in a "
            "forward pass too. The same sample gives other numbers beside other samples.",
            "Give the batch size that the numbers are to be compared with: --batch-size. Keras's "
            "predict took 32.",
        ),
        "CS057": Code(
            "no such axis",
            "An argument names an axis that the layer's input does not have, or one that it cannot "
            "work along.",
            "Count the axes as the message says.",
        ),
        "CS058": Code(
            "output_shape does not fit",
            "A transposed convolution can give several lengths; output_shape picks one of them. "
            "This one is not among them, or it is in the other dim_ordering.",
            "Write the shape that the convolution it transposes would take.",
        ),
        "CS059": Code(
            "layer cannot be applied to steps",
            "TimeDistributed adds an axis to those of the layer that it applies, and kernels have "
            "three spatial axes at most; a Merge in mode dot or cos has no axis for steps either. "
            "Such a layer is applied to 256 steps at most, one by one, and their number has to be "
            "known.",
            "Say how many steps there are, apply a 1-D or 2-D layer, or split the steps into "
            "inputs of their own.",
        ),
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
            "The file holds two models or more, in a mapping, a list or line by line, and one is "
            "read.",
            "Write the one that is meant into a file of its own.",
        ),
        "CS074": Code(
            "argument of training passed over",
            "A Keras file holds what its author defined in an argument that only training uses: "
            "the name of their own initialiser, regulariser or constraint, or a value of another "
            "kind; or a learning rate for one layer, which forks of Keras wrote. A forward pass "
            "with given weights needs none of it.",
            "Nothing, unless you ask for its effect with --seed, --penalties or "
            "--apply-constraints.",
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
        "CS090": Code(
            "wrong number of weights",
            "A layer takes its kernel W and, unless bias is false, its bias b, in this order.",
            "Give one entry for each.",
        ),
        "CS091": Code(
            "initialiser cannot fill this shape",
            "'identity' is defined for square matrices only, and 'orthogonal' on a very large "
            "matrix would take hours.",
            "Use another initialiser such as glorot_uniform, or give the weights.",
        ),
        "CS092": Code(
            "constraint axis does not exist",
            "A constraint measures norms over axes of the weight, and the axis named is not one "
            "of them, or is named twice.",
            "Name axes that exist: for a 'tf' 2-D kernel usually [0, 1, 2], for 'th' [1, 2, 3].",
        ),
        "CS093": Code(
            "regulariser needs a matrix",
            "The eigenvalue penalty is defined for tensors of rank 2 only; convolution kernels "
            "have more.",
            "Use an l1 or l2 regulariser.",
        ),
        "CS094": Code(
            "random weights",
            "Nothing gives these weights, so they were drawn by each layer's init from the seed. "
            "The numbers mean nothing but are the same every time.",
            "Pass --weights FILE for a real result.",
        ),
        "CS095": Code(
            "no weights",
            "A forward pass needs every tensor, and convspec does not draw them unasked.",
            "Give --weights FILE, name weights in the spec, or pass --seed N.",
        ),
        "CS096": Code(
            "constraint violated",
            "A weight breaks the constraint that its layer declares; training would have "
            "projected it.",
            "Check that the weights belong to the model, or pass --apply-constraints.",
        ),
        "CS097": Code(
            "weights not finite",
            "A tensor holds NaN or infinity, and so will outputs that depend on it.",
            "Check where the weights come from.",
        ),
        "CS098": Code(
            "output not finite",
            "The output holds NaN or infinity: the input or the weights do, or a number grew "
            "beyond what float32 can hold.",
            "Check the input and the weights; --layer shows where it begins.",
        ),
        "CS100": Code(
            "cannot read weight file",
            "The file is missing, is not an ordinary file (a pipe, a device), may not be read, or "
            "is of another format: pickles, checkpoints and archives of other programs are not "
            "unpacked. The first bytes of a file say what it is, whatever its name. A folder "
            "counts where it holds .npy or .npz files.",
            "Check the path and permissions; weights are read from .npy, .npz, .safetensors, .h5 "
            "and .hdf5.",
        ),
        "CS101": Code(
            "not a valid weight file",
            "The content is truncated, damaged, declares sizes it does not hold, keeps its data in "
            "another file, or is an archive with two members of one name or bytes in front. "
            "Nothing was allocated or executed on its word.",
            "Write or copy the file again.",
        ),
        "CS102": Code(
            "unusable numbers",
            "The tensor holds objects, text, complex, structured or other data that does not "
            "convert to float32, or a float64 value too large for it.",
            "Store the tensor as float32.",
        ),
        "CS103": Code(
            "tensor not found",
            "A reference names no tensor in a file of several, or one that the file does not hold.",
            "Write file.npz#name with one of the names listed.",
        ),
        "CS104": Code(
            "optional package missing",
            "HDF5 files are read through h5py, which is not part of the basic install.",
            'pip install "convspec[hdf5]"',
        ),
        "CS105": Code(
            "weights do not match the model",
            "The file lacks tensors that the model needs, holds tensors that it does not use, or "
            "gives one tensor twice. Guessing would silently give wrong numbers.",
            "Use the file that belongs to the model, or name its tensors <layer>/W and <layer>/b.",
        ),
        "CS106": Code(
            "wrong tensor shape",
            "A stored tensor's shape is not the one that the layer's arguments require.",
            "Check the layer's arguments and dim_ordering, and that the file belongs to the model.",
        ),
        "CS107": Code(
            "link not followed",
            "A soft or external link stands where a tensor is looked for. It may lead anywhere, "
            "so convspec reads only what lies in the file itself.",
            "Copy the tensors into one file.",
        ),
        "CS108": Code(
            "weights matched in another way",
            "The names in the file are not those of the model. In an HDF5 file of Keras the order "
            "of the layers decided, as in Keras's load_weights; arrays with numbers for names were "
            "taken in the order of get_weights(), and others where each fits one tensor alone by "
            "its shape. Or layers of the file were left, as --weights-by name does, or because "
            "--replace says what they compute.",
            "Compare the pairs that the note names; --weights-by decides otherwise.",
        ),
        "CS109": Code(
            "names and order disagree",
            "All names in the file fit, and so does the order of its layers, but they give "
            "different tensors. Keras's load_weights takes the order, with by_name the names.",
            "Say --weights-by topology or --weights-by name.",
        ),
        "CS110": Code(
            "cannot read array file",
            "The file is missing, is a folder, may not be read, failed while being read, or is in "
            "Fortran order on a stream, where samples are not contiguous.",
            "Check the path and permissions; give a Fortran-order array by its path or save it in "
            "C order.",
        ),
        "CS111": Code(
            "not a .npy file",
            "Inputs are single arrays in NumPy's .npy format, 1.0 to 3.0, or .npz archives of "
            "them. The file is something else, or its header is malformed. Pickles are never "
            "unpacked.",
            "Save one array with numpy.save; the message says what the file looks like.",
        ),
        "CS112": Code(
            "array data cut off or followed by more",
            "The bytes after the header must be exactly as many as its shape and type announce; "
            "otherwise samples would be missing or silently ignored.",
            "Write or copy the whole file again, one array to a file.",
        ),
        "CS113": Code(
            "element type cannot be used",
            "Inputs become float32. Only booleans, integers and 16-, 32- and 64-bit floats "
            "convert without a choice that is yours. Objects would need unpickling.",
            "Convert before saving, for example array.astype('float32'); of complex numbers "
            "choose the real part or the magnitude.",
        ),
        "CS114": Code(
            "no usable axis of samples",
            "The first axis counts samples. A 0-d array has none, and an array of empty samples "
            "holds nothing to compute.",
            "Save the array with shape (samples, ...), every other axis at least 1 long.",
        ),
        "CS115": Code(
            "a batch does not fit in memory",
            "One batch of the announced shape needs more memory than can be had.",
            "Choose a smaller --batch-size, and check that the array's shape is what you expect.",
        ),
        "CS116": Code(
            "wrong number of axes in the array",
            "The array must have one axis more than the model's input: the first counts samples.",
            "Reshape the array, or correct the spec's input_shape.",
        ),
        "CS117": Code(
            "wrong shape",
            "The array's samples do not have the shape that the model takes.",
            "Check for channels-first and channels-last confusion, the image size, and the number "
            "of channels.",
        ),
        "CS118": Code(
            "no sample",
            "The array's first axis is 0 long: there is nothing to run.",
            "Check what wrote the array.",
        ),
        "CS119": Code(
            "batch axis missing",
            "The array is a single sample as it is; the model takes several, with an axis in "
            "front that counts them.",
            "Save x[None] instead of x.",
        ),
        "CS120": Code(
            "output cannot be created",
            "The target is a folder, lies in a missing or read-only folder, is write-protected, "
            "or its name promises another format than .npy. Nothing was written.",
            "Name a .npy file in an existing folder that you may write to.",
        ),
        "CS121": Code(
            "no room for the output, or a write failed",
            "Space is reserved before the work starts. There is too little, or a device, a quota "
            "or a size limit stopped a write. No partial file is left under the output's name.",
            "Free the bytes that the message names, or write to another disk.",
        ),
        "CS123": Code(
            "input converted",
            "The array was not float32 and is converted batch by batch.",
            "Nothing; save float32 to avoid the work.",
        ),
        "CS124": Code(
            "input arrays missing or unknown",
            "A model with several inputs takes an array for each, by the names that convspec "
            "shapes prints.",
            "Give --input NAME=FILE for each, or one .npz whose members have these names.",
        ),
        "CS125": Code(
            "inputs of different lengths",
            "The arrays of a run hold the same samples, in the same order, along their first axis.",
            "Check which array lacks samples.",
        ),
        "CS126": Code(
            "number of no row",
            "An Embedding looks its input's values up in a table, and this value is none of the "
            "table's rows. TensorFlow and Theano stop here as well.",
            "Check that the array was numbered as the model was trained, and input_dim.",
        ),
        "CS127": Code(
            "weights of another conversion",
            "A spec that `convspec convert` wrote holds the digest of its tensors "
            "(`weights_sha256`). The file that it names holds others: an interrupted conversion "
            "left one new and one old file, or one of them was replaced, changed or damaged.",
            "Convert the model again. To run other weights on purpose, take `weights_sha256` out "
            "of the spec.",
        ),
        "CS128": Code(
            "weights that were converted for another spec",
            "The file that `--weights` names was written by `convspec convert` beside another spec "
            "than this one. Under other semantics its kernels are reversed, under another "
            "dim_ordering transposed.",
            "Give the spec that was converted together with them.",
        ),
        "CS130": Code(
            "not enough memory",
            "The run needs more memory than the machine has free. It was not started.",
            "Use a smaller --batch-size, a smaller input or a smaller model.",
        ),
        "CS131": Code(
            "unknown target",
            "A plan runs on the CPU, on an NVIDIA GPU, or on the float64 reference that judges "
            "both.",
            "Choose one of the targets listed.",
        ),
        "CS132": Code(
            "no such layer",
            "An extra output was asked for by a name that no layer of the model has.",
            "Take the name that the hint suggests; `convspec shapes` lists all of them.",
        ),
        "CS133": Code(
            "no GPU to run on",
            "A GPU run needs the extra cuda12 or cuda13, an NVIDIA driver of at least that "
            "CUDA version, and a GPU of compute capability 7.5 or later. The message says which "
            "is missing.",
            "Follow the hint; `convspec doctor` shows what was found.",
        ),
        "CS134": Code(
            "not enough GPU memory",
            "Batches are cut to what the GPU has free, but one sample and the weights have to "
            "fit, and other programs may take memory during a run.",
            "Use another GPU, a smaller input, --target cpu, or end what else runs on the GPU.",
        ),
        "CS135": Code(
            "the GPU failed",
            "The driver reported an error during a run: a fault of the hardware, a driver that "
            "was updated under way, or a bug in a kernel.",
            "Run again; if it comes back, compare with --target cpu and report it with the "
            "output of `convspec doctor`.",
        ),
        "CS140": Code(
            "recorded arrays do not fit the model",
            "Arrays were given for inputs or layers that the model does not have, or none "
            "for one that it needs.",
            "Name the arrays after the model's inputs and layers.",
        ),
        "CS141": Code(
            "recorded output of another shape",
            "A recorded output can be compared only with an output of its own shape.",
            "Check which model and which dim_ordering it was recorded from.",
        ),
        "CS142": Code(
            "output differs from what was recorded",
            "A value is off by more than the tolerance times the largest recorded value.",
            "Record outputs of inner layers and give them with --layer: the first that differs "
            "shows where to look.",
        ),
        "CS150": Code(
            "no equal under the other semantics",
            "A reversed kernel makes up for the other direction of a convolution, but not for "
            "windows that stand elsewhere: the two backends split the padding of 'same' "
            "differently for even kernels, strides and some pools.",
            "Keep the semantics, or pad with a ZeroPadding layer and border_mode 'valid'.",
        ),
        "CS151": Code(
            "no equal in the other dim_ordering",
            "TimeDistributed applies a layer with a dim_ordering of its own, a shared layer would "
            "need other arguments at each call, or the layers have both orderings already: no "
            "change of arguments and weights, and no Permute, makes up for that.",
            "Keep the dim_ordering, or rebuild that part of the model by hand.",
        ),
    }
)


def as_markdown() -> str:
    """The page ``docs/diagnostics.md``."""
    lines = [
        "# Diagnostics",
        "",
        "Every finding has a stable code. `convspec explain CS012` shows one entry of this page.",
        "Errors make a command fail; warnings and notes do not.",
        "",
    ]
    for name, code in CODES.items():
        lines += [f"## {name}: {code.title}", "", code.why, "", f"**What to do:** {code.fix}", ""]
    return "\n".join(lines)
