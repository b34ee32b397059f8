"""Puts the owner's answers where layers stand that are code: between reading and validating.

    a -> lambda_1 -> b        a -> lambda_1_1 -> lambda_1 -> b

The last layer of an answer has the replaced layer's name, so that everything that reads it, or
asks for it, finds it; those before it are numbered.
"""

from __future__ import annotations

from collections import abc
from dataclasses import replace

from speccompiler.diagnostics.core import Diagnostic, Problem, did_you_mean, has_errors
from speccompiler.diagnostics.wording import shown
from speccompiler.loading.replacement.answers import Answer, answer_layers
from speccompiler.loading.replacement.replaceable_layers import ReplaceableLayer, replaceable_layers
from speccompiler.loading.tree_reading import ProblemAt
from speccompiler.loading.written_spec import WrittenCall, WrittenLayer, WrittenSpec, own_name
from speccompiler.source.saved_models import text_at
from speccompiler.source.tree import Entry, Mapping, Scalar

DECLARED = ("batch_input_shape", "input_shape", "input_dtype")
"""What a first layer says of the model's input: the layer that replaces it says it as well."""


def insert_answers(written: WrittenSpec, answers: abc.Mapping[str, Answer]) -> list[Diagnostic]:
    """Answer the layers in place; CS077 for a name that cannot be answered, CS078."""
    found: list[Diagnostic] = []
    whole = not has_errors(written.diagnostics)
    replaceable = replaceable_layers(written)
    waiting = {layer.name: layer for layer in replaceable}
    taken = {name for entry in written.layers if (name := own_name(entry)) is not None}
    chains: dict[int, list[WrittenLayer]] = {}
    for name, answer in answers.items():
        if name not in waiting:
            if whole:
                found.append(_not_there(written, answer, replaceable))
            continue
        try:
            layers = answer_layers(answer)
            for layer in (layer for layer in replaceable if layer.name == name):
                chains[layer.number] = _chain(written.layers[layer.number], layer, layers, taken)
        except ProblemAt as placed:
            found.append(placed.problem.at(file=answer.file, span=placed.span, layer=name))
    _splice(written, chains)
    return found


def _not_there(
    written: WrittenSpec, answer: Answer, replaceable: abc.Sequence[ReplaceableLayer]
) -> Diagnostic:
    names = [layer.name for layer in replaceable]
    known = {name: entry for entry in written.layers if (name := own_name(entry)) is not None}
    listed = ", ".join(shown(name) for name in names[:12])
    if answer.name in known:
        problem = Problem(
            "CS077",
            f"layer '{shown(answer.name)}' is a {known[answer.name].type}, which runs as it is: "
            "only Lambda and custom layers are replaced",
            f"those of this model are {listed}" if names else "this model has none of them",
        )
    else:
        problem = Problem(
            "CS077",
            f"no layer of the model is named '{shown(answer.name)}'",
            did_you_mean(answer.name, names)
            or (f"its Lambda and custom layers: {listed}" if names else None)
            or did_you_mean(answer.name, known)
            or "this model has no Lambda and no custom layer",
        )
    return problem.at(file=answer.file, span=answer.span)


def _chain(
    entry: WrittenLayer,
    layer: ReplaceableLayer,
    answer: abc.Sequence[WrittenLayer],
    taken: set[str],
) -> list[WrittenLayer]:
    """The layers of an answer with their names, in the wrapper that held the layer."""
    own = own_name(entry) or layer.name
    chain = []
    for number, one in enumerate(answer, start=1):
        last = number == len(answer)
        given = one.arguments.entries.get("name")
        if last and given is not None and own_name(one) not in {None, layer.name}:
            raise ProblemAt(
                given.value.span,
                Problem(
                    "CS078",
                    f"the last layer of an answer is named '{shown(layer.name)}', as what it "
                    "replaces",
                    "leave 'name' out",
                ),
            )
        name = own if last else (own_name(one) or _free(f"{own}_{number}", taken))
        taken.add(name)
        held = entry.arguments.entries
        at = Entry(layer.span, Scalar(name, layer.span))
        if layer.inside:
            arguments = {**held, "layer": Entry(layer.span, _written_out(one)), "name": at}
            if number > 1:
                arguments = {k: v for k, v in arguments.items() if k not in DECLARED}
            whole = Mapping(arguments, entry.arguments.span)
            chain.append(replace(entry, arguments=whole, answer=one.answer))
            continue
        declared = {k: held[k] for k in DECLARED if number == 1 and k in held}
        if not last and given is not None:
            at = given
        arguments = {**declared, **one.arguments.entries, "name": at}
        chain.append(replace(one, arguments=Mapping(arguments, one.arguments.span)))
    return chain


def _written_out(one: WrittenLayer) -> Mapping:
    """A layer in the form in which TimeDistributed holds one."""
    kind = Entry(one.type_span, Scalar(one.type, one.type_span))
    return Mapping({**one.arguments.entries, "type": kind}, one.arguments.span)


def _free(name: str, taken: set[str]) -> str:
    while name in taken:
        name += "_"
    return name


def _splice(written: WrittenSpec, chains: abc.Mapping[int, abc.Sequence[WrittenLayer]]) -> None:
    """Put each chain in the place of its layer, and calls of the chain for each call of it."""
    if not chains:
        return
    layers: list[WrittenLayer] = []
    numbers: list[list[int]] = []
    shared = {own_name(written.layers[index]): chain for index, chain in chains.items()}
    for index, entry in enumerate(written.layers):
        own = chains.get(index)
        if own is None and written.native and entry.type == "Shared":
            own = _shared_chain(entry, shared)
        own = own or [entry]
        numbers.append(list(range(len(layers), len(layers) + len(own))))
        layers += [replace(own[0], reads=entry.reads), *own[1:]]
    written.layers = layers
    if written.calls is None:
        return
    calls: list[WrittenCall] = []
    last_of: list[int] = []
    for call in written.calls:
        reads = tuple(last_of[read] for read in call.reads)
        place = call.place
        for number in numbers[call.layer]:
            calls.append(WrittenCall(number, reads, place))
            reads = (len(calls) - 1,)
            place = place._replace(begins=False)
        last_of.append(len(calls) - 1)
    written.calls = calls
    written.outputs = [last_of[output] for output in written.outputs]


def _shared_chain(
    entry: WrittenLayer, chains: abc.Mapping[str | None, abc.Sequence[WrittenLayer]]
) -> list[WrittenLayer] | None:
    """A further call of a replaced layer calls each layer of its chain once more."""
    called = text_at(entry.arguments, "layer")
    chain = None if called is None else chains.get(called)
    if chain is None:
        return None
    at = entry.arguments.entries["layer"].value.span
    before = [
        WrittenLayer(
            "Shared", entry.type_span, Mapping({"layer": Entry(at, Scalar(own_name(one), at))}, at)
        )
        for one in chain[:-1]
    ]
    return [*before, entry]
