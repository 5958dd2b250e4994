"""Loading a checkpoint: a folder of weights, or a name on the hub, onto this machine's best device."""

from __future__ import annotations

import hashlib
import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from silicus.concepts.errors import MissingExtraError, ProviderError

__all__ = ["Checkpoint", "extra", "folder_of", "load_checkpoint"]

INSTALL = (
    'pip install "silicus[local]". Without a graphics card, install the small build of torch first: '
    "pip install torch --index-url https://download.pytorch.org/whl/cpu"
)

UNBOUNDED = 10**9
"""Tokenizers write a number beyond this where they know no longest text."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A language model in memory.

    Attributes
    ----------
    name
        Folder or hub name.
    llm, tokenizer
        The transformers objects.
    device
        Where the weights lie: ``cuda``, ``mps`` or ``cpu``.
    context
        Tokens that a prompt and its answer may have together; None where the checkpoint does not say.
    ends
        Tokens that end an answer.
    fingerprint
        Hash of the weights: changes with training, not with the folder.
    """

    name: str
    llm: Any
    tokenizer: Any
    device: str
    context: int | None
    ends: frozenset[int]
    fingerprint: str

    @property
    def chats(self) -> bool:
        """Whether it has a chat template; a base model has none."""
        return bool(self.tokenizer.chat_template)

    @property
    def vocabulary(self) -> int:
        """Tokens that the output layer tells apart; may exceed the tokenizer's."""
        return int(self.llm.get_output_embeddings().weight.shape[0])


def extra(module: str) -> Any:
    """Import a package of the extra ``local``.

    Raises
    ------
    MissingExtraError
        Where it is not installed.
    """
    try:
        return import_module(module)
    except ModuleNotFoundError as missing:
        if missing.name != module.partition(".")[0]:
            raise
        raise MissingExtraError(f"a local checkpoint needs {missing.name}", suggestion=INSTALL) from None


def folder_of(name: str) -> Path | None:
    """The folder that a name means; None for a name on the hub."""
    if not name:
        return None
    path = Path(name).expanduser()
    written_as_path = name.startswith((".", "~", os.sep)) or "\\" in name or path.is_absolute()
    return path if written_as_path or path.is_dir() else None


def load_checkpoint(name: str, *, device: str = "auto", dtype: str = "auto") -> Checkpoint:
    """Load a checkpoint; a hub name that is not on this machine is fetched, and the log says so.

    Parameters
    ----------
    name
        A folder, or a name such as ``Qwen/Qwen3-0.6B``.
    device
        ``auto`` (cuda, else mps, else cpu) or a device of torch.
    dtype
        ``auto`` (as the checkpoint was saved) or a dtype of torch; ``float32`` computes log-probabilities more finely
        than the half precision that most are saved in.

    Raises
    ------
    ProviderError
        Where there is no such checkpoint, it cannot be fetched, or it cannot be read.
    MissingExtraError
        Where torch or transformers are not installed.
    """
    extra("torch")
    folder = folder_of(name)
    if folder is not None:
        _check_folder(folder)
        tokenizer, llm = _read(str(folder), dtype, on_this_machine=True)
    else:
        tokenizer, llm = _from_hub(name, dtype)
    device = _device() if device == "auto" else device
    llm = llm.to(device).eval()
    ends = _ends(llm, tokenizer)
    # What the checkpoint says about sampling (top_p, repetition penalty, ...) would bend the distribution unasked.
    config = extra("transformers").GenerationConfig
    llm.generation_config = config(eos_token_id=sorted(ends) or None, pad_token_id=_padding(tokenizer, ends))
    return Checkpoint(name, llm, tokenizer, device, _context(llm, tokenizer), ends, _fingerprint(llm))


def _check_folder(folder: Path) -> None:
    if (folder / "config.json").is_file():
        return
    if (folder / "adapter_config.json").is_file():
        raise ProviderError(
            f"{folder} holds an adapter, not a whole checkpoint",
            suggestion="Merge it into its base first (peft's merge_and_unload) and save both checkpoint and tokenizer.",
            code="no_checkpoint",
        )
    inside = sorted(path.name for path in folder.iterdir())[:8] if folder.is_dir() else None
    found = f"it holds {', '.join(inside) or 'nothing'}" if inside is not None else "there is no such folder"
    raise ProviderError(
        f"there is no checkpoint in {folder}: {found}",
        suggestion="Name the folder that save_pretrained wrote: config.json, the weights and the tokenizer's files.",
        code="no_checkpoint",
    )


