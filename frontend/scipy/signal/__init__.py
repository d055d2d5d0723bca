"""`axil.scipy.signal`: convolutions, trends and spectra."""

from __future__ import annotations

from axil.scipy.signal.convolutions import convolve, convolve2d, correlate, correlate2d, fftconvolve
from axil.scipy.signal.spectra import csd, istft, stft, welch
from axil.scipy.signal.trends import detrend

__all__ = [
    "convolve", "convolve2d", "correlate", "correlate2d", "csd", "detrend", "fftconvolve", "istft", "stft", "welch",
]  # fmt: skip
