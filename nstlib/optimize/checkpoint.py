"""A long run that survives its interruption: all that its next step depends on, in one file.

The file is in the safetensors format, which holds tensors and JSON and can run nothing: the change made so far, the
first and the best picture and the optimiser's memory as tensors; the history, the settings and a SHA-256 over all of it
as JSON. L-BFGS remembers 20 steps, so the file is about as large as 46 uncompressed pictures: 60 MB at 384 × 288
pixels.
"""

import hashlib
import json
import os
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from nstlib.files import atomic_write
from nstlib.optimize.loop import Descent
from nstlib.optimize.result import RunState

SECONDS = 30  # from one writing to the next
FORMAT = 4  # of the file
NAMES = {
    "content_sha256": "photograph",
    "style_sha256": "painting",
    "init_sha256": "picture to start from",
    "mask_sha256": "mask",
    "network_sha256": "network",
}


class Checkpoint:
    """The state of a run over several sizes, kept in `file` while it runs and read from there when it begins again.

    Parameters
    ----------
    file : path
        Where it is kept; read now if it is there.
    settings : dict
        All that the result depends on and that was asked for, in terms of JSON. Those of the file must be the same.
    chosen : dict, optional
        What this machine chose where it was left to it. Those of the file are kept, whatever this machine would choose.

    Attributes
    ----------
    found : bool, whether the file was there
    chosen : dict, with what holds for this run

    Raises
    ------
    ValueError: the file is no checkpoint, is damaged, or belongs to other settings, which the message names.
    """

    def __init__(self, file: str | os.PathLike, settings: dict, chosen: dict | None = None):
        self.file, self.settings, self.chosen = Path(os.path.expanduser(file)), _plain(settings), dict(chosen or {})
        self._content, self._written = None, time.monotonic()
        if self.file.exists():
            about, tensors = read_checkpoint(self.file)
            self._refuse_other(about["settings"])
            self._content = about, tensors
            self.chosen |= about["chosen"]

    @property
    def found(self) -> bool:
        return self._content is not None

    def restore(self, begin_at: Callable[[int, Tensor], Descent]) -> RunState:
        """The state that the file holds; `begin_at` makes the Descent of a stage, by its index, from its first
        picture.
        """
        (about, tensors), self._content = self._content, None
        descent = begin_at(about["stage"], tensors["start"])
        descent.y.data.copy_(tensors["y"])
        descent.first_loss = about["first_loss"]
        groups = descent.optimizer.state_dict()["param_groups"]
        descent.optimizer.load_state_dict({"state": {0: _unpack(about["optimizer"], tensors)}, "param_groups": groups})
        image, losses = tensors["image"].to(descent.y.device), about["losses"]
        return RunState(image, losses, about["history"], about["stage"], descent, least=losses["total"])

    def save(self, state: RunState) -> None:
        """Writes the state, if the last time was `SECONDS` ago: the whole of it or nothing, so that a kill leaves the
        one before.
        """
        if time.monotonic() - self._written < SECONDS:
            return
        descent = state.descent
        tensors = {"y": descent.y.detach().cpu(), "start": descent.start.cpu(), "image": state.image.cpu()}
        packed = _pack(descent.optimizer.state_dict()["state"].get(0, {}), tensors)
        about = json.dumps(
            {
                "nstlib": FORMAT,
                "settings": self.settings,
                "chosen": self.chosen,
                "stage": state.stage,
                "history": state.history,
                "losses": state.losses,
                "first_loss": descent.first_loss,
                "optimizer": packed,
            }
        )
        try:
            with atomic_write(self.file) as temporary:
                temporary.write_bytes(save(tensors, {"about": about, "sha256": digest(about, tensors)}))
        except OSError as error:  # a full disk shall not end the run
            warnings.warn(f"The checkpoint {error}. The run goes on without.", stacklevel=2)
        self._written = time.monotonic()

    def _refuse_other(self, theirs: dict) -> None:
        differ = [key for key in {**theirs, **self.settings} if theirs.get(key) != self.settings.get(key)]
        if differ:
            said = (
                f"another {NAMES[key]}"
                if key in NAMES
                else f"{key} {theirs.get(key)!r} there, {self.settings.get(key)!r} here"
                for key in differ
            )
            raise ValueError(
                f"The checkpoint {self.file} is of a run with other settings: {'; '.join(said)}. Go on with the "
                "settings of that run, give another file, or delete this one to begin anew."
            )


def fingerprint(value: Tensor | list[Tensor] | torch.nn.Module) -> str:
    """SHA-256 of the shapes and values of a picture, several, or a network, by which it is known again."""
    if isinstance(value, torch.nn.Module):
        value = list(value.state_dict().values())
    tensors = value if isinstance(value, list) else [value]
    return digest("", {str(index): tensor.detach().cpu() for index, tensor in enumerate(tensors)})


def read_checkpoint(file: Path) -> tuple[dict, dict[str, Tensor]]:
    """What the file says, checked."""
    try:
        data = file.read_bytes()
        tensors = load(data)
        length = int.from_bytes(data[:8], "little")  # the safetensors format: length of the header, header, tensors
        stored = json.loads(data[8 : 8 + length])["__metadata__"]
        if (
            stored["sha256"] == digest(stored["about"], tensors)
            and (about := json.loads(stored["about"]))["nstlib"] == FORMAT
        ):
            return about, tensors
    except OSError as error:
        raise ValueError(f"The checkpoint {file} cannot be read ({error.strerror}); give another file.") from None
    except (SafetensorError, KeyError, TypeError, ValueError):
        pass
    raise ValueError(
        f"{file} is not a checkpoint of nstlib, or is damaged. Give another file, or delete this one to begin anew."
    )


def digest(about: str, tensors: dict[str, Tensor]) -> str:
    found = hashlib.sha256(about.encode())
    for name, tensor in sorted(tensors.items()):
        found.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        found.update(tensor.contiguous().reshape(-1).view(torch.uint8).numpy())
    return found.hexdigest()


def _plain(value: dict) -> dict:
    """As it will come back from JSON: tuples, tensors and arrays are lists there."""
    return json.loads(json.dumps(value, default=lambda item: item.tolist()))


def _pack(value, tensors: dict[str, Tensor]):
    """`value` with each tensor moved to `tensors` and its name there in its place."""
    if isinstance(value, dict):
        return {key: _pack(item, tensors) for key, item in value.items()}
    if isinstance(value, list):
        return [_pack(item, tensors) for item in value]
    if isinstance(value, Tensor):
        name = f"optimizer {len(tensors)}"
        tensors[name] = value.detach().cpu()
        return {"tensor": name}
    return value


def _unpack(value, tensors: dict[str, Tensor]):
    if isinstance(value, dict):
        return (
            tensors[value["tensor"]]
            if value.keys() == {"tensor"}
            else {key: _unpack(item, tensors) for key, item in value.items()}
        )
    return [_unpack(item, tensors) for item in value] if isinstance(value, list) else value
