"""Torch's libraries are loaded without Python's lock, and torch itself is not imported by that."""

import subprocess
import sys

import pytest

CODE = """
import sys
from fairlead.server.preload import preload_torch

done = preload_torch()
mapped = "libtorch_python" in open("/proc/self/maps").read()
print(done, mapped, "torch" in sys.modules)
import torch
print(preload_torch(), torch.ones(2).sum().item())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the import does it all")
def test_the_libraries_are_there_before_the_import_and_it_works_all_the_same() -> None:
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["True", "True", "False", "False", "2.0"]


def test_where_there_is_no_torch_nothing_happens() -> None:
    code = "import sys; sys.path[:] = [p for p in sys.path if 'site-packages' not in p]\n"
    code += "import importlib.util as u; u.find_spec = lambda name: None\n"
    code = "from fairlead.server.preload import preload_torch\n" + code + "print(preload_torch())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False"]
