"""Where `jit` was before it was split by idea. Import from the modules below."""

from __future__ import annotations

from axil.abstract_evaluation import eval_shape, make_ir
from axil.jitted import JitFunction, clear_caches, jit
from axil.programs import run_program
from axil.shape_structs import ShapeDtypeStruct
from axil.stages import Compiled, Lowered

__all__ = [
    "Compiled", "JitFunction", "Lowered", "ShapeDtypeStruct", "clear_caches", "eval_shape", "jit", "make_ir",
    "run_program",
]  # fmt: skip
