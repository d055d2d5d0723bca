"""No Python op classes for `stream`: see the package's docstring."""
