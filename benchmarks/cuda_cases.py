"""What is measured on a GPU: networks and single layers, each at several batch sizes."""

from __future__ import annotations

from dataclasses import replace

from .cases import C3D, CONV1D, FCN, LAYERS, RESNET, VGG_WHOLE, Case

BATCHES = (1, 8, 64)

NETWORKS = (
    Case("vgg16 3x224x224", VGG_WHOLE, (1, 3, 224, 224), network=True),
    Case("resnet50 3x224x224", RESNET, (1, 3, 224, 224), network=True),
    Case("c3d 3x16x112x112", C3D, (1, 3, 16, 112, 112), network=True),
    Case("fcn 3x256x256", FCN, (1, 3, 256, 256), network=True),
    Case("conv1d 64x1000", CONV1D, (1, 64, 1000), network=True),
)


def cases(words: tuple[str, ...] = (), batches: tuple[int, ...] = BATCHES) -> tuple[Case, ...]:
    """Networks, then layers, at each batch; with ``words``, those with one in their name."""
    found = [
        replace(case, name=f"{case.name} b{batch}", shape=(batch, *case.shape[1:]), bar=None)
        for case in (*NETWORKS, *LAYERS)
        for batch in batches
    ]
    return tuple(c for c in found if not words or any(word in c.name for word in words))
