"""The cases of `axil.scipy.signal`."""

MODULE = "scipy.signal"

_PAIRS = (
    "A(8), A(3,'f',1)", "A(3), A(8,'f',1)", "A(8), A(3,'f',1), 'same'", "A(3), A(8,'f',1), 'same'",
    "A(8), A(4,'f',1), 'valid'", "A(4), A(8,'f',1), mode='valid'", "A((4,5)), A((2,3),'f',1)",
    "A((4,5)), A((2,3),'f',1), 'same'", "A(5,'i'), A(3,'i',1)", "A(5,'c'), A(3,'c',1)", "A(5,'c'), A(2), 'same'",
    "A(1), A(1)", "A(5), A((2,2))", "A(5), A(3), 'x'", "A((4,2)), A((2,3))", "[1., 2.], A(2)", "A(0), A(2)",
)  # fmt: skip
_METHODS = ("A(9), A(4,'f',1), method='fft'", "A(9), A(4,'f',1), 'same', 'fft'", "A(9), A(4,'f',1), method='direct'",
            "A(9), A(4), method='x'", "A((3,4)), A((2,2),'f',1), 'valid', 'fft'")  # fmt: skip
_MATRICES = (
    "A((4,5)), A((2,3),'f',1)", "A((2,3)), A((4,5),'f',1)", "A((4,5)), A((2,3),'f',1), 'same'",
    "A((2,3)), A((4,5),'f',1), 'same'", "A((4,5)), A((2,3),'f',1), 'valid'", "A((2,3)), A((4,5),'f',1), 'valid'",
    "A((3,3)), A((3,3),'f',1)", "A((3,3)), A((3,3),'f',1), 'valid'", "A((3,3)), A((3,3),'f',1), 'same'",
    "A((3,4),'c'), A((2,2),'c',1)", "A((2,2),'c'), A((3,4),'c',1)", "A((3,4),'i'), A((2,2),'i',1)",
    "A((3,4)), A((2,2)), boundary='wrap'", "A((3,4)), A((2,2)), fillvalue=1", "A(3), A(2)", "A((3,2)), A((2,3))",
)  # fmt: skip
_FFT = (
    "A(8), A(3,'f',1)", "A(3), A(8,'f',1)", "A(8), A(3,'f',1), 'same'", "A(3), A(8,'f',1), 'same'",
    "A(8), A(4,'f',1), 'valid'", "A(4), A(8,'f',1), 'valid'", "A((4,5)), A((2,3),'f',1)", "A(5,'i'), A(3,'i',1)",
    "A((2,5)), A((2,3),'f',1), axes=1", "A((2,5)), A((2,3),'f',1), axes=(-1,)", "A((2,5)), A((3,3)), axes=1",
    "A(5,'c'), A(3,'c',1)", "A(5), A((2,2))", "A(5), A(3), 'x'", "A((4,2)), A((2,3)), 'valid'", "A(5), A(1,'f',1)",
    "A((3,4,2)), A((2,2,2),'f',1), axes=(0,1)",
)  # fmt: skip
_SPECTRA = (
    ", nperseg=16", ", nperseg=15", ", nperseg=16, noverlap=5", ", nperseg=16, nfft=20", ", nperseg=16, fs=10.0",
    ", nperseg=16, window='hamming'", ", window=J.ones(9)", ", nperseg=16, return_onesided=False",
    ", nperseg=16, detrend='linear'", ", nperseg=16, detrend=False", ", nperseg=16, noverlap=16", ", nperseg=0",
    ", nperseg=16, nfft=8", ", nperseg=8, window=J.ones(9)", ", nperseg=16, axis=0", ", nperseg=16, noverlap=0",
    ", nperseg=16, window=('kaiser', 4.0)",
)  # fmt: skip
_AVERAGES = (
    "", ", nperseg=16, scaling='spectrum'", ", nperseg=16, average='median'", ", nperseg=16, average='x'",
    ", nperseg=16, scaling='x'",
)  # fmt: skip

