"""CS090 to CS109: initialisers, constraints, and files of weights."""

from __future__ import annotations

from speccompiler.diagnostics.codes.code import Code, Kind

CODES = {
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
        "A weight breaks the constraint that its layer declares; training would have projected it.",
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
        Kind.IO,
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
        Kind.IO,
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
}
