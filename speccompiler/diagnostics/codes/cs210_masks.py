"""CS210 to CS213: masks that travel, and states that are carried."""

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
}
