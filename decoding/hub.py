"""Fetching a model by name: the only code of fairlead that connects anywhere, and only when a person asks for it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..monitors.errors import ModelBroken, ModelNotFound

FILES = ["*.safetensors", "*.json"]
"""What is fetched: weights that cannot hold code, and configuration."""

Progress = Callable[[int, int], None]
"""Called with the bytes there are and the bytes there will be (as far as is known yet), from several threads."""


def pull(model_id: str, progress: Progress | None = None) -> Path:
    """Fetch a model of the Hugging Face hub into its usual cache, where `load` finds it; the folder.

    What is there already is not fetched again, and an interrupted download goes on where it stopped. Raises
    `ModelNotFound` when it cannot be had (no such model, no access, no network, `HF_HUB_OFFLINE`), `ModelBroken` when
    it holds no safetensors.
    """
    # Imported here: a hundred milliseconds that only this command pays.
    from huggingface_hub import constants, snapshot_download
    from huggingface_hub.errors import GatedRepoError, HFValidationError, RepositoryNotFoundError

    if constants.HF_HUB_OFFLINE:
        raise ModelNotFound(f"HF_HUB_OFFLINE is set: unset it to fetch {model_id}")
    try:
        folder = Path(snapshot_download(model_id, allow_patterns=FILES, tqdm_class=_bar(progress or (lambda *_: None))))
    except HFValidationError as error:
        raise ModelNotFound(f"{model_id!r} is no hub id; one looks like owner/name") from error
    except GatedRepoError as error:
        raise ModelNotFound(f"{model_id} is gated: accept its terms on its page, then run: hf auth login") from error
    except RepositoryNotFoundError as error:
        raise ModelNotFound(f"There is no public model {model_id} on the hub") from error
    except Exception as error:
        # The network stack below the hub's client has changed twice; whatever it raises means the same to the user.
        first_line = (str(error).strip().splitlines() or [type(error).__name__])[0].removeprefix("Got: ")
        raise ModelNotFound(
            f"{model_id} could not be fetched ({first_line}). Check the connection to the hub, and try again"
        ) from error
    if not any(folder.glob("*.safetensors")):
        raise ModelBroken(f"{model_id} holds no *.safetensors weights; fairlead reads no other kind")
    return folder


def _bar(progress: Progress) -> type[Any]:
    """The class that the hub's client makes its progress bars of; nothing of them is drawn."""
    from tqdm import tqdm  # type: ignore[import-untyped]  # it ships no types

    most = [0, 0]

    class Bar(tqdm):  # type: ignore[misc]  # untyped, see above
        def __init__(self, *args: Any, **settings: Any) -> None:
            settings.pop("name", None)
            super().__init__(*args, **{**settings, "file": _Nowhere(), "disable": False})

        def update(self, n: float | None = 1) -> Any:
            drawn = super().update(n)
            # Several bars count the same bytes (received, written), others count files.
            if self.unit == "B":
                most[:] = max(most[0], int(self.n)), max(most[1], int(self.total or 0))
                progress(*most)
            return drawn

    return Bar


class _Nowhere:
    def write(self, _: str) -> int:
        return 0

    def flush(self) -> None:
        pass
