"""Groups of channels: how many channels each holds. CS235 where they cannot be equal."""

from __future__ import annotations

from speccompiler.diagnostics.core import Problem
from speccompiler.schemas.fields import Layer, argument


def channels_of_group(layer: Layer, channels: int, filters: int) -> int:
    """The channels that a filter of a convolution sees; all of them without groups. CS235."""
    groups = argument(layer, "groups") or 1
    if filters % groups:
        raise Problem(
            "CS235",
            f"{filters} filters cannot be divided into {groups} equal groups",
            "groups divides the number of channels and of filters",
            argument="groups",
        )
    return group_size(channels, groups)


def group_size(channels: int, groups: int) -> int:
    """How many channels each of several equal groups holds. CS235."""
    if channels % groups:
        raise Problem(
            "CS235",
            f"{channels} channels cannot be divided into {groups} equal groups",
            "groups divides the number of channels",
            argument="groups",
        )
    return channels // groups
