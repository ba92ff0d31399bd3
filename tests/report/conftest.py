"""A report as a user would get it, in both languages: the founding mini-project, with figures of made-up numbers."""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache
from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure as Canvas
from sklearn.datasets import load_digits

from etalon import locales
from etalon.report.blocks import (
    Badge,
    Bullets,
    Callout,
    Code,
    Column,
    Details,
    Document,
    Fact,
    Facts,
    Figure,
    Paragraph,
    Section,
    Table,
    Tone,
)

BLUE, ORANGE, GREEN, GREY = "#1f4b7a", "#c8641e", "#2a7a4b", "#8a929c"
VARIANTS = ["reference", "two_conv", "with_dropout", "batch_norm", "small_rate", "rotated", "longer"]
GAIN = np.array([0.0, 0.21, 0.34, 0.12, -0.47, 0.05, 0.18])  # points of accuracy
SPREAD = np.array([0.0, 0.11, 0.09, 0.17, 0.12, 0.14, 0.08])
TIME = np.array([31.2, 44.8, 33.0, 52.1, 31.4, 37.9, 94.6])  # s
TONES: list[Tone | None] = [None, "good", "good", "unsure", "bad", "neutral", "good"]

CODE = """@study.variant(because="the gap grows from epoch 3 on", dropout=0.25)
def with_dropout(dropout):
    return Sequential([
        layers.Input((28, 28, 1)),
        layers.Conv2D(32, 3, activation="relu"),  # 26 x 26 <map>
        layers.MaxPooling2D(2),
        layers.Flatten(),
        layers.Dropout(dropout),
        layers.Dense(10, activation="softmax"),
    ])"""


def say(en: str, fr: str) -> str:
    """The text of the language in force."""
    return fr if locales.language() == "fr" else en


def curves() -> Any:
    figure = Canvas(figsize=(7.2, 2.9), layout="constrained")
    epochs = np.arange(1, 11)
    for axes, name, top in zip(
        figure.subplots(1, 2), [say("Loss", "Perte"), say("Accuracy", "Exactitude")], [True, False], strict=True
    ):
        for colour, label, rate in [(BLUE, say("training", "apprentissage"), 0.5), (ORANGE, "validation", 0.35)]:
            mean = 0.25 * np.exp(-rate * epochs) + 0.02 * (colour == ORANGE) * (1 + epochs / 9)
            mean = mean if top else 1 - mean / 3
            axes.plot(epochs, mean, color=colour, label=label)
            axes.fill_between(epochs, mean * 0.97, mean * 1.01, color=colour, alpha=0.18, lw=0)
        axes.set(xlabel=say("Epoch", "Époque"), ylabel=name)
        axes.spines[["top", "right"]].set_visible(False)
        axes.legend(frameon=False)
    return figure


def intervals() -> Any:
    axes = Canvas(figsize=(6.4, 3), layout="constrained").add_subplot()
    rows = np.arange(len(VARIANTS) - 1)
    axes.errorbar(GAIN[1:], rows, xerr=SPREAD[1:], fmt="o", color=BLUE, capsize=3)
    axes.axvline(0, color=GREY, lw=1)
    axes.set_yticks(rows, VARIANTS[1:])
    axes.invert_yaxis()
    axes.set_xlabel(say("Difference from the reference (points)", "Différence avec la référence (points)"))
    axes.spines[["top", "right"]].set_visible(False)
    return axes


def errors_by_digit() -> Any:
    axes = Canvas(figsize=(6.4, 2.6), layout="constrained").add_subplot()
    axes.bar(range(10), [0.31, 0.35, 0.87, 0.69, 0.92, 1.01, 0.84, 1.26, 1.13, 1.59], color=BLUE)
    axes.set(xlabel=say("Digit", "Chiffre"), ylabel=say("Error rate (%)", "Taux d'erreur (%)"), xticks=range(10))
    axes.spines[["top", "right"]].set_visible(False)
    return axes


def confusion() -> Any:
    axes = Canvas(figsize=(5.2, 4.6), layout="constrained").add_subplot()
    counts = np.random.default_rng(0).poisson(2.2, (10, 10))
    np.fill_diagonal(counts, 0)
    axes.imshow(counts, cmap="Blues")
    for (i, j), count in np.ndenumerate(counts):
        axes.text(j, i, str(count or ""), ha="center", va="center", fontsize=8, color="w" if count > 4 else "k")
    axes.set(xticks=range(10), yticks=range(10), xlabel=say("Predicted", "Prédit"), ylabel=say("True", "Réel"))
    return axes