CASES = {
    "convolve": [f"M.convolve({a})" for a in (*_PAIRS, *_METHODS)],
    "correlate": [f"M.correlate({a})" for a in (*_PAIRS, *_METHODS)],
    "convolve2d": [f"M.convolve2d({a})" for a in _MATRICES],
    "correlate2d": [f"M.correlate2d({a})" for a in _MATRICES],
    "fftconvolve": [f"M.fftconvolve({a})" for a in _FFT],
    "detrend": [f"M.detrend({a})" for a in (
        "A(9)", "A((3,8))", "A((3,8)), axis=0", "A(9), type='constant'", "A((3,4)), 0, 'constant'", "A(9), bp=4",
        "A((2,12)), bp=[3, 8]", "A(9,'i')", "A(9), type='x'", "A(9), bp=20", "A(2)", "A((2,3,5)), axis=1",
        "A(9), bp=8", "A(9), overwrite_data=True", "A(6,'c')", "[1., 2., 4.]", "2.0",
    )],
    "stft": [f"M.stft(A({shape}){more})" for shape, more in (
        *(("60", more) for more in _SPECTRA[:-2]), ("(2,40)", ", nperseg=16"), ("60", ", nperseg=16, boundary=None"),
        ("60", ", nperseg=16, boundary='even'"), ("60", ", nperseg=16, boundary='odd'"),
        ("60", ", nperseg=16, boundary='constant', padded=False"), ("60", ", nperseg=16, boundary='x'"),
        ("(40,2)", ", nperseg=16, axis=0"), ("20", ""), ("(2,0)", ""),
    )] + ["M.stft(A(40,'c'), nperseg=16)", "M.stft(A(40,'i'), nperseg=16)"],
    "csd": [f"M.csd(A(60), A({n},'f',1){more})" for n, more in (
        *((60, more) for more in _SPECTRA), *((50, more) for more in _AVERAGES), (70, ", nperseg=16"),
    )] + ["M.csd(A((2,40)), A((2,40),'f',1), nperseg=16)", "M.csd(A(40), A((2,40)), nperseg=16)",
          "M.csd(A(40,'c'), A(40,'c',1), nperseg=16)", "M.csd(A((3,1,40)), A((1,2,40),'f',1), nperseg=16)",
          "M.csd(A(40), None, nperseg=16)", "M.csd(A((2,0)), A((2,0)))"],
    "welch": [f"M.welch(A(60){more})" for more in (*_SPECTRA, *_AVERAGES)]
    + ["M.welch(A((2,40)), nperseg=16)", "M.welch(A((40,2)), nperseg=16, axis=0)", "M.welch(A(40,'c'), nperseg=16)",
       "M.welch(A(40,'i'), nperseg=16)", "M.welch(A((2,0)))", "M.welch(A(40), nperseg=16, detrend=lambda d: d * 2)"],
    "istft": [f"M.istft({a})" for a in (
        "A((9,7),'c')", "A((2,9,7),'c')", "A((9,7),'c'), nperseg=17", "A((9,7),'c'), nperseg=12", "A((9,7),'c'), fs=2.0",
        "A((9,7),'c'), noverlap=12", "A((9,7),'c'), window='hamming'", "A((9,7),'c'), window=J.ones(16)",
        "A((16,7),'c'), input_onesided=False", "A((9,7),'c'), boundary=False", "A((7,9),'c'), time_axis=0, freq_axis=1",
        "A((7,2,9),'c'), time_axis=0, freq_axis=-1", "A((9,7),'c'), nfft=20", "A((9,7),'c'), nfft=8", "A(9,'c')",
        "A((9,7),'c'), noverlap=16", "A((9,7),'c'), time_axis=0, freq_axis=0", "A((9,7),'c'), window=J.ones(9)",
        "A((9,7))", "A((9,7),'c'), nperseg=-1", "A((9,7),'c'), noverlap=0", "A((9,1),'c')",
    )],
}  # fmt: skip

EXCEPTIONS = {
    "M.csd(A((2,0)), A((2,0)))": "JAX mixes up place and size, and gives an array of shape [1, 2] for no numbers",
    "M.istft(A((9,7),'c'), nperseg=17)": "JAX forgets that the transforms then have 17 points; here, as in SciPy",
    "M.istft(A((9,7),'c'), noverlap=0)": "JAX takes 0 for None, and overlaps by half; here, as in SciPy, it is 0",
}

TOLERANCE = dict.fromkeys(("convolve", "correlate", "fftconvolve", "convolve2d", "correlate2d"), 1e-4)
TOLERANCE |= dict.fromkeys(("stft", "istft", "csd", "welch", "detrend"), 2e-4)

X64 = ["M.fftconvolve(A(8,'d'), A(3,'d',1))", "M.convolve(A(8,'d'), A(3,'d',1))", "M.detrend(A(9,'d'))",
       "M.welch(A(60,'d'), nperseg=16)", "M.stft(A(60,'d'), nperseg=16)", "M.istft(A((9,7),'z'))"]  # fmt: skip

GRAD = {
    "convolve": ("lambda x, y: M.convolve(x, y) ** 2", "A(6), A(3,'f',1)"),
    "correlate": ("lambda x, y: M.correlate(x, y) ** 2", "A(6), A(3,'f',1)"),
    "fftconvolve": ("lambda x, y: M.fftconvolve(x, y, 'same') ** 2", "A((3,4)), A((2,3),'f',1)"),
    "detrend": ("lambda x: M.detrend(x) ** 3", "A((2,6))"),
    "stft": ("lambda x: J.abs(M.stft(x, nperseg=8)[2]) ** 2", "A(20)"),
    "istft": ("lambda x, y: M.istft(x + 1j * y)[1] ** 2", "A((5,4)), A((5,4),'f',1)"),
    "welch": ("lambda x: M.welch(x, nperseg=8)[1] ** 2", "A(20)"),
    "csd": ("lambda x, y: M.csd(x, y, nperseg=8)[1] * (1 - 2j)", "A(20), A(20,'f',1)"),
}
