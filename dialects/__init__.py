"""What exists: types, operations and combinators of the `axil` dialect, each declared once with every rule it has.

Declarations (`elementwise`, `shape`, ...) are plain Python and import no MLIR: eager execution needs only
their NumPy references. `mlir` and `emit` bring in the bindings, on first need.
"""
