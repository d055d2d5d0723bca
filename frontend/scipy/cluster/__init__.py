"""`axil.scipy.cluster`: vector quantization, in `vq`."""

from axil.scipy.cluster import vq

__all__ = ["vq"]
