"""CS110 to CS128: array files that are read and written, and converted pairs."""

from __future__ import annotations

from speccompiler.diagnostics.codes.code import Code, Kind

CODES = {
    "CS110": Code(
        "cannot read array file",
        "The file is missing, is a folder, may not be read, failed while being read, or is in "
        "Fortran order on a stream, where samples are not contiguous.",
        "Check the path and permissions; give a Fortran-order array by its path or save it in "
        "C order.",
        Kind.IO,
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
        Kind.IO,
    ),
    "CS121": Code(
        "no room for the output, or a write failed",
        "Space is reserved before the work starts. There is too little, or a device, a quota "
        "or a size limit stopped a write. No partial file is left under the output's name.",
        "Free the bytes that the message names, or write to another disk.",
        Kind.IO,
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
}
