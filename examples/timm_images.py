"""A small vision transformer as timm's training script trains it.

``create_optimizer_v2`` chooses by a name, once one of optgen's classes is registered. Groups are
timm's: no decay for biases, and rates that fall from layer to layer. A third optimizer is made from
such groups, without the registry. Run it with ``python examples/timm_images.py``; it needs torch
and timm.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from timm.models.vision_transformer import VisionTransformer
from timm.optim import OptimInfo, create_optimizer_v2, param_groups_layer_decay
from timm.optim._optim_factory import default_registry
from timm.scheduler import CosineLRScheduler
from timm.utils import NativeScaler

import optgen.torch

STEPS, BATCH = 20, 16
Make = Callable[[torch.nn.Module], torch.optim.Optimizer]

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


def named(name: str) -> Make:
    """What timm makes of a name."""
    return lambda network: create_optimizer_v2(
        network, name, lr=3e-3, weight_decay=0.05, layer_decay=0.75, betas=(0.9, 0.99)
    )


def grouped(network: torch.nn.Module) -> torch.optim.Optimizer:
    """The same by timm's groups alone."""
    groups = param_groups_layer_decay(network, weight_decay=0.05, layer_decay=0.75)
    return optgen.torch.AdamW(groups, lr=3e-3, betas=(0.9, 0.99))


def train(make: Make) -> tuple[float, int]:
    """The last loss, and the number of groups."""
    network = model()
    optimizer = make(network)
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
    runs = (("torch", named("adamw")), ("optgen", named("optgen_adamw")), ("groups", grouped))
    for title, make in runs:
        loss, groups = train(make)
        print(f"{title:7} loss {loss:.5f}, {groups} groups")


if __name__ == "__main__":
    main()
