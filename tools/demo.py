"""`axil demo`: train a classifier on real handwritten digits, compile it ahead of time, run it on its own.

Shows the whole way: a loss written for one example and batched with `vmap`, `jit` over `value_and_grad`, the trained
`predict` compiled into `digits.axil`, that artifact run by a new process which imports `axil.runtime` alone.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

HELP = "train a digit classifier, compile it and run the artifact (needs the extra [demo])"

SIZES = (64, 128, 64, 10)
BATCH = 64
EPOCHS = 40
RATE = 0.1
MOMENTUM = 0.9
WANTED_ACCURACY = 0.96
WANTED_AGREEMENT = 1e-5

_RUN_ARTIFACT = """
import sys
import numpy as np
import axil.runtime

program = axil.runtime.load(sys.argv[1])
np.save(sys.argv[3], program(np.load(sys.argv[2])))
loaded = [m for m in ("axil.compiler", "axil.dialects", "torch_mlir", "iree.compiler", "optree") if m in sys.modules]
assert not loaded, f"the artifact's process imported {loaded}"
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    parser.add_argument("--out", type=Path, default=Path("."), help="folder for digits.axil and digits.png")
    parser.add_argument("--epochs", type=int, default=EPOCHS, help=f"passes over the training data (default {EPOCHS})")
    parser.add_argument("--seed", type=int, default=0, help="seed of the initial weights (default 0)")


def run(args: argparse.Namespace) -> int:
    """Run the demo; gives 1 if it misses what it promises."""
    try:
        import matplotlib  # noqa: F401
        import sklearn  # noqa: F401
    except ImportError as e:
        print(f"axil: error: the demo needs {e.name}; install it with: pip install 'axil[demo]'", file=sys.stderr)
        return 1
    args.out.mkdir(parents=True, exist_ok=True)
    started = time.perf_counter()
    data = load_digits()
    trained = train(data, args.epochs, args.seed)
    report = deploy(trained, data, args.out)
    draw(trained, data, report, args.out / "digits.png")
    return summarize(trained, report, time.perf_counter() - started, args.out)


def load_digits() -> dict[str, Any]:
    """The 1,797 digits of 8x8 pixels that scikit-learn ships, shuffled and split 80/20."""
    import numpy as np
    from sklearn.datasets import load_digits as load

    images, labels = load(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(labels))
    x = (images[order] / 16).astype(np.float32)
    y = labels[order].astype(np.int32)
    cut = len(y) * 4 // 5
    return {"x": x[:cut], "y": y[:cut], "test_x": x[cut:], "test_y": y[cut:]}


def init_params(seed: int) -> list[dict[str, Any]]:
    """He-normal weights and zero biases."""
    import axil.numpy as np
    from axil import random

    keys = random.split(random.PRNGKey(seed), len(SIZES) - 1)
    return [
        {"w": random.normal(key, (n, m)) * (2 / n) ** 0.5, "b": np.zeros(m)}
        for key, n, m in zip(keys, SIZES, SIZES[1:])
    ]


def logits(params: list[dict[str, Any]], x: Any) -> Any:
    """Class scores of one example, a vector of 64 pixels."""
    import axil.numpy as np

    for layer in params[:-1]:
        x = np.maximum(x @ layer["w"] + layer["b"], 0)
    return x @ params[-1]["w"] + params[-1]["b"]


def example_loss(params: list[dict[str, Any]], x: Any, y: Any) -> Any:
    """Cross entropy of one example."""
    import axil.numpy as np

    scores = logits(params, x)
    shifted = scores - np.max(scores)
    return np.log(np.sum(np.exp(shifted))) - shifted[y]


def batch_loss(params: list[dict[str, Any]], x: Any, y: Any) -> Any:
    """Mean loss of a batch."""
    import axil
    import axil.numpy as np

    return np.mean(axil.vmap(example_loss, in_axes=(None, 0, 0))(params, x, y))


def update(params: Any, velocity: Any, x: Any, y: Any) -> Any:
    """One step of gradient descent with momentum."""
    import axil

    loss, grads = axil.value_and_grad(batch_loss)(params, x, y)
    velocity = axil.tree_map(lambda v, g: MOMENTUM * v - RATE * g, velocity, grads)
    return axil.tree_map(lambda p, v: p + v, params, velocity), velocity, loss


def train(data: dict[str, Any], epochs: int, seed: int) -> dict[str, Any]:
    """Train, showing progress; gives parameters, losses and times."""
    import numpy as np

    import axil
    import axil.numpy as anp

    step = axil.jit(update)
    params = init_params(seed)
    velocity = axil.tree_map(anp.zeros_like, params)
    x, y = anp.asarray(data["x"]), anp.asarray(data["y"])
    started = time.perf_counter()
    step(params, velocity, x[:BATCH], y[:BATCH])
    compile_seconds = time.perf_counter() - started
    print(f"compiled the training step in {compile_seconds:.2f} s", flush=True)

    predict = axil.jit(lambda p, x: anp.argmax(axil.vmap(logits, in_axes=(None, 0))(p, x), axis=-1))
    rng = np.random.default_rng(seed)
    losses: list[float] = []
    step_seconds: list[float] = []
    for epoch in range(epochs):
        order = rng.permutation(len(data["y"]))
        total, batches = 0.0, 0
        for start in range(0, len(order) - BATCH + 1, BATCH):
            rows = order[start : start + BATCH]
            batch = anp.asarray(data["x"][rows]), anp.asarray(data["y"][rows])
            before = time.perf_counter()
            params, velocity, loss = step(params, velocity, *batch)
            step_seconds.append(time.perf_counter() - before)
            total, batches = total + float(loss), batches + 1
        losses.append(total / batches)
        accuracy = float(np.mean(np.asarray(predict(params, anp.asarray(data["test_x"]))) == data["test_y"]))
        _show_progress(epoch + 1, epochs, losses[-1], accuracy)
    print()
    return {
        "params": params, "losses": losses, "accuracy": accuracy, "compile_seconds": compile_seconds,
        "step_seconds": float(np.median(step_seconds)),
    }  # fmt: skip


