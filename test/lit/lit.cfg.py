"""lit's configuration: `lit test/lit` runs these tests by themselves, as `pytest` does among the others."""

import os
import sys

here = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, here)
import axil_format  # noqa: E402

config.name = "axil"  # noqa: F821
config.suffixes = [".mlir"]  # noqa: F821
config.test_source_root = here  # noqa: F821
config.test_format = axil_format.AxilTest(execute_external=False)  # noqa: F821
config.environment["PATH"] = os.path.dirname(sys.executable) + os.pathsep + os.environ.get("PATH", "")  # noqa: F821