def gallery(rows: int, columns: int, names: Callable[[], list[str]] | None = None) -> Callable[[], Any]:
    def draw() -> Any:
        images = load_digits().images
        figure = Canvas(figsize=(7, 1.45 * rows), layout="constrained")
        for i, axes in enumerate(figure.subplots(rows, columns).flat):
            axes.imshow(images[i if names is None else i % columns], cmap="gray_r", interpolation="nearest")
            axes.set(xticks=[], yticks=[])
            if names is None:
                axes.set_title(say("{} read as {}", "{} lu {}").format(i % 10, (i + 3) % 10), fontsize=9)
            elif i % columns == 0:
                axes.set_ylabel(names()[i // columns], fontsize=9)
        return figure

    return draw


def pareto() -> Any:
    axes = Canvas(figsize=(6.4, 3.2), layout="constrained").add_subplot()
    axes.scatter(TIME, 98.9 + GAIN, color=BLUE)
    for name, x, y in zip(VARIANTS, TIME, 98.9 + GAIN, strict=True):
        axes.annotate(name, (x, y), xytext=(5, 4), textcoords="offset points", fontsize=9)
    axes.set(xlabel=say("Training time (s)", "Temps d'apprentissage (s)"), ylabel=say("Accuracy (%)", "Exactitude (%)"))
    axes.spines[["top", "right"]].set_visible(False)
    return axes


def verdicts() -> Table:
    words = {
        "good": say("better", "meilleur"),
        "bad": say("worse", "moins bon"),
        "neutral": say("equivalent", "équivalent"),
        "unsure": say("undecided", "indécis"),
    }
    rows: list[list[str | Badge]] = []
    for name, gain, spread, time, tone in zip(VARIANTS, GAIN, SPREAD, TIME, TONES, strict=True):
        difference = "–"
        if tone:
            low, high = locales.points((gain - spread) / 100), locales.points((gain + spread) / 100)
            difference = f"{locales.points(gain / 100)} [{low}; {high}]"
        rows.append(
            [
                f"`{name}`",
                locales.percent((98.9 + gain) / 100),
                difference,
                locales.number(0.5 * np.exp(-abs(gain) * 9), 3) if tone else "–",
                locales.seconds(time),
                Badge(words[tone], tone) if tone else say("reference", "référence"),
            ]
        )
    columns = [
        Column(say("Variant", "Variante")),
        Column(say("Accuracy", "Exactitude"), "number"),
        Column(say("Difference (points) [95%]", "Différence (points) [95 %]"), "number"),
        Column(say("Adjusted p", "p ajustée"), "number"),
        Column(say("Time", "Temps"), "number"),
        Column("Verdict", "verdict"),
    ]
    caption = say(
        "Accuracy on validation, mean of 5 seeds; intervals and p-values are corrected for 6 comparisons.",
        "Exactitude en validation, moyenne de 5 graines ; intervalles et valeurs p corrigés pour 6 comparaisons.",
    )
    return Table(columns, rows, caption, highlight=[2], source="verdicts")


def weights() -> Table:
    layers = [("conv2d", "26 × 26 × 32", 320), ("conv2d_1", "11 × 11 × 64", 18496), ("dense", "128", 204928)]
    rows = [[f"`{name}`", shape, locales.number(count, 0)] for name, shape, count in layers]
    columns = [
        Column(say("Layer", "Couche")),
        Column(say("Output", "Sortie")),
        Column(say("Weights", "Poids"), "number"),
    ]
    return Table(columns, rows, say("Weights of the reference, layer by layer.", "Poids de la référence, par couche."))


def wide() -> Table:
    conditions = [say("clean", "propre"), say("noise", "bruit"), say("blur", "flou"), "contraste", "rotation", "jpeg"]
    columns = [Column(say("Corruption", "Dégradation"))]
    columns += [Column(say(f"severity {i}", f"sévérité {i}"), "number") for i in range(1, 6)]
    columns += [Column(say("mean", "moyenne"), "number"), Column(say("answer", "réponse"))]
    rows = [
        [name, *[locales.percent(0.99 - 0.01 * i * j) for j in range(6)], say("holds up well", "tient bien")]
        for i, name in enumerate(conditions)
    ]
    caption = say("Accuracy of the winner on degraded images.", "Exactitude du gagnant sur des images dégradées.")
    return Table(columns, rows, caption)


def sections() -> list[Section]:
    return [
        Section(
            "Introduction",
            [
                Paragraph(
                    say(
                        "A company reads handwritten digits on paper forms. Its model is right on **98.90%** of "
                        "images; this report tells which of six changes *really* improve it.",
                        "Une entreprise lit des chiffres manuscrits sur des formulaires papier. Son modèle lit juste "
                        "**98,90 %** des images : ce rapport dit lesquels de six changements l'améliorent *vraiment*.",
                    )
                ),
                Facts(
                    [
                        Fact(say("Recommended", "Recommandé"), "with_dropout", say("out of 7 models", "sur 7 modèles")),
                        Fact(
                            say("Test accuracy", "Exactitude au test"),
                            locales.percent(0.9924),
                            say("sealed until the choice", "scellé jusqu'au choix"),
                        ),
                        Fact(say("Gain", "Gain"), locales.points(0.0034), "points [+0,25; +0,43]"),
                        Fact(say("Training time", "Temps d'apprentissage"), "33 s", say("a seed", "par graine")),
                    ]
                ),
                Callout(
                    say(
                        "**In short.** Dropout is worth adopting; the smaller learning rate is not.",
                        "**En bref.** Le dropout mérite d'être adopté ; le petit pas d'apprentissage, non.",
                    ),
                    "good",
                ),
            ],
            id="introduction",
        ),
        Section(
            say("Reference model", "Modèle de référence"),
            [
                Paragraph(say("Two convolutions, then a dense layer.", "Deux convolutions, puis une couche dense.")),
                weights(),
                Figure(
                    curves,
                    say("Learning curves of the reference.", "Courbes d'apprentissage de la référence."),
                    say("Validation loss rises after epoch 4.", "La perte de validation remonte après l'époque 4."),
                    source="draw();",
                ),
                Callout(say("The model overfits from epoch 4 on.", "Le modèle surapprend dès l'époque 4."), "unsure"),
            ],
        ),
        Section(
            say("Proposed changes", "Améliorations proposées"),
            [
                Section(
                    say("Regularisation: `with_dropout`", "Régularisation : `with_dropout`"),
                    [
                        Paragraph(say("Because the gap grows.", "Parce que l'écart grandit.")),
                        Code(CODE),
                        Details(
                            say("What the layer does", "Ce que fait la couche"),
                            [
                                Paragraph(
                                    say("A quarter of the inputs is put to 0.", "Un quart des entrées est mis à 0.")
                                )
                            ],
                        ),
                    ],
                ),
                Section(
                    say("Augmentation: `rotated`", "Augmentation : `rotated`"),
                    [Bullets([say("rotation within ±15°", "rotation de ±15°"), "zoom ±10 % & <shift> \\*"])],
                ),
            ],
        ),
        Section(
            say("Results compared", "Résultats comparatifs"),
            [
                verdicts(),
                Figure(intervals, say("Differences from the reference.", "Différences avec la référence.")),
                Figure(pareto, say("Accuracy against time.", "Exactitude selon le temps."), width=0.8),
            ],
        ),
        Section(
            say("Error analysis", "Analyse des erreurs"),
            [
                Figure(errors_by_digit, say("Error rate per digit.", "Taux d'erreur par chiffre.")),
                Figure(confusion, say("Confusions.", "Confusions."), source="draw();"),
                Figure(gallery(2, 5), say("Ten misread images.", "Dix images mal lues.")),
            ],
        ),
        Section(
            say("Robustness", "Test de robustesse"),
            [
                wide(),
                Figure(
                    gallery(
                        3, 5, lambda: [say("clean", "propres"), say("noisy", "bruitées"), say("rotated", "tournées")]
                    ),
                    say("Five images, clean and degraded.", "Cinq images, propres et dégradées."),
                ),
            ],
        ),
        Section(
            "Conclusion",
            [
                Callout(say("Adopt `with_dropout`.", "Adopter `with_dropout`."), "good"),
                Callout(say("Do not lower the learning rate.", "Ne pas réduire le pas d'apprentissage."), "bad"),
                Callout(say("Measured on one machine.", "Mesuré sur une seule machine."), "neutral"),
            ],
        ),
    ]


@cache
def sample(lang: str) -> Document:
    """The mini-project's report in `lang`; its figures are drawn once for all the tests."""
    return new_sample(lang)


def new_sample(lang: str) -> Document:
    """The mini-project's report in `lang`, nothing of it drawn yet."""
    with locales.use(lang):
        return Document(
            title=say("Reading the digits of a form", "Lire les chiffres d'un formulaire"),
            subtitle=say(
                "Six changes to a convolutional network, measured with five seeds each",
                "Six modifications d'un réseau convolutif, mesurées chacune avec cinq graines",
            ),
            lang=lang,
            created=datetime(2026, 3, 14, 9, 26, tzinfo=UTC),
            blocks=sections(),
            meta={
                say("Data", "Données"): say("MNIST, 70,000 images", "MNIST, 70 000 images"),
                say("Seeds", "Graines"): "5",
                "Étalon": "0.1.0",
            },
        )


@pytest.fixture(params=["en", "fr"])
def document(request: pytest.FixtureRequest) -> Document:
    return sample(request.param)


@pytest.fixture
def english() -> Document:
    return sample("en")
