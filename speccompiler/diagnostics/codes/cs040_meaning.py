"""CS040 to CS059: what a spec means: who wrote it, conventions, shapes and axes."""

from __future__ import annotations

from speccompiler.diagnostics.codes.code import Code

CODES = {
    "CS040": Code(
        "written by a later Keras",
        "The file names a release of Keras after 3, whose arguments and numbers may differ.",
        "Save the model with a release of Keras 3, or write a native spec.",
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
        "Use a smaller kernel or pool, border_mode 'same', or a larger input; check dim_ordering.",
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
}
