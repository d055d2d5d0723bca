"""No Python op classes for `axil`: see the package's docstring."""
