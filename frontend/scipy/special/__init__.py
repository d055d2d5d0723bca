"""`axil.scipy.special`: special functions, with JAX's promotion and derivatives.

Functions are real unless their docstring says otherwise. On CPUs those of f32 and of 16 bits are computed in f64 and
are right to their last bits; in f64 the relative error is about 1e-13 but for a few places that the docstrings name.
"""

from __future__ import annotations

from axil.nn.normalization import logsumexp
from axil.scipy.special.bessel import bessel_jn, i0, i0e, i1, i1e
from axil.scipy.special.error_functions import (
    dawsn,
    erf,
    erfc,
    erfcx,
    erfinv,
    log_ndtr,
    ndtr,
    ndtri,
    owens_t,
    wofz,
)
from axil.scipy.special.gammas import (
    beta,
    betainc,
    betaln,
    comb,
    digamma,
    factorial,
    gamma,
    gammainc,
    gammaincc,
    gammaln,
    gammasgn,
    loggamma,
    multigammaln,
    poch,
    polygamma,
    zeta,
)
from axil.scipy.special.harmonics import bernoulli, sph_harm_y
from axil.scipy.special.integrals import exp1, expi, expn, fresnel, hyp1f1, hyp2f1, sici, spence
from axil.scipy.special.logs import boxcox, boxcox1p, entr, expit, kl_div, logit, rel_entr, xlog1py, xlogy
from axil.scipy.special.normalizing import log_softmax, softmax

__all__ = [
    "bernoulli", "bessel_jn", "beta", "betainc", "betaln", "boxcox", "boxcox1p", "comb", "dawsn", "digamma", "entr",
    "erf", "erfc", "erfcx", "erfinv", "exp1", "expi", "expit", "expn", "factorial", "fresnel", "gamma", "gammainc",
    "gammaincc", "gammaln", "gammasgn", "hyp1f1", "hyp2f1", "i0", "i0e", "i1", "i1e", "kl_div", "log_ndtr",
    "log_softmax", "loggamma", "logit", "logsumexp", "multigammaln", "ndtr", "ndtri", "owens_t", "poch", "polygamma",
    "rel_entr", "sici", "softmax", "spence", "sph_harm_y", "wofz", "xlog1py", "xlogy", "zeta",
]  # fmt: skip
