"""The same networks as `networks`, written by hand in torch: images (b, c, h, w) in, logits (b, 10) out."""

from torch import nn


def cnn() -> nn.Module:
    """The reference of the mini-project (T4)."""
    return nn.Sequential(
        *(nn.Conv2d(1, 32, 3), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(32, 64, 3), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Flatten(), nn.Linear(1600, 128), nn.ReLU(), nn.Linear(128, 10)),
    )


def mlp() -> nn.Module:
    """Two hidden layers of 256 (T1.9)."""
    hidden = (nn.Linear(784, 256), nn.ReLU(), nn.Linear(256, 256), nn.ReLU())
    return nn.Sequential(nn.Flatten(), *hidden, nn.Linear(256, 10))


def cifar() -> nn.Module:
    """Three pairs of convolutions, each with its pooling and dropout, then 256 and 128 (T2.18)."""
    layers: list[nn.Module] = []
    for before, count in ((3, 16), (16, 32), (32, 64)):
        layers += [nn.Conv2d(before, count, 3, padding=1), nn.ReLU()]
        layers += [nn.Conv2d(count, count, 3, padding=1), nn.ReLU()]
        layers += [nn.MaxPool2d(2), nn.Dropout(0.25)]
    layers.append(nn.Flatten())
    for before, units in ((1024, 256), (256, 128)):
        layers += [nn.Linear(before, units), nn.ReLU(), nn.Dropout(0.5)]
    return nn.Sequential(*layers, nn.Linear(128, 10))


HANDWRITTEN = {"cnn": cnn, "mlp": mlp, "cifar": cifar}
