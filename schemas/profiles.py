"""Whose numbers a model follows: a backend, or an older release of it."""

from __future__ import annotations

from typing import Literal, get_args

Profile = Literal["tensorflow", "theano", "tensorflow-1.0", "theano-0.8"]
PROFILES: tuple[str, ...] = get_args(Profile)
