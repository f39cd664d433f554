"""A small vision transformer as timm's training script trains it.

``create_optimizer_v2`` chooses by a name, after ``default_registry.register`` with one of optgen's
classes. Groups are timm's: no decay for biases, and rates that fall from layer to layer. Run it with
``python examples/timm_images.py``; it needs torch and timm.
"""

from __future__ import annotations

import torch
from timm.models.vision_transformer import VisionTransformer
from timm.optim import OptimInfo, create_optimizer_v2
from timm.optim._optim_factory import default_registry
from timm.scheduler import CosineLRScheduler
from timm.utils import NativeScaler

STEPS, BATCH = 20, 16

default_registry.register(
    OptimInfo(
        name="optgen_adamw",
        opt_class="optgen.torch.AdamW",
        description="AdamW of optgen",
        has_eps=True,
        has_betas=True,
    )
)


def model() -> torch.nn.Module:
    """A transformer for images of 16 x 16, always with the same weights."""
    torch.manual_seed(0)
    shape = {"img_size": 16, "patch_size": 4, "embed_dim": 32, "depth": 2, "num_heads": 2}
    return VisionTransformer(num_classes=4, **shape)


def train(name: str) -> tuple[float, int]:
    """The last loss, and the number of groups."""
    network = model()
    optimizer = create_optimizer_v2(
        network, name, lr=3e-3, weight_decay=0.05, layer_decay=0.75, betas=(0.9, 0.99)
    )
    scheduler = CosineLRScheduler(optimizer, t_initial=STEPS, warmup_t=4, warmup_lr_init=1e-5)
    scaler, drawn = NativeScaler(device="cpu"), torch.Generator().manual_seed(0)
    loss = torch.zeros(())
    for number in range(STEPS):
        labels = torch.randint(4, (BATCH,), generator=drawn)
        images = torch.randn(BATCH, 3, 16, 16, generator=drawn) + labels[:, None, None, None] - 1.5
        optimizer.zero_grad()
        loss = torch.nn.functional.cross_entropy(network(images), labels)
        scaler(loss, optimizer, clip_grad=1.0, parameters=network.parameters())
        scheduler.step_update(number)
        scheduler.step(number + 1)
    return float(loss.detach()), len(optimizer.param_groups)


def main() -> None:
    """Print what both make of the same network."""
    for title, name in (("torch", "adamw"), ("optgen", "optgen_adamw")):
        loss, groups = train(name)
        print(f"{title:7} loss {loss:.5f}, {groups} groups")


if __name__ == "__main__":
    main()
