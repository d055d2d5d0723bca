"""`axil.scipy.stats`: distributions, a module each, and a few statistics.

Distributions take and give arrays, promoted to a common floating dtype and broadcast; `loc` and `scale` move and
stretch them. Outside of a distribution's support densities are 0. Modules are imported on first use (PEP 562).
"""

from __future__ import annotations

import importlib
from typing import Any

_MODULES = (
    "bernoulli", "beta", "betabinom", "binom", "cauchy", "chi2", "dirichlet", "expon", "gamma", "gennorm", "geom",
    "gumbel_l", "gumbel_r", "laplace", "logistic", "multinomial", "multivariate_normal", "nbinom", "norm", "pareto",
    "poisson", "t", "truncnorm", "uniform", "vonmises", "wrapcauchy",
)  # fmt: skip
_HOME = {"gaussian_kde": "kde", "mode": "summaries", "rankdata": "summaries", "sem": "summaries"}


def __getattr__(name: str) -> Any:
    if name in _HOME:
        value = getattr(importlib.import_module(f"axil.scipy.stats.{_HOME[name]}"), name)
    elif name in _MODULES:
        value = importlib.import_module(f"axil.scipy.stats.{name}")
    else:
        raise AttributeError(f"module 'axil.scipy.stats' has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*_MODULES, *_HOME])
