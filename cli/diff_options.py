"""What ``convspec diff`` is asked for, and how its own options are read."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING

import click

from speccompiler.frozen import dataclass

if TYPE_CHECKING:
    from speccompiler.arrays.picture_form import PictureOptions, Resize
    from speccompiler.comparing.fail_on import Condition


@dataclass(frozen=True, slots=True)
class Asked:
    """What is to be compared, and what of it fails."""

    names: tuple[str, ...] = ()
    git: str | None = None
    git_driver: bool = False
    fail_on: tuple[Condition, ...] | None = None
    limit: int | None = None


@dataclass(frozen=True, slots=True)
class Values:
    """What values are compared, and where they come from."""

    compare_weights: bool = False
    old_weights: Path | None = None
    new_weights: Path | None = None
    input: tuple[str, ...] = ()
    tolerance: float | None = None
    resize: Resize | None = None
    mode: str | None = None

    @property
    def pictures(self) -> PictureOptions:
        """What becomes of pictures."""
        from speccompiler.arrays.picture_form import PictureOptions

        return PictureOptions(self.resize, self.mode)

    @property
    def asked(self) -> bool:
        """Whether values are compared at all."""
        return self.compare_weights or bool(self.input)


def conditions(
    ctx: click.Context, param: click.Parameter, given: str | None
) -> tuple[Condition, ...] | None:
    """The conditions of ``--fail-on``; what cannot be read is shown with a caret."""
    if given is None:
        return None
    from speccompiler.comparing.fail_on import BadCondition, read_conditions

    try:
        return read_conditions(given)
    except BadCondition as bad:
        caret = " " * bad.start + "^" * max(1, bad.end - bad.start)
        hint = "" if bad.hint is None else f"\n  hint: {bad.hint}"
        raise click.BadParameter(
            f"{bad.message}\n  {bad.text}\n  {caret}{hint}", ctx, param
        ) from None


def finite(ctx: click.Context, param: click.Parameter, value: float | None) -> float | None:
    """Refuse NaN and infinity: no difference is larger, and everything would be equal."""
    if value is not None and not math.isfinite(value):
        raise click.BadParameter(f"{value} is not a finite number", ctx, param)
    return value
