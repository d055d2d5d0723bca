"""No Python op classes for `hal`: see the package's docstring."""
