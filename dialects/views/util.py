"""No Python op classes for `util`: see the package's docstring."""