def _show_progress(epoch: int, epochs: int, loss: float, accuracy: float) -> None:
    bar = ("#" * (30 * epoch // epochs)).ljust(30, ".")
    line = f"[{bar}] epoch {epoch:3d}/{epochs}  loss {loss:.4f}  test accuracy {accuracy:.1%}"
    if sys.stdout.isatty():
        print("\r" + line, end="", flush=True)
    elif epoch % 5 == 0 or epoch in (1, epochs):
        print(line, flush=True)


def deploy(trained: dict[str, Any], data: dict[str, Any], out: Path) -> dict[str, Any]:
    """Compile `predict` with its weights into an artifact, and run that in a new process."""
    import numpy as np

    import axil
    from axil import aot

    params = trained["params"]

    def predict(x: Any) -> Any:
        return axil.vmap(lambda image: logits(params, image))(x)

    artifact = out / "digits.axil"
    started = time.perf_counter()
    aot.save(artifact, predict, data["test_x"])
    seconds = time.perf_counter() - started
    here = np.asarray(axil.jit(predict)(data["test_x"]))
    there = run_in_new_process(artifact, data["test_x"], out)
    return {
        "artifact": artifact, "seconds": seconds, "bytes": artifact.stat().st_size, "scores": there,
        "difference": float(np.abs(here - there).max()),
    }  # fmt: skip


def run_in_new_process(artifact: Path, x: Any, out: Path) -> Any:
    """Run an artifact where only `axil.runtime` is imported."""
    import tempfile

    import numpy as np

    with tempfile.TemporaryDirectory(dir=out) as folder:
        source, target = Path(folder) / "x.npy", Path(folder) / "y.npy"
        np.save(source, x)
        subprocess.run([sys.executable, "-c", _RUN_ARTIFACT, str(artifact), str(source), str(target)], check=True)
        return np.load(target)


def draw(trained: dict[str, Any], data: dict[str, Any], report: dict[str, Any], path: Path) -> None:
    """The loss curve, and test digits with what the artifact predicts for them."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    predictions = report["scores"].argmax(axis=-1)
    wrong = [i for i, (p, t) in enumerate(zip(predictions, data["test_y"])) if p != t]
    shown = [*wrong[:6], *[i for i in range(len(predictions)) if i not in wrong][: 30 - len(wrong[:6])]]
    figure = plt.figure(figsize=(11, 5), layout="constrained")
    left, right = figure.subfigures(1, 2, squeeze=False, width_ratios=(1, 1.35))[0]
    axes = left.subplots()
    axes.semilogy(range(1, len(trained["losses"]) + 1), trained["losses"], color="#2b6cb0")
    axes.set(xlabel="epoch", ylabel="training loss", title=f"test accuracy {trained['accuracy']:.1%}")
    axes.grid(alpha=0.3)
    right.suptitle("test digits and predictions of digits.axil (mistakes in red)")
    for axis, i in zip(right.subplots(5, 6).flat, shown):
        axis.imshow(data["test_x"][i].reshape(8, 8), cmap="gray_r")
        axis.set_axis_off()
        right_one = predictions[i] == data["test_y"][i]
        axis.set_title(str(predictions[i]), color="black" if right_one else "#c53030", fontsize=10)
    figure.savefig(path, dpi=110)


def summarize(trained: dict[str, Any], report: dict[str, Any], seconds: float, out: Path) -> int:
    """The closing table; gives the exit status."""
    rows = [
        ("test accuracy", f"{trained['accuracy']:.2%}", trained["accuracy"] >= WANTED_ACCURACY,
         f">= {WANTED_ACCURACY:.0%}"),
        ("compile time, training step", f"{trained['compile_seconds']:.2f} s", True, ""),
        ("time per step (batch of 64)", f"{trained['step_seconds'] * 1e6:.0f} us", True, ""),
        ("compile time, artifact", f"{report['seconds']:.2f} s", True, ""),
        ("artifact size", f"{report['bytes'] / 1024:.1f} kB", True, ""),
        ("artifact against jit, largest difference", f"{report['difference']:.1e}",
         report["difference"] <= WANTED_AGREEMENT, f"<= {WANTED_AGREEMENT:.0e}"),
        ("whole demo", f"{seconds:.1f} s", True, ""),
    ]  # fmt: skip
    print()
    for name, value, ok, limit in rows:
        mark = f"{'ok' if ok else 'MISSED'} ({limit})" if limit else ""
        print(f"  {name:<42}{value:>12}  {mark}".rstrip())
    print(f"\nwrote {out / 'digits.axil'} and {out / 'digits.png'}")
    return 0 if all(ok for _, _, ok, _ in rows) else 1