def _from_hub(name: str, dtype: str) -> tuple[Any, Any]:
    constants = extra("huggingface_hub.constants")
    if not _is_hub_name(name):
        raise ProviderError(
            f"'{name}' is neither a folder here nor a name on the hub",
            suggestion="Write hf:/path/to/checkpoint or hf:owner/name.",
            code="no_checkpoint",
        )
    try:
        return _read(name, dtype, on_this_machine=True)
    except ProviderError as error:
        if not isinstance(error.__cause__, OSError):
            raise
        if constants.HF_HUB_OFFLINE:
            raise _unavailable(name, "the hub is switched off (HF_HUB_OFFLINE)") from error
    _log.warning("%s is not on this machine: fetching it from the hub into %s", name, constants.HF_HUB_CACHE)
    try:
        return _read(name, dtype, on_this_machine=False)
    except ProviderError as error:
        raise _unavailable(name, error.message) from error


def _is_hub_name(name: str) -> bool:
    try:
        extra("huggingface_hub.utils").validate_repo_id(name)
    except extra("huggingface_hub.errors").HFValidationError:
        return False
    return True


def _unavailable(name: str, reason: str) -> ProviderError:
    return ProviderError(
        f"{name} is not on this machine and was not fetched: {reason}",
        suggestion=f"Fetch it where there is a network (hf download {name}), or give a folder: hf:/path/to/checkpoint. "
        "A gated one needs a token in HF_TOKEN.",
        code="no_checkpoint",
    )


def _read(source: str, dtype: str, *, on_this_machine: bool) -> tuple[Any, Any]:
    """Tokenizer and language model."""
    transformers = extra("transformers")
    damage = extra("safetensors").SafetensorError
    logger = transformers.utils.logging
    bars = logger.is_progress_bar_enabled()
    logger.disable_progress_bar()
    try:
        tokenizer = transformers.AutoTokenizer.from_pretrained(source, local_files_only=on_this_machine)
        llm = transformers.AutoModelForCausalLM.from_pretrained(source, local_files_only=on_this_machine, dtype=dtype)
    except (OSError, ValueError, KeyError, TypeError, ImportError, RuntimeError, damage) as error:
        raise ProviderError(
            f"the checkpoint {source} cannot be read: {_first_line(error)}",
            suggestion="It must be a causal language model that this transformers knows, with its tokenizer. "
            "Code that a checkpoint brings along is not run.",
            code="no_checkpoint",
        ) from error
    finally:
        if bars:
            logger.enable_progress_bar()
    return tokenizer, llm


def _first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__


def _device() -> str:
    torch = extra("torch")
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def _ends(llm: Any, tokenizer: Any) -> frozenset[int]:
    stated = llm.generation_config.eos_token_id
    ends = stated if isinstance(stated, list) else [stated]
    return frozenset(end for end in (*ends, tokenizer.eos_token_id) if end is not None)


def _padding(tokenizer: Any, ends: frozenset[int]) -> int:
    """Any token will do: padding is masked."""
    return int(tokenizer.pad_token_id) if tokenizer.pad_token_id is not None else min(ends, default=0)


def _context(llm: Any, tokenizer: Any) -> int | None:
    positions = getattr(llm.config.get_text_config(), "max_position_embeddings", None)
    known = [limit for limit in (positions, tokenizer.model_max_length) if limit and limit < UNBOUNDED]
    return min(known, default=None)


def _fingerprint(llm: Any) -> str:
    """SHA-256 over each parameter's name, shape, kind and 64 of its numbers, evenly spread."""
    torch = extra("torch")
    weights: Mapping[str, Any] = llm.state_dict()
    digest = hashlib.sha256()
    for name in sorted(weights):
        values = weights[name].detach().flatten()
        digest.update(f"{name} {tuple(weights[name].shape)} {values.dtype}\n".encode())
        if values.numel():
            spread = torch.linspace(0, values.numel() - 1, min(64, values.numel()), dtype=torch.float64).long()
            digest.update(values[spread.to(values.device)].to("cpu", torch.float32).numpy().tobytes())
    return digest.hexdigest()[:16]
