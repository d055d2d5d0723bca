"""Records JAX's answers: `python test/api/record.py [topic ...]`, all topics by default. Needs JAX."""

from __future__ import annotations

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent))

from harness import Table, tables  # noqa: E402

if __name__ == "__main__":
    for topic in sys.argv[1:] or tables():
        table = Table(topic)
        table.record()
        refused = sum(answer is None for answer in table.answers().values())
        print(f"{topic}: {len(table.answers())} answers, of which JAX refuses {refused}")
