"""Every code of a change: its name, its impact where nobody configures another, what it means.

``convspec explain CD301`` shows one; ``docs/reference/changes.md`` shows all. Codes are stable: a
retired one is never given another meaning. CD8 is for what is found in the values of weights.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from speccompiler.comparing.impact import Impact
from speccompiler.frozen import dataclass


@dataclass(frozen=True, slots=True)
class ChangeCode:
    """``name`` is a few words, ``explanation`` one paragraph for somebody who reviews a change."""

    name: str
    impact: Impact
    explanation: str


BREAKING, COST, NOTE = Impact.BREAKING, Impact.COST, Impact.NOTE
GROUPS: Mapping[str, str] = {
    "CD0": "files",
    "CD1": "inputs and outputs of the model",
    "CD2": "layers and how they are connected",
    "CD3": "arguments of a layer",
    "CD4": "shapes",
    "CD5": "weights",
    "CD6": "semantics of the model",
    "CD7": "cost",
}
CODES: Mapping[str, ChangeCode] = MappingProxyType(
    {
        "CD001": ChangeCode(
            "model added",
            NOTE,
            "A file with a model is there that was not there before.",
        ),
        "CD002": ChangeCode(
            "model removed",
            BREAKING,
            "A file with a model is gone. Whatever names it no longer finds it.",
        ),
        "CD003": ChangeCode(
            "file renamed",
            NOTE,
            "The file lies elsewhere or has another name; its model is compared with what it was. "
            "A file that keeps at least half of its lines is taken for the same one.",
        ),
        "CD004": ChangeCode(
            "model without errors again",
            NOTE,
            "The old version of the file has errors and the new one has none, so that there is "
            "nothing to compare with. Where two files are named, such errors are reported instead.",
        ),
        "CD101": ChangeCode(
            "input added",
            BREAKING,
            "The new model takes an input that the old one did not have. A run that names the old "
            "inputs alone is refused.",
        ),
        "CD102": ChangeCode(
            "input removed",
            BREAKING,
            "The new model no longer takes this input. A run that gives it is refused.",
        ),
        "CD103": ChangeCode(
            "shape of an input",
            BREAKING,
            "Arrays of the old shape are refused. A length that was open and is fixed now, or the "
            "other way round, is such a change too.",
        ),
        "CD104": ChangeCode(
            "input renamed",
            BREAKING,
            "A model with several inputs is given them by name: archives and calls that use the "
            "old name are refused. It is a note where the model has a single input, which is "
            "given without its name.",
        ),
        "CD105": ChangeCode(
            "order of the inputs",
            BREAKING,
            "Inputs that are given as a list, without names, now mean others.",
        ),
        "CD106": ChangeCode(
            "type of an input",
            BREAKING,
            "The input is converted to another type before the first layer: a whole number or a "
            "half loses digits that float32 keeps, so that outputs can differ.",
        ),
        "CD111": ChangeCode(
            "output added",
            BREAKING,
            "The new model gives one more output. A run gives a list or an archive where it gave "
            "one array, or a longer one.",
        ),
        "CD112": ChangeCode(
            "output removed",
            BREAKING,
            "The new model no longer gives this output.",
        ),
        "CD113": ChangeCode(
            "shape of an output",
            BREAKING,
            "What reads the model's output meets arrays of another shape.",
        ),
        "CD114": ChangeCode(
            "output renamed",
            BREAKING,
            "Outputs of a model with several are found by name, in archives and in Python. It is "
            "a note where the model has a single output.",
        ),
        "CD115": ChangeCode(
            "order of the outputs",
            BREAKING,
            "The model gives the same outputs in another order.",
        ),
        "CD201": ChangeCode(
            "layer inserted",
            BREAKING,
            "A layer that the old model does not have changes what passes through it. Layers after "
            "it that only read its output instead of what came before it are not changed "
            "themselves, and are not listed as such.",
        ),
        "CD202": ChangeCode(
            "layer removed",
            BREAKING,
            "A layer of the old model is gone, and its tensors with it. Layers after it read what "
            "it read.",
        ),
        "CD203": ChangeCode(
            "layer renamed",
            NOTE,
            "The layer is the same, at the same place of the graph, under another name. What its "
            "name is used for is told by changes of their own: CD504 for its weights, CD104 and "
            "CD114 for inputs and outputs. Names that are a type and a number, as Keras makes "
            "them, are renamed without a change being reported where the layer has no weights.",
        ),
        "CD204": ChangeCode(
            "layer moved",
            BREAKING,
            "The layer is called at another place of the graph: between other layers than before.",
        ),
        "CD205": ChangeCode(
            "layer of another type",
            BREAKING,
            "A layer of another type stands where the old one stood, by its name or by what is "
            "around it. It is a note where both compute the same with the old inputs.",
        ),
        "CD206": ChangeCode(
            "layer reads something else",
            BREAKING,
            "The layer is connected to other layers than before. A layer that was renamed, "
            "inserted, removed or moved in front of it is no such change.",
        ),
        "CD207": ChangeCode(
            "inputs of a layer in another order",
            NOTE,
            "A sum, product, mean or maximum of the same values in another order. Two values give "
            "the same bits; with more, the last digits may differ.",
        ),
        "CD208": ChangeCode(
            "layer without effect inserted",
            NOTE,
            "A layer that passes its input on in a forward pass: Dropout and noise, an InputLayer, "
            "a linear activation, a padding of 0.",
        ),
        "CD209": ChangeCode(
            "layer without effect removed",
            NOTE,
            "A layer that passed its input on in a forward pass is gone: nothing else changes.",
        ),
        "CD210": ChangeCode(
            "layer without effect moved",
            NOTE,
            "A layer that passes its input on in a forward pass stands at another place.",
        ),
        "CD211": ChangeCode(
            "weights shared otherwise",
            BREAKING,
            "A call of the layer had weights of its own and now shares those of another call, or "
            "the other way round.",
        ),
        "CD301": ChangeCode(
            "argument changes the output shape",
            BREAKING,
            "With the inputs of the old model the layer gives values of another shape. What reads "
            "it may follow; CD401 says which layers do.",
        ),
        "CD302": ChangeCode(
            "argument changes numbers",
            BREAKING,
            "The shapes stay as they are, and the layer computes something else. This is decided "
            "by lowering the layer with the old and with the new value, not by the argument's "
            "name: it is told only where what is computed differs.",
        ),
        "CD303": ChangeCode(
            "argument makes no difference",
            NOTE,
            "The argument has another value, and the layer computes the same: 'same' instead of "
            "'valid' for a kernel of length 1, an axis counted from the other end.",
        ),
        "CD304": ChangeCode(
            "argument of training",
            NOTE,
            "Only training uses this argument: a rate of dropout, a regulariser, an initialiser "
            "where weights are given, whether the layer is trainable. A forward pass is the same.",
        ),
        "CD305": ChangeCode(
            "initialiser of drawn weights",
            BREAKING,
            "Both models draw this layer's weights from a seed, and the initialiser that draws "
            "them is another: a run without a weight file gives other numbers.",
        ),
        "CD306": ChangeCode(
            "weights that stand in the spec",
            BREAKING,
            "The layer's 'weights' hold other numbers.",
        ),
        "CD307": ChangeCode(
            "references to weights",
            NOTE,
            "The layer's 'weights' name other arrays. A comparison of two specs does not read "
            "them; 'convspec diff --weights' does.",
        ),
        "CD401": ChangeCode(
            "output shape of a layer",
            NOTE,
            "The layer gives values of another shape. Where the layer itself is not what changed "
            "it, the message names the layers that did.",
        ),
        "CD402": ChangeCode(
            "receptive field of an output",
            NOTE,
            "An output of the model sees more or fewer positions of the input, or all of it.",
        ),
        "CD403": ChangeCode(
            "stride of an output",
            NOTE,
            "Neighbouring values of an output lie at another distance in the input.",
        ),
        "CD501": ChangeCode(
            "weights of another shape",
            BREAKING,
            "Old weights of this layer no longer fit. Where a layer before it is the reason, as "
            "when it gives another number of channels, the message names it.",
        ),
        "CD502": ChangeCode(
            "weights that are new",
            BREAKING,
            "The new model needs tensors that old weight files do not have. A run with such a "
            "file is refused, unless a seed draws them.",
        ),
        "CD503": ChangeCode(
            "weights that nothing takes",
            BREAKING,
            "Tensors of the old model have no place in the new one.",
        ),
        "CD504": ChangeCode(
            "weights under another name",
            BREAKING,
            "The old values fit, and files name them after the old layer. Weight files are read by "
            "name: rename the tensors, or convert the old model with its weights first. HDF5 "
            "files of Keras can be read in the order of the layers, with --weights-by topology.",
        ),
        "CD505": ChangeCode(
            "name that had other weights",
            BREAKING,
            "An old weight file has tensors of this name and this shape, and they belong to "
            "another layer of the old model. They would be loaded without an error, and the "
            "outputs would be wrong. This happens when layers are numbered and one is inserted.",
        ),
        "CD601": ChangeCode(
            "semantics change numbers",
            BREAKING,
            "The model follows the rules of another backend or release: whether kernels are "
            "reversed, how 'same' is split, what BatchNormalization stores. The message names the "
            "layers that compute something else with the same weights.",
        ),
        "CD602": ChangeCode(
            "semantics make no difference",
            NOTE,
            "The model follows the rules of another backend or release, and no layer computes "
            "anything else.",
        ),
        "CD603": ChangeCode(
            "semantics decided",
            NOTE,
            "One of the models does not say whose rules it follows, as files of Keras never do, "
            "and numbers depend on it. It was compared by the rules of the other one; "
            "--semantics decides for both.",
        ),
        "CD604": ChangeCode(
            "seed of drawn weights",
            BREAKING,
            "Weights that nothing gives are drawn from another seed. It is a note where no weights "
            "are drawn from it in both models.",
        ),
        "CD605": ChangeCode(
            "weights of the model",
            NOTE,
            "The spec names another file of weights. A comparison of two specs does not read it; "
            "'convspec diff --weights' does. It is breaking where both specs hold the digest of "
            "their weights and the digests differ.",
        ),
        "CD606": ChangeCode(
            "batch of a stateful model",
            BREAKING,
            "The model is stateful, and a batch has another number of samples: each goes on with "
            "the state of another one, and an array of samples is other sequences.",
        ),
        "CD607": ChangeCode(
            "the same numbers in another form",
            NOTE,
            "One file says by other layers or operations what the other one says, as a file does "
            "that convspec convert wrote: both hold their weights, and compute the same numbers "
            "but for rounding. That is shown by their operations or, where these differ, by what "
            "both give for random samples. Their layers are not compared further.",
        ),
        "CD701": ChangeCode(
            "parameters",
            COST,
            "The model stores more or fewer numbers: the size of its weights.",
        ),
        "CD702": ChangeCode(
            "multiply-adds",
            COST,
            "A sample takes more or less work.",
        ),
        "CD703": ChangeCode(
            "activation bytes",
            COST,
            "The outputs of all layers together take more or less memory for a sample. It is a "
            "note where only layers without an effect came or went.",
        ),
        "CD704": ChangeCode(
            "peak memory",
            COST,
            "The plan needs more or less memory at its worst moment, for a batch of 1 and with "
            "its weights.",
        ),
    }
)


def as_markdown() -> str:
    """The page ``docs/reference/changes.md``."""
    lines = [
        "# Changes",
        "",
        "What `convspec diff` reports, by its codes. `convspec explain CD301` shows one entry of "
        "this page. Each has an impact: `breaking`, where an input or output changes, old weights "
        "no longer fit or numbers change; `cost`, where resources change; `note`, where a user of "
        "the model would notice nothing.",
        "",
    ]
    group = ""
    for name, code in CODES.items():
        if name[:3] != group:
            group = name[:3]
            title = GROUPS[group]
            lines += [f"## {title[0].upper()}{title[1:]}", ""]
        lines += [f"### {name}: {code.name}", "", f"`{code.impact}`", "", code.explanation, ""]
    return "\n".join(lines)
