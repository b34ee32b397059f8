"""What ``validate`` finds in one spec."""

from __future__ import annotations

import re
from pathlib import Path

from speccompiler.cli.validate_report import Check
from speccompiler.diagnostics.core import Diagnostic, Severity
from speccompiler.model import Model, checked
from speccompiler.options import LoadOptions
from speccompiler.policy.settings import Settings
from speccompiler.source.document import Document

_IGNORING = r"#+\s*convspec\s*:"


def check(document: Document, loading: LoadOptions, settings: Settings) -> Check:
    """Its model and its findings, after the project's decisions on them."""
    model, diagnostics = checked(document, loading)
    found = [*diagnostics]
    if model is not None:
        found += _about_weights(model)
        found += _content(model)
        found += _over_budget(model)
        # Only a warning here: run will ask for it.
        undecided = model.undecided_finding(Severity.WARNING)
        found += [undecided] if undecided is not None else []
    if settings.file is None and not _may_ignore(document):
        return Check(document, model, found)
    from speccompiler.policy.judgement import judged

    after = judged(document, found, settings, complete=model is not None)
    return Check(document, model, list(after.shown), after.hidden)


def _may_ignore(document: Document | None) -> bool:
    """Whether a spec may have comments that ignore findings; few have."""
    while document is not None:
        if "#" in document.text and re.search(_IGNORING, document.text):
            return True
        document = document.wrapper
    return False


def _about_weights(model: Model) -> list[Diagnostic]:
    """Given weights that break their constraint, or variances below 0; reads only those."""
    judged = any(
        layer.inner.class_name == "BatchNormalization"
        or any(getattr(layer, f"{tensor}_constraint", None) is not None for tensor in ("W", "b"))
        for layer in model.spec.layers
    )
    if not judged or not model.names_weights:
        return []
    from speccompiler.diagnostics.core import Problem
    from speccompiler.weights.negative_variances import negative_variances
    from speccompiler.weights.penalties import violations

    given = model.weight_sources.given
    try:
        found = (*violations(model.spec, given), *negative_variances(model.spec, given))
    except Problem as problem:
        return [problem.at(file=str(model.weights_file or model.file))]
    return [model.loaded.locate(d) for d in found]


def _over_budget(model: Model) -> list[Diagnostic]:
    """CS085 and CS086 for a spec that states a budget."""
    if model.spec.budget is None:
        return []
    from speccompiler.reports.budget import budget_findings

    return budget_findings(model, model.shapes())


def _content(model: Model) -> list[Diagnostic]:
    """CS127 where a value of the weights is not what the spec's digest says; reads them all."""
    if model.spec.weights_sha256 is None or model.weights_file is not None:
        return []
    from speccompiler.weights.weight_pairs import content_problem

    found = content_problem(model.spec, Path(model.file).parent)
    return [] if found is None else [found]
