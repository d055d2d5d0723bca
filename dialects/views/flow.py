"""No Python op classes for `flow`: see the package's docstring."""
