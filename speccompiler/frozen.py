"""Dataclasses that cost little until one is made.

The standard library writes and compiles six functions for each ``@dataclass(frozen=True,
slots=True)``: half a millisecond, which a process spends on a hundred classes, most of which it
never makes one of. Here a class shares five of them with all others, and its ``__init__`` is
written when it is first called. Those with slots alone, or that are only frozen, are made so too.
Everything else is the standard library's: ``fields``, ``replace``, ``match``, pickling.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dataclasses import dataclass as dataclass
else:
    import dataclasses
    from dataclasses import MISSING, FrozenInstanceError
    from operator import attrgetter

    def dataclass(*, frozen=False, slots=False, repr=True, **options):
        """``dataclasses.dataclass``; other options, and classes with a base, are left to that."""

        def decorate(written):
            if options or written.__bases__ != (object,):
                theirs = dataclasses.dataclass(frozen=frozen, slots=slots, repr=repr, **options)
                return theirs(written)
            made = dataclasses.dataclass(init=False, repr=False, eq=False, slots=slots)(written)
            given = [field.name for field in dataclasses.fields(made)]
            compared = [field.name for field in dataclasses.fields(made) if field.compare]
            made.__init__ = _unwritten(made)
            made.__signature__ = _Signature()
            hashed = [f.name for f in dataclasses.fields(made) if f.compare and f.hash is not False]
            made.__eq__, made.__hash__ = _comparison(_reader(compared), _reader(hashed))
            if repr and "__repr__" not in written.__dict__:
                made.__repr__ = _representation(given)
            if not frozen:
                made.__hash__ = None
                return made
            made.__setattr__ = _refuse_to_set
            made.__delattr__ = _refuse_to_delete
            if slots:
                # Without these, unpickling would set attributes.
                made.__getstate__, made.__setstate__ = _state(made, given)
            return made

        return decorate

    def _unwritten(cls):
        """The ``__init__`` of a class of which none was made yet."""

        def __init__(self, *args, **kwargs):
            cls.__init__ = _init(cls)
            cls.__init__(self, *args, **kwargs)

        return __init__

    class _Signature:
        """That of the ``__init__``, for people who ask for it."""

        def __get__(self, one, cls):
            import inspect

            of_init = inspect.signature(_init(cls))
            return of_init.replace(parameters=list(of_init.parameters.values())[1:])

    def _init(cls):
        """An ``__init__`` that puts each value into its slot, past ``__setattr__``."""
        names, parameters, keywords, lines = {"_MISSING": MISSING}, [], [], []
        slotted = "__slots__" in cls.__dict__
        for field in dataclasses.fields(cls):
            name, default = field.name, ""
            if slotted:
                names[f"_set_{name}"] = getattr(cls, name).__set__
            value = name
            if field.default is not MISSING:
                names[f"_default_{name}"] = field.default
                default = f"=_default_{name}"
            elif field.default_factory is not MISSING:
                names[f"_make_{name}"] = field.default_factory
                default = "=_MISSING"
                value = f"_make_{name}() if {name} is _MISSING else {name}"
            (keywords if field.kw_only else parameters).append(f"{name}{default}")
            put = f"_set_{name}(self, {value})" if slotted else f"self.__dict__[{name!r}] = {value}"
            lines.append(f"    {put}")
        if hasattr(cls, "__post_init__"):
            lines.append("    self.__post_init__()")
        arguments = ["self", *parameters, *(["*", *keywords] if keywords else [])]
        body = lines or ["    pass"]
        exec("\n".join([f"def __init__({', '.join(arguments)}):", *body]), names)
        init = names["__init__"]
        init.__qualname__ = f"{cls.__qualname__}.__init__"
        init.__module__ = cls.__module__
        types = {field.name: field.type for field in dataclasses.fields(cls)}
        init.__annotations__ = {**types, "return": None}
        return init

    def _reader(names):
        """What reads the values of these fields: a tuple, or the only one."""
        return attrgetter(*names) if names else lambda self: ()

    def _comparison(values, hashed):
        def __eq__(self, other):
            if other.__class__ is not self.__class__:
                return NotImplemented
            return values(self) == values(other)

        def __hash__(self):
            return hash(hashed(self))

        return __eq__, __hash__

    def _representation(names):
        def __repr__(self):
            said = ", ".join([f"{name}={getattr(self, name)!r}" for name in names])
            return f"{self.__class__.__qualname__}({said})"

        return __repr__

    def _refuse_to_set(self, name, value):
        raise FrozenInstanceError(f"cannot assign to field {name!r}")

    def _refuse_to_delete(self, name):
        raise FrozenInstanceError(f"cannot delete field {name!r}")

    def _state(cls, names):
        def __getstate__(self):
            return [getattr(self, name) for name in names]

        def __setstate__(self, state):
            for name, value in zip(names, state, strict=True):
                getattr(cls, name).__set__(self, value)

        return __getstate__, __setstate__
