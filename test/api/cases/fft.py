"""The cases of `axil.numpy.fft`."""

MODULE = "numpy.fft"


def _one(name: str, kind: str, other: str) -> list[str]:
    """Cases of a transform along one axis, of arrays of a kind, and some of another."""
    return [
        f"M.{name}({arguments})"
        for arguments in (
            f"A(8,'{kind}')", f"A((2,3),'{kind}')", f"A((3,4),'{kind}'), axis=0", f"A((2,3),'{kind}'), n=5",
            f"A((2,5),'{kind}'), n=3", f"A(7,'{kind}'), norm='ortho'", f"A(6,'{kind}'), norm='forward'",
            f"A(6,'{kind}'), norm='backward'", f"A((2,3,5),'{kind}'), 4, 1, 'ortho'", f"A((0,4),'{kind}')",
            f"A((3,1),'{kind}')", f"A(5,'{other}')", "A(6,'i')", "A(4,'b')", "A(5,'u'), n=4", f"A((2,67),'{kind}')",
            f"A(3,'{kind}'), n=0", f"A(3,'{kind}'), axis=1", f"A(3,'{kind}'), axis=(0,)", f"A(3,'{kind}'), norm='x'",
            f"A(3,'{kind}'), n=2.0", "[1., 2.]", "2.0", f"A((),'{kind}')", f"A((3,2),'{kind}'), axis=-2, n=4",
        )
    ]  # fmt: skip


def _several(name: str, kind: str) -> list[str]:
    """Cases of a transform along several axes."""
    return [
        f"M.{name}({arguments})"
        for arguments in (
            f"A((4,6),'{kind}')", f"A((2,3,4),'{kind}')", f"A((3,4),'{kind}'), s=(2,5)",
            f"A((2,3,4),'{kind}'), axes=(0,1)", f"A((2,3,4),'{kind}'), axes=(2,0), norm='ortho'",
            f"A((2,3,4),'{kind}'), s=(3,3), axes=(-1,0), norm='forward'", f"A((3,0),'{kind}'), axes=(0,1)",
            f"A((3,4),'{kind}'), axes=(0,0)", f"A((3,4),'{kind}'), s=(2,), axes=(0,1)", f"A((3,4),'{kind}'), s=(0,2)",
            f"A(4,'{kind}')", "A((3,4),'i')", f"A((2,5),'{kind}'), norm='x'", f"A((2,5),'{kind}'), axes=(0,)",
            f"A((3,4),'{kind}'), axes=(0,2)",
        )
    ]  # fmt: skip


def _any(name: str, kind: str) -> list[str]:
    """Cases of any number of axes."""
    return _several(name, kind) + [
        f"M.{name}({arguments})"
        for arguments in (
            f"A((2,3,2,2),'{kind}')", f"A((2,1,2,2,3),'{kind}')", f"A((3,4),'{kind}'), axes=()",
            f"A((3,4,5),'{kind}'), s=(2,7)", f"A((3,4),'{kind}'), s=(2,2,2)",
        )
    ]  # fmt: skip


_FREQUENCIES = (
    "5", "6", "1", "0", "7, 0.5", "4, d=2", "5, dtype='float16'", "4, dtype='complex64'", "5, dtype=J.bfloat16",
    "5, d=J.asarray(2.)", "5, d=np.float32(0.1)", "[5]", "5, [1.]", "5, d=J.ones(2)",
)  # fmt: skip
_SHIFTS = (
    "A(5)", "A(6,'i')", "A((3,4))", "A((3,4)), axes=0", "A((3,4)), axes=(1,)", "A((2,3,5)), axes=(0,-1)", "A((0,3))",
    "A(3), axes=2", "A(4,'c')", "[1., 2.]", "A(7,'b')", "A((2,5)), axes=[1]",
)  # fmt: skip

CASES = {
    "fft": _one("fft", "c", "f"),
    "ifft": _one("ifft", "c", "f"),
    "rfft": _one("rfft", "f", "c"),
    "irfft": _one("irfft", "c", "f"),
    "hfft": _one("hfft", "c", "f"),
    "ihfft": _one("ihfft", "f", "c"),
    "fft2": _several("fft2", "c"),
    "ifft2": _several("ifft2", "c"),
    "rfft2": _several("rfft2", "f"),
    "irfft2": _several("irfft2", "c"),
    "fftn": _any("fftn", "c"),
    "ifftn": _any("ifftn", "c"),
    "rfftn": _any("rfftn", "f"),
    "irfftn": _any("irfftn", "c"),
    "fftfreq": [f"M.fftfreq({a})" for a in _FREQUENCIES] + ["M.fftfreq(5, dtype=int)"],
    "rfftfreq": [f"M.rfftfreq({a})" for a in _FREQUENCIES],
    "fftshift": [f"M.fftshift({a})" for a in _SHIFTS],
    "ifftshift": [f"M.ifftshift({a})" for a in _SHIFTS],
}

EXCEPTIONS: dict[str, str] = {}

TOLERANCE = dict.fromkeys(("fft", "ifft", "rfft", "irfft", "hfft", "ihfft"), 1e-4)

X64 = [
    "M.fft(A((2,67),'z'))", "M.ifft(A(12,'z'))", "M.rfft(A(10,'d'))", "M.irfft(A(6,'z'))", "M.fftn(A((3,4),'d'))",
    "M.irfftn(A((3,4),'z'))", "M.hfft(A(5,'z'))", "M.ihfft(A(5,'d'))", "M.fftfreq(5)",
    "M.rfftfreq(5, 0.1)", "M.fft(A(4,'l'))", "M.rfft(A(5,'l'))",
]  # fmt: skip

def _weighted(function: str) -> str:
    """A function of x whose results are multiplied by numbers that tell them apart, complex ones by complex ones."""
    return f"lambda a, b: (lambda y: y * (J.arange(1., 1 + y.size).reshape(y.shape) * (1 - 0.5j)))({function})"


GRAD = {
    "fft": (_weighted("M.fft(a + 1j * b)"), "A((2,3)), A((2,3),'f',1)"),
    "ifft": (_weighted("M.ifft(a + 1j * b, axis=0)"), "A((2,3)), A((2,3),'f',1)"),
    "fftn": (_weighted("M.fftn(a + 1j * b, norm='ortho')"), "A((2,3)), A((2,3),'f',1)"),
    "rfft": (_weighted("M.rfft(a * b)"), "A((2,5)), A((2,5),'f',1)"),
    "rfftn": (_weighted("M.rfftn(a * b)"), "A((4,6)), A((4,6),'f',1)"),
    "irfft": (_weighted("M.irfft(a + 1j * b)"), "A((2,4)), A((2,4),'f',1)"),
    "irfftn": (_weighted("M.irfftn(a + 1j * b, s=(3,5))"), "A((3,3)), A((3,3),'f',1)"),
    "hfft": (_weighted("M.hfft(a + 1j * b, 7)"), "A((2,4)), A((2,4),'f',1)"),
    "ihfft": (_weighted("M.ihfft(a * b)"), "A((2,6)), A((2,6),'f',1)"),
    "fftshift": "lambda x: M.fftshift(x) * J.arange(6.).reshape(2, 3)",
}
