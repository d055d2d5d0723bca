"""No Python op classes for `stablehlo`: see the package's docstring."""
