"""The errors users see. Each says what happened, where in their code, why, and the ways out.

The classes have JAX's names and bases, so ``except axil.errors.ConcretizationTypeError`` works as in JAX,
and all derive from `axil.runtime.errors.AxilError`. They are built from plain data (text of the abstract
value, a `SourceLine`, names of transformations), so nothing here depends on tracers::

    raise TracerBoolConversionError.of("f32[3]", user_line(), ["jit(loss)", "vmap"])

    axil.errors.TracerBoolConversionError: the truth value of a traced f32[3] is not known yet
      --> model.py:12, in loss
       12 |     if x > 0:
          |        ^^^^^
      under: jit(loss) > vmap
      why: ...
      ways out:
        - ...
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Self

from axil.runtime.errors import AxilError
from axil.source import SourceLine


def explain(
    what: str,
    where: SourceLine | None = None,
    transforms: Sequence[str] = (),
    why: str = "",
    ways_out: Sequence[str] = (),
) -> str:
    """Lays out an error message: what happened, where, under which transformations, why, and the ways out.

    `transforms` are named from the outermost to the innermost.
    """
    parts = [what]
    if where is not None:
        parts.append(where.excerpt())
    if transforms:
        parts.append(f"  under: {' > '.join(transforms)}")
    if why:
        parts.append(f"  why: {why}")
    if len(ways_out) == 1:
        parts.append(f"  way out: {ways_out[0]}")
    elif ways_out:
        parts.append("\n".join(["  ways out:", *(f"    - {way}" for way in ways_out)]))
    return "\n".join(parts)


class AxilTypeError(AxilError, TypeError):
    """A value of a wrong kind was used in a place where Axil cannot go on."""


class AxilIndexError(AxilError, IndexError):
    """An index of a kind that cannot be used here."""


class AxilRuntimeError(AxilError, RuntimeError):
    """A compiled program failed to compile or run, on the device or in its driver."""


class PyTreeError(AxilError, ValueError):
    """Two pytrees that should have one structure differ, or a tree cannot be flattened.

    What: a tree (a nest of dicts, lists, tuples and registered classes) does not fit. Why: functions over
    several trees pair up their leaves. Ways out::

        tree_map(f, {"a": 1}, {"a": 2})            # give both trees the same keys and lengths
        vmap(f, in_axes=({"w": None, "b": 0}, 0))  # or a prefix: an axis for each subtree
    """


class ConcretizationTypeError(AxilTypeError):
    """A traced value was used where its concrete value is needed.

    What: under `jit` or `vmap` a function runs once with tracers, which have a shape and a dtype but no
    numbers. Why: something asked for the numbers, for example a shape, an axis, `float(x)`, or `x.item()`.
    Two ways out::

        @partial(jit, static_argnums=1)      # pass what decides shapes and axes as a static argument
        def smallest(x, axis):
            return x.min(axis)

        @jit
        def total(x):                        # or keep the shape fixed and mask the numbers
            return axil.numpy.where(x > 1, x, 0).sum()
    """

    @classmethod
    def of(
        cls,
        aval: str,
        where: SourceLine | None = None,
        transforms: Sequence[str] = (),
        context: str = "",
    ) -> Self:
        """For a value such as ``f32[3]`` that was needed for `context`, such as ``the axis of sum``."""
        purpose = f", which was needed for {context}," if context else ""
        return cls(
            explain(
                f"the concrete value of a traced {aval}{purpose} is not known yet",
                where,
                transforms,
                f"under {_innermost(transforms)} the function runs once for all values of its arguments.",
                [
                    "make the value static: jit(f, static_argnums=...) or static_argnames=...",
                    "keep it an array and use axil.numpy / axil.lax functions on it",
                    "take it out of the transformed function and pass the result in",
                ],
            )
        )


class TracerBoolConversionError(ConcretizationTypeError):
    """A traced value was used as a truth value: in `if`, `while`, `and`, `or`, `not`, `assert`, `max`, `min`.

    What: Python asked a tracer whether it is true. Why: the function is traced once for all values, so both
    branches would have to be taken. Two ways out::

        @jit
        def f(x):
            return axil.numpy.where(x > 0, x, -x)       # compute both, choose for each element

        @jit
        def g(flag, x):                                 # run one of two functions
            return axil.lax.cond(flag, lambda x: x * 2, lambda x: x * 3, x)

    A flag that is a plain Python value can be made static: ``jit(f, static_argnames=["training"])``.
    """

    @classmethod
    def of(
        cls,
        aval: str,
        where: SourceLine | None = None,
        transforms: Sequence[str] = (),
        context: str = "",
    ) -> Self:
        """For a value such as ``bool[]``; `context` names the use if it is known."""
        purpose = f" in {context}" if context else ""
        condition = where.expression if where is not None and where.expression else "condition"
        return cls(
            explain(
                f"the truth value of a traced {aval}{purpose} is not known yet",
                where,
                transforms,
                f"under {_innermost(transforms)} the function runs once for all values of its arguments, so "
                "Python's if, while, and, or, not, assert, min and max cannot depend on them.",
                [
                    f"compute both and choose for each element: axil.numpy.where({condition}, a, b)",
                    f"run one of two functions: axil.lax.cond({condition}, f, g, x), or axil.lax.while_loop",
                    "combine conditions with & | ~ instead of and, or, not",
                    "if it is a setting and not data, make it static: jit(f, static_argnums=...) or "
                    "static_argnames=...",
                ],
            )
        )


class TracerIntegerConversionError(AxilTypeError):
    """A traced value was used as a Python integer: as a list index, a `range` bound, a shape, an axis.

    What: Python called ``__index__`` on a tracer. Why: its number is not known while the function is traced.
    Two ways out::

        table = axil.numpy.array([1, 2, 3])
        jit(lambda i: table[i])                     # index an array instead of a list

        @partial(jit, static_argnums=1)             # or pass the integer as a static argument
        def rows(x, n):
            return x[:n]
    """

    @classmethod
    def of(
        cls,
        aval: str,
        where: SourceLine | None = None,
        transforms: Sequence[str] = (),
        context: str = "",
    ) -> Self:
        """For a value such as ``i32[]``; `context` names the use if it is known."""
        purpose = f" for {context}" if context else ""
        return cls(
            explain(
                f"a traced {aval} cannot be used as a Python integer{purpose}",
                where,
                transforms,
                f"under {_innermost(transforms)} the function runs once for all values of its arguments.",
                [
                    "to index a list, make it an array first: axil.numpy.array(items)[i]",
                    "for a shape, an axis or a repeat count, make it static: jit(f, static_argnums=...)",
                    "for a loop with a traced bound: axil.lax.fori_loop or axil.lax.while_loop",
                    "for a slice of fixed size at a traced start: axil.lax.dynamic_slice",
                ],
            )
        )


class TracerArrayConversionError(AxilTypeError):
    """A traced value was given to NumPy or to another library that needs an array of numbers.

    What: ``numpy.array(x)``, ``numpy.sin(x)``, ``numpy_array[x]`` or the like met a tracer. Why: NumPy
    computes at once and a tracer has no numbers yet. Two ways out::

        @jit
        def f(x):
            return axil.numpy.sin(x)                # the function of the same name in axil.numpy

        @jit
        def g(i):
            return axil.numpy.asarray(table)[i]     # index an Axil array instead of a NumPy array
    """

    @classmethod
    def of(
        cls,
        aval: str,
        where: SourceLine | None = None,
        transforms: Sequence[str] = (),
        context: str = "",
    ) -> Self:
        """For a value such as ``f32[3]``; `context` names the NumPy function if it is known."""
        purpose = f" by {context}" if context else ""
        instead = _in_axil_numpy(where)
        return cls(
            explain(
                f"a traced {aval} cannot be converted to a NumPy array{purpose}",
                where,
                transforms,
                f"NumPy computes at once, and under {_innermost(transforms)} the numbers are not known yet.",
                [
                    f"call the function of the same name in axil.numpy: {instead or 'axil.numpy.asarray(x)'}",
                    "to index a NumPy array with a traced value, write axil.numpy.asarray(table)[i]",
                    "if the value is a setting and not data, make it static: jit(f, static_argnums=...)",
                ],
            )
        )


class NonConcreteBooleanIndexError(AxilIndexError):
    """A traced boolean mask was used as an index, which would give an array of unknown size.

    What: ``x[mask]`` under `jit` or `vmap`. Why: the number of True elements is not known while tracing, and
    arrays have fixed shapes. Two ways out::

        axil.numpy.where(mask, x, 0).sum()      # keep the size and neutralise what is masked out

        axil.numpy.where(x < 0, 0, x)           # instead of x.at[x < 0].set(0)
    """

    @classmethod
    def of(
        cls,
        aval: str,
        where: SourceLine | None = None,
        transforms: Sequence[str] = (),
        context: str = "",
    ) -> Self:
        """For a mask such as ``bool[10]``."""
        place = f" in {context}" if context else ""
        return cls(
            explain(
                f"a traced boolean mask {aval} cannot be used as an index{place}",
                where,
                transforms,
                "the size of the result would be the number of True elements, which is not known under "
                f"{_innermost(transforms)}.",
                [
                    "keep the size: axil.numpy.where(mask, x, fill) in place of x[mask]",
                    "to update, axil.numpy.where(mask, new, x) in place of x.at[mask].set(new)",
                    "for a known upper bound: axil.numpy.nonzero(mask, size=n, fill_value=...)",
                ],
            )
        )


class UnexpectedTracerError(AxilTypeError):
    """A traced value outlived the function that it belongs to, and was used afterwards.

    What: a tracer was stored in a global, an attribute, a list or a closure during tracing, and used later.
    Why: it stands for a value of one trace and means nothing outside it. Two ways out::

        @jit
        def f(x):
            y = x + 1
            return y * 2, y             # return every value that is needed outside

        def step(state, x):             # or carry state through arguments and results
            return state + x, state
    """

    @classmethod
    def of(
        cls,
        aval: str,
        where: SourceLine | None = None,
        transforms: Sequence[str] = (),
        context: str = "",
        created: SourceLine | None = None,
    ) -> Self:
        """For a value that leaked out of `context`, such as ``jit(loss)``, and was created at `created`."""
        origin = f"\n  it was created here:\n{created.excerpt()}" if created is not None else ""
        return cls(
            explain(
                f"a traced {aval} is used after the end of {context or 'the function'} that it belongs to",
                where,
                transforms,
                "a traced value stands for a value within one run of the transformed function; this one was "
                f"kept in a global, an attribute, a list or a closure.{origin}",
                [
                    "return the value from the transformed function",
                    "carry state through arguments and results: new_state, y = f(state, x)",
                ],
            )
        )


class KeyReuseError(AxilTypeError):
    """A random key was used twice, so that two draws that look independent are equal.

    What: a key that was consumed already is consumed again. Why: keys are values, and the same key always
    gives the same numbers. Two ways out::

        key, sub = axil.random.split(key)           # a new key before each use
        x = axil.random.normal(sub, (3,))

        keys = axil.random.split(key, 10)           # or as many as are needed at once
    """

    @classmethod
    def of(
        cls,
        aval: str,
        where: SourceLine | None = None,
        transforms: Sequence[str] = (),
        context: str = "",
        created: SourceLine | None = None,
    ) -> Self:
        """For a key that `context` consumes again and that was first consumed at `created`."""
        first = f"\n  it was first used here:\n{created.excerpt()}" if created is not None else ""
        return cls(
            explain(
                f"a random key {aval} is used again{f' by {context}' if context else ''}",
                where,
                transforms,
                f"the same key always gives the same numbers.{first}",
                ["split before each use: key, sub = axil.random.split(key)"],
            )
        )


class InconclusiveDimensionOperation(AxilError):  # noqa: N818 - JAX's name
    """A comparison of symbolic dimensions has no answer that holds for all their values.

    What: code asked, say, whether ``n < m`` of two dimensions that are symbols. Why: it depends on their
    values. Two ways out: use fixed sizes for the dimensions in question, or state a constraint between
    them.
    """


class IRTypeError(AxilTypeError):
    """A program under construction is not well typed. This is an error of Axil's own; please report it.

    What: an operation was built with operands that it does not take. Why: a rule of ours is wrong. Ways out:
    ``axil.disable_jit()`` to find the call, and rewriting that call in terms of other functions.
    """


def _in_axil_numpy(where: SourceLine | None) -> str:
    """A call of a function of NumPy's, such as `np.array(x)`, written with `axil.numpy`; empty for anything else."""
    match = re.fullmatch(r"(?:np|numpy|onp)\.([\w.]+\(.*\))", where.expression) if where is not None else None
    return f"axil.numpy.{match[1]}" if match else ""


def _innermost(transforms: Sequence[str]) -> str:
    return transforms[-1] if transforms else "a transformation"


# JAX's names for the same classes.
JAXTypeError = AxilTypeError
JAXIndexError = AxilIndexError
JaxRuntimeError = AxilRuntimeError
JaxprTypeError = IRTypeError

__all__ = [
    "AxilError",
    "AxilIndexError",
    "AxilRuntimeError",
    "AxilTypeError",
    "ConcretizationTypeError",
    "IRTypeError",
    "InconclusiveDimensionOperation",
    "JAXIndexError",
    "JAXTypeError",
    "JaxRuntimeError",
    "JaxprTypeError",
    "KeyReuseError",
    "NonConcreteBooleanIndexError",
    "PyTreeError",
    "TracerArrayConversionError",
    "TracerBoolConversionError",
    "TracerIntegerConversionError",
    "UnexpectedTracerError",
    "explain",
]
