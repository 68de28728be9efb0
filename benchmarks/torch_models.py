"""The same models as a PyTorch user writes them: logits out, pictures channel first."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from benchmarks.data import CLASSES, WORDS
from benchmarks.keras_models import MOBILE_STAGES, RESNET_STAGES


def mlp() -> nn.Module:
    return nn.Sequential(nn.Linear(784, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, CLASSES))


def _conv(inputs: int, outputs: int, padding: int = 0) -> nn.Module:
    return nn.Sequential(nn.Conv2d(inputs, outputs, 3, padding=padding), nn.ReLU())


class ToyResNet(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(_conv(3, 32), _conv(32, 64), nn.MaxPool2d(3))
        self.block_2 = nn.Sequential(_conv(64, 64, 1), _conv(64, 64, 1))
        self.block_3 = nn.Sequential(_conv(64, 64, 1), _conv(64, 64, 1))
        self.last = _conv(64, 64)
        self.head = nn.Sequential(nn.Linear(64, 256), nn.ReLU(), nn.Dropout(0.5), nn.Linear(256, CLASSES))

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        x = x + self.block_2(x)
        x = x + self.block_3(x)
        return self.head(self.last(x).mean((2, 3)))


class TwoTexts(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.title, self.body = nn.Embedding(WORDS, 64), nn.Embedding(WORDS, 64)
        self.title_lstm = nn.LSTM(64, 128, batch_first=True)
        self.body_lstm = nn.LSTM(64, 32, batch_first=True)
        self.priority, self.department = nn.Linear(172, 1), nn.Linear(172, 4)

    def forward(self, title: Tensor, body: Tensor, tags: Tensor) -> tuple[Tensor, Tensor]:
        _, (x, _) = self.title_lstm(self.title(title))
        _, (y, _) = self.body_lstm(self.body(body))
        features = torch.cat([x[0], y[0], tags], 1)
        return self.priority(features), self.department(features)


def _up(inputs: int, outputs: int) -> nn.Module:
    return nn.Sequential(nn.ConvTranspose2d(inputs, outputs, 3), nn.ReLU())


class Autoencoder(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Sequential(_conv(1, 16), _conv(16, 32), nn.MaxPool2d(3), _conv(32, 32), _conv(32, 16))
        self.decoder = nn.Sequential(_up(1, 16), _up(16, 32), nn.Upsample(scale_factor=3), _up(32, 16), _up(16, 1))

    def forward(self, x: Tensor) -> Tensor:
        return self.decoder(self.encoder(x).amax((2, 3)).reshape(-1, 1, 4, 4))


class Transformer(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.words = nn.Embedding(WORDS, 128)
        self.places = nn.Parameter(0.05 * torch.randn(128, 128))
        self.blocks = nn.ModuleList(
            nn.TransformerEncoderLayer(128, 4, 512, dropout=0.0, batch_first=True, norm_first=True) for _ in range(4)
        )
        self.norm = nn.LayerNorm(128)
        self.head = nn.Linear(128, CLASSES)

    def forward(self, words: Tensor) -> Tensor:
        x = self.words(words) + self.places
        for block in self.blocks:
            x = block(x)
        return self.head(self.norm(x).mean(1))


class TextGru(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.words = nn.Embedding(WORDS, 64)
        self.gru = nn.GRU(64, 128, batch_first=True)
        self.head = nn.Linear(128, 1)

    def forward(self, words: Tensor) -> Tensor:
        _, x = self.gru(self.words(words))
        return self.head(x[0])


def _normal(inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1, bias: bool = True) -> nn.Module:
    convolution = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=bias)
    return nn.Sequential(convolution, nn.BatchNorm2d(outputs))


class Bottleneck(nn.Module):
    def __init__(self, inputs: int, filters: int, stride: int) -> None:
        super().__init__()
        self.shortcut = nn.Identity() if inputs == 4 * filters else _normal(inputs, 4 * filters, 1, stride)
        self.path = nn.Sequential(
            _normal(inputs, filters, 1, stride),
            nn.ReLU(inplace=True),
            _normal(filters, filters, 3),
            nn.ReLU(inplace=True),
            _normal(filters, 4 * filters, 1),
        )

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.path(x) + self.shortcut(x))


def resnet50(classes: int = CLASSES) -> nn.Module:
    parts: list[nn.Module] = [_normal(3, 64, 7, 2), nn.ReLU(inplace=True), nn.MaxPool2d(3, 2, 1)]
    inputs = 64
    for filters, blocks, stride in RESNET_STAGES:
        for number in range(blocks):
            parts.append(Bottleneck(inputs, filters, 1 if number else stride))
            inputs = 4 * filters
    return nn.Sequential(*parts, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(inputs, classes))


class InvertedResidual(nn.Module):
    def __init__(self, inputs: int, expansion: int, outputs: int, stride: int) -> None:
        super().__init__()
        width = expansion * inputs
        widen = [_normal(inputs, width, 1, bias=False), nn.ReLU6(inplace=True)] if expansion > 1 else []
        self.path = nn.Sequential(
            *widen,
            _normal(width, width, 3, stride, groups=width, bias=False),
            nn.ReLU6(inplace=True),
            _normal(width, outputs, 1, bias=False),
        )
        self.add = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        return x + self.path(x) if self.add else self.path(x)


def mobilenet() -> nn.Module:
    parts: list[nn.Module] = [_normal(3, 32, 3, bias=False), nn.ReLU6(inplace=True)]
    inputs = 32
    for expansion, outputs, blocks, stride in MOBILE_STAGES:
        for number in range(blocks):
            parts.append(InvertedResidual(inputs, expansion, outputs, 1 if number else stride))
            inputs = outputs
    parts += [_normal(inputs, 4 * inputs, 1, bias=False), nn.ReLU6(inplace=True)]
    return nn.Sequential(*parts, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4 * inputs, CLASSES))


MODELS = {
    "mlp": mlp,
    "toy_resnet": ToyResNet,
    "lstm": TwoTexts,
    "autoencoder": Autoencoder,
    "transformer": Transformer,
    "gru": TextGru,
    "resnet50": resnet50,
    "mobilenet": mobilenet,
}
