"""Empty modules, one a dialect name: MLIR looks for Python op classes here and must find a module.

A failed lookup costs 16 us on every access to an op; an empty module makes it 0.4 us.
"""
