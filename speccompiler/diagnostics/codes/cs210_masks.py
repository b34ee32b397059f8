"""CS210 to CS214: masks that travel, and states that are carried."""

from __future__ import annotations

from speccompiler.diagnostics.codes.code import Code

CODES = {
    "CS210": Code(
        "layer that takes no mask",
        "Masking and an Embedding with mask_zero mark steps as not there, and the mark travels "
        "with the values to the recurrent layers that skip these steps. Most layers that change "
        "the steps do not know what becomes of it, and Keras refuses to build such a model. In a "
        "native spec this counts only where a recurrent layer follows.",
        "Follow the hint: put the Masking behind the layer, wrap a Dense into TimeDistributed, or "
        "leave the mask out.",
    ),
    "CS211": Code(
        "mask that ends",
        "A mask reached a layer that cannot pass it on, so no layer behind it skips steps. "
        "tf.keras and Keras 3 go on without the mask; in a native spec nothing that follows would "
        "have read it.",
        "Nothing, where that is meant. Else put the Masking behind the layer.",
    ),
    "CS212": Code(
        "samples that make no whole batches",
        "In a stateful model the n-th sample of a batch goes on where the n-th of the batch before "
        "ended, so the size of a batch belongs to the model: batch_input_shape says it. As in "
        "Keras, samples are given batch after batch.",
        "Give a multiple of the batch size, leave --batch-size out, or begin run_stateful with a "
        "state of as many rows as samples are to be in a batch.",
    ),
    "CS213": Code(
        "state that cannot be carried",
        "A stateful model is run batch after batch, each with the states that the one before has "
        "left. Tiles, clusters and Dask compute in any order, and inside TimeDistributed or in a "
        "shared layer there is no one state to carry.",
        "Leave out what the message names. Where each sample is a sequence of its own, write "
        "stateful: false.",
    ),
    "CS214": Code(
        "state of another model",
        "The state that goes into run_stateful has an array for each state of each stateful layer, "
        "with a row for each sample of a batch.",
        "Give what run_stateful returned, or None to begin with zeros.",
    ),
}
