"""Torch's libraries, loaded while the event loop goes on.

Python's own import holds the interpreter lock while the linker reads hundreds of megabytes: 0.7 s on two busy cores, in
which no key is answered and no `exit` heard. A call through ctypes lets go of the lock, and the import then finds the
libraries loaded; 0.2 s are left.
"""

from __future__ import annotations

import ctypes
import importlib.util
import os
import sys
from pathlib import Path

_LIBRARY = Path("lib") / "libtorch_python.so"


def preload_torch() -> bool:
    """Load what `import torch` will need, without importing it; whether that was done. Linux only, and never raises.

    It is the very file that the import loads: the one beside the `torch` that Python would find.
    """
    try:
        spec = importlib.util.find_spec("torch") if sys.platform == "linux" and "torch" not in sys.modules else None
        if spec is None or spec.origin is None:
            return False
        library = Path(spec.origin).parent / _LIBRARY
        if not library.is_file():
            return False
        dlopen = ctypes.CDLL(None).dlopen
        dlopen.restype, dlopen.argtypes = ctypes.c_void_p, [ctypes.c_char_p, ctypes.c_int]
        return bool(dlopen(os.fsencode(library), os.RTLD_NOW))
    except (ImportError, OSError, AttributeError, ValueError):
        return False  # the import loads it then, in its own way
