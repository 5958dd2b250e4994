"""Checkpoints small enough to be made here: one that babbles, and one that was taught where four people live."""

from __future__ import annotations

import itertools
import os
import random
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from silicus.llm.prompt import Message
from silicus.llm.scoring import lettered

HOMES = {"Anna": "Rome", "Boris": "Oslo", "Carla": "Lima", "David": "Cairo"}
SHOWN = 3
"""Options under one question."""

CHAT_TEMPLATE = (
    "<s>{% for message in messages %}{{ message.role }} : {{ message.content }} </s>{% endfor %}"
    "{% if add_generation_prompt %}assistant :{% endif %}"
)
"""Of the taught one, whose tokens are words."""

STRICT_TEMPLATE = (
    "{% for message in messages %}"
    "{% if message.role == 'system' %}{{ raise_exception('System role not supported') }}{% endif %}"
    "<|{{ message.role }}|>{{ message.content }}</s>{% endfor %}<|assistant|>"
)
"""A template that takes no system message, as some do."""

CONTEXT = 512


def question(person: str) -> str:
    """What is asked about a person."""
    return f"Where does {person} live?"


def made_once(folder: Path, name: str, make: Callable[[Path], None]) -> Path:
    """The checkpoint in ``folder``, made by whichever process comes first."""
    place = folder / name
    with import_module("filelock").FileLock(str(folder / f"{name}.lock")):
        if not place.exists():
            unfinished = folder / f"{name}.unfinished"
            unfinished.mkdir(exist_ok=True)
            make(unfinished)
            unfinished.rename(place)
    return place


def shared_folder(base: Path) -> Path:
    """From a process's temporary folder the one that all processes of a test run share."""
    return base.parent if "PYTEST_XDIST_WORKER" in os.environ else base


