"""A small Llama in the Trainer of transformers: ``optimizer_cls_and_kwargs`` is the changed line.

The run has bfloat16 autocast, accumulation over two batches, clipping and a cosine schedule. A
third one resumes in its middle. Run it with ``python examples/hf_trainer.py``; it needs torch,
transformers and accelerate.
"""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from transformers import LlamaConfig, LlamaForCausalLM, Trainer, TrainingArguments, set_seed

import optgen.torch

WORDS, STEPS = 32, 12


def texts() -> list[dict[str, torch.Tensor]]:
    """Texts that count modulo the number of words, from places that are drawn."""
    first = torch.randint(WORDS, (64, 1), generator=torch.Generator().manual_seed(0))
    rows = (first + torch.arange(16)) % WORDS
    return [{"input_ids": row, "labels": row} for row in rows]


def trainer(folder: Path, optimizer_class: Any) -> Trainer:
    """A trainer of the same model each time."""
    set_seed(0)
    shape = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2}
    heads = {"num_attention_heads": 2, "num_key_value_heads": 2}
    model = LlamaForCausalLM(LlamaConfig(vocab_size=WORDS, **shape, **heads))
    arguments = TrainingArguments(
        str(folder),
        per_device_train_batch_size=4,
        gradient_accumulation_steps=2,
        max_steps=STEPS,
        save_steps=STEPS // 2,
        lr_scheduler_type="cosine",
        weight_decay=0.01,
        logging_steps=1,
        bf16=True,
        use_cpu=True,
        report_to=[],
        disable_tqdm=True,
    )
    return Trainer(
        model,
        arguments,
        train_dataset=texts(),
        optimizer_cls_and_kwargs=(optimizer_class, {"lr": 1e-2}),
    )


def last_loss(trained: Trainer) -> float:
    """The last loss in the trainer's log."""
    return float([entry["loss"] for entry in trained.state.log_history if "loss" in entry][-1])


def main() -> None:
    """Print what both make of the same model, and what a resumed run does."""
    with TemporaryDirectory() as name:
        folders = {"torch": Path(name, "torch"), "optgen": Path(name, "optgen")}
        for title, module in (("torch", torch.optim), ("optgen", optgen.torch)):
            trained = trainer(folders[title], module.AdamW)
            trained.train()
            print(f"{title:8} loss {last_loss(trained):.4f}")
        resumed = trainer(folders["optgen"], optgen.torch.AdamW)
        resumed.train(resume_from_checkpoint=str(folders["optgen"] / f"checkpoint-{STEPS // 2}"))
        print(f"{'resumed':8} loss {last_loss(resumed):.4f}")


if __name__ == "__main__":
    main()