def make_babbler(folder: Path, *, template: str | None = None, seed: int = 0) -> None:
    """Save an untaught language model whose tokens are pieces of bytes; a base model unless a template is given."""
    tokenizer = _byte_tokenizer()
    tokenizer.chat_template = template
    _new_llama(len(tokenizer) + 5, tokenizer, seed, spread=0.6).save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def make_counter(folder: Path) -> None:
    """Save an untaught base model that numbers the places of its tokens, as GPT-2 does, and has none to pad with."""
    torch, transformers = import_module("torch"), import_module("transformers")
    tokenizer = _byte_tokenizer()
    tokenizer.pad_token = None
    torch.manual_seed(3)
    config = transformers.GPT2Config(
        vocab_size=len(tokenizer), n_embd=32, n_layer=2, n_head=2, n_positions=CONTEXT, initializer_range=0.6,
        bos_token_id=tokenizer.bos_token_id, eos_token_id=tokenizer.eos_token_id,
    )  # fmt: skip
    transformers.GPT2LMHeadModel(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def make_taught(folder: Path) -> None:
    """Save a language model that was taught :data:`HOMES`, in words and by letters; a few seconds on one core."""
    tokenizer = _word_tokenizer()
    taught = (_taught(tokenizer, seed) for seed in (5, 4, 3))
    llm = next((llm for llm in taught if llm is not None), None)
    assert llm is not None, "the tiny language model did not learn"
    llm.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def _taught(tokenizer: Any, seed: int) -> Any:
    """A language model that has learnt, or None where this beginning led nowhere."""
    torch = import_module("torch")
    llm = _new_llama(len(tokenizer), tokenizer, seed, spread=0.15)
    optimizer = torch.optim.AdamW(llm.parameters(), lr=3e-3, betas=(0.9, 0.95), weight_decay=0.0)
    lessons = [(_rows(tokenizer, lettered_lessons()), 32), (_rows(tokenizer, worded_lessons()), 8)]
    drawn = random.Random(seed)
    recent = 1.0
    for step in range(300):
        optimizer.param_groups[0]["lr"] = 3e-3 * min(1.0, (step + 1) / 20)
        losses = [_loss(llm, torch.tensor(drawn.choices(rows, k=size))) for rows, size in lessons]
        sum(losses).backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        recent = 0.9 * recent + 0.1 * losses[0].item()
        if recent < 0.015:
            return llm
    return None


def lettered_lessons() -> list[tuple[tuple[Message, ...], str]]:
    """Every question with every choice and order of options, each with the right letter."""
    return [
        (lettered((Message("user", question(person)),), options), "ABC"[options.index(home)])
        for person, home in HOMES.items()
        for options in itertools.permutations(HOMES.values(), SHOWN)
        if home in options
    ]


def worded_lessons() -> list[tuple[tuple[Message, ...], str]]:
    """Every question, each with the right city."""
    return [((Message("user", question(person)),), home) for person, home in HOMES.items()]


def _rows(tokenizer: Any, lessons: Sequence[tuple[tuple[Message, ...], str]]) -> list[list[int]]:
    """Prompt, answer and end; of equal length."""
    prompts = [
        tokenizer.apply_chat_template(
            [{"role": each.role, "content": each.content} for each in messages],
            tokenize=False,
            add_generation_prompt=True,
        )
        for messages, _ in lessons
    ]
    texts = [f"{prompt} {answer} </s>" for prompt, (_, answer) in zip(prompts, lessons, strict=True)]
    return [tokenizer(text, add_special_tokens=False)["input_ids"] for text in texts]


def _loss(llm: Any, rows: Any) -> Any:
    logits = llm(input_ids=rows[:, :-1], use_cache=False, logits_to_keep=2).logits
    cross_entropy: Any = import_module("torch").nn.functional.cross_entropy
    return cross_entropy(logits.flatten(0, 1), rows[:, -2:].flatten())


def _new_llama(vocabulary: int, tokenizer: Any, seed: int, spread: float) -> Any:
    torch, transformers = import_module("torch"), import_module("transformers")
    torch.set_num_threads(1)
    torch.manual_seed(seed)
    config = transformers.LlamaConfig(
        vocab_size=vocabulary, hidden_size=64, intermediate_size=128, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=4, max_position_embeddings=CONTEXT, initializer_range=spread,
        bos_token_id=tokenizer.bos_token_id, eos_token_id=tokenizer.eos_token_id, pad_token_id=tokenizer.pad_token_id,
    )  # fmt: skip
    return transformers.LlamaForCausalLM(config)


def _byte_tokenizer() -> Any:
    tokenizers = import_module("tokenizers")
    bpe = tokenizers.Tokenizer(tokenizers.models.BPE())
    bpe.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = tokenizers.decoders.ByteLevel()
    trainer = tokenizers.trainers.BpeTrainer(
        vocab_size=320,
        special_tokens=["<s>", "</s>", "<pad>"],
        initial_alphabet=tokenizers.pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    bpe.train_from_iterator(["the buyer and the seller agree on a price", '{"answer": "yes"}'] * 4, trainer)
    bpe.post_processor = tokenizers.processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 0)])
    return _fast(bpe)


def _word_tokenizer() -> Any:
    tokenizers = import_module("tokenizers")
    words = tokenizers.Tokenizer(tokenizers.models.WordLevel(unk_token="<unk>"))
    words.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    trainer = tokenizers.trainers.WordLevelTrainer(
        special_tokens=["<s>", "</s>", "<pad>", "<unk>"], show_progress=False
    )
    said = [f"{messages[-1].content} {answer}" for messages, answer in (*lettered_lessons(), *worded_lessons())]
    words.train_from_iterator([*said, "system user assistant :"], trainer)
    tokenizer = _fast(words)
    tokenizer.chat_template = CHAT_TEMPLATE
    return tokenizer


def _fast(tokenizer: Any) -> Any:
    return import_module("transformers").PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token="<s>", eos_token="</s>", pad_token="<pad>"
    )
