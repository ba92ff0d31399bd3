# %% [markdown] lang="fr"
# # Deux ensembles ne suffisent pas
#
# On essaie cent modèles, on garde le meilleur sur la base de test : 5 % d'erreur. En production, il en fait 15 %.
# Personne n'a triché, et pourtant le test a menti.
#
# ## L'histoire
#
# Un modèle dépend d'un paramètre, comme le pas. On crée 100 modèles avec 100 pas différents, on les apprend sur la
# base d'apprentissage et on les mesure sur la base de test. Pour voir ce qui se passe, prenons le cas extrême : le
# pas ne change *rien*, et les cent modèles se trompent tous sur 15 % des images. Seul le hasard des soixante images
# du test les départage.

# %% [markdown] lang="en"
# # Two sets are not enough
#
# You try a hundred models and keep the one that is best on the test set: 5% of errors. In production, it makes 15%.
# Nobody cheated, and yet the test lied.
#
# ## The story
#
# A model depends on a parameter, such as the learning rate. You make 100 models with 100 different rates, train them
# on the training set and measure them on the test set. To see what happens, take the extreme case: the rate changes
# *nothing*, and all hundred models are wrong about 15% of images. Only the luck of the sixty test images tells them
# apart.

# %%
import numpy as np
from etalon.figures.style import INK, PALETTE, axes, label, localise, style
from etalon.lessons import say
from etalon.locales import percent
from IPython.display import Markdown

truth, images, tried = 0.15, 60, 100
rng = np.random.default_rng(1)
errors = rng.binomial(images, truth, tried) / images
announced = errors.min()
production = rng.binomial(10_000, truth) / 10_000

values, counts = np.unique(errors, return_counts=True)
ax = axes(None, 6.4, 3.4)
with style():
    ax.bar(
        values,
        counts,
        width=0.8 / images,
        color=[PALETTE[5] if v == announced else PALETTE[0] for v in values],
    )
    ax.axvline(
        truth,
        color=INK,
        linestyle=":",
        label=say(fr="erreur réelle de tous", en="true error of all"),
    )
    best = say(fr="le « meilleur »", en="the “best”")
    ax.annotate(best, (announced, 2), (announced, 7), ha="center", arrowprops={"arrowstyle": "->"})
    ax.legend()
    localise(ax.xaxis, "percent")
    label(
        ax,
        title=say(
            fr="Cent modèles qui se valent, sur soixante images",
            en="A hundred equal models, on sixty images",
        ),
        xlabel=say(fr="Erreur sur la base de test", en="Error on the test set"),
        ylabel=say(fr="Nombre de modèles", en="Number of models"),
    )
ax

# %%
Markdown(
    say(
        fr=f"Le meilleur des cent annonce **{percent(announced, 0)}** d'erreur. En production, "
        f"sur dix mille images nouvelles, il en fait **{percent(production, 0)}**, comme les "
        "autres.",
        en=f"The best of the hundred announces an error of **{percent(announced, 0)}**. In "
        f"production, on ten thousand new images, it makes **{percent(production, 0)}**, like "
        "all the others.",
    )
)

# %% [markdown] lang="fr"
# ## Plus on essaie, plus on se flatte
#
# Le minimum de cent tirages est presque toujours chanceux. Sa moyenne se calcule exactement : le meilleur de $k$
# modèles fait plus de $e$ erreurs quand ils en font *tous* plus de $e$, ce qui arrive avec la probabilité $P(X >
# e)^k$.

# %% [markdown] lang="en"
# ## The more you try, the more you flatter yourself
#
# The minimum of a hundred draws is nearly always a lucky one. Its mean can be computed exactly: the best of $k$
# models makes more than $e$ errors when *all* of them do, which happens with probability $P(X > e)^k$.

# %%
from etalon.figures.curves import Line, curves
from scipy.stats import binom

k = np.array([1, 2, 3, 5, 8, 12, 20, 30, 50, 70, 100, 150, 200])
beyond = binom.sf(np.arange(images), images, truth)  # P(X > e)
expected = (beyond ** k[:, None]).sum(axis=1) / images
curves(
    [
        Line(
            say(fr="en production", en="in production"),
            np.full(len(k), truth),
            x=k,
            colour=INK,
            stroke="dotted",
        ),
        Line(
            say(fr="annoncée par le meilleur sur le test", en="announced by the best on test"),
            expected,
            x=k,
            marker="o",
        ),
    ],
    xlabel=say(fr="Nombre de modèles essayés", en="Number of models tried"),
    ylabel=say(fr="Erreur", en="Error"),
    title=say(
        fr="L'erreur annoncée descend toute seule", en="The announced error goes down by itself"
    ),
    unit="percent",
)

# %% [markdown] lang="fr"
# ## Et avec de vrais modèles ?
#
# Cent pas d'apprentissage, de vrais chiffres manuscrits. Cette fois, certains pas sont meilleurs que d'autres. Tirons
# mille fois soixante images de **validation** et soixante images de **test** : les premières choisissent le modèle,
# les secondes ne font que mesurer celui qui a été choisi.

# %% [markdown] lang="en"
# ## And with real models?
#
# A hundred learning rates, real handwritten digits. This time some rates are better than others. Let us draw, a
# thousand times, sixty **validation** images and sixty **test** images: the former choose the model, the latter only
# measure the one that was chosen.

# %%
from sklearn.datasets import load_digits
from sklearn.linear_model import SGDClassifier

x, y = load_digits(return_X_y=True)
rates = np.logspace(-3.5, -0.5, tried)
wrong = np.array(
    [
        SGDClassifier(learning_rate="constant", eta0=rate, max_iter=5, tol=None, random_state=i)
        .fit(x[:150] / 16, y[:150])
        .predict(x[150:] / 16)
        != y[150:]
        for i, rate in enumerate(rates)
    ]
)  # (100, 1647)
told = []
for _ in range(1000):
    drawn = rng.permutation(wrong.shape[1])
    chosen = wrong[:, drawn[:60]].mean(axis=1).argmin()
    told.append([wrong[chosen, part].mean() for part in np.split(drawn, [60, 120])])
chooser, third, real = np.mean(told, axis=0)

# %%
from etalon.figures.bars import bars

names = [
    say(fr="sur l'ensemble qui a choisi", en="on the set that chose"),
    say(fr="sur un troisième ensemble", en="on a third set"),
    say(fr="en production", en="in production"),
]
bars(
    names,
    {"": [chooser, third, real]},
    percent=True,
    digits=1,
    ylabel=say(fr="Erreur moyenne du modèle choisi", en="Mean error of the chosen model"),
    title=say(fr="Seul le troisième ensemble dit vrai", en="Only the third set tells the truth"),
)

# %% [markdown] lang="fr"
# D'où les **trois ensembles** : on *apprend* sur le premier, on *choisit* sur la validation, on *mesure* sur le test,
# une seule fois, quand tout est choisi. C'est pourquoi Étalon scelle les images de test jusqu'à la fin de l'étude.
#
# ## À vous de jouer
#
# Portez le test de 60 à 1000 images (`images = 1000`) et relancez le début. L'illusion disparaît-elle ? Que faut-il
# pour qu'elle soit petite : moins de modèles, ou plus d'images ?
#
# ## Question
#
# Vous avez regardé l'erreur de test une première fois, changé le modèle en conséquence, puis regardé de nouveau. La
# seconde mesure est-elle encore honnête ?
#
# <details>
# <summary>Réponse</summary>
#
# Plus tout à fait. Dès qu'une décision dépend du test, il devient une base de validation : le modèle a été choisi, un
# peu, parce qu'il convenait à ces images-là. Une fois, le mal est petit ; à force de recommencer, on rejoue les cent
# modèles de cette leçon. Il faudrait un nouveau test.
#
# </details>

# %% [markdown] lang="en"
# Hence the **three sets**: you *learn* on the first, *choose* on validation, and *measure* on test, once only, when
# everything has been chosen. This is why Étalon keeps the test images sealed until the end of a study.
#
# ## Your turn
#
# Take the test from 60 to 1,000 images (`images = 1000`) and run the beginning again. Does the illusion vanish? What
# does it take to make it small: fewer models, or more images?
#
# ## Question
#
# You looked at the test error once, changed the model accordingly, then looked again. Is the second measure still
# honest?
#
# <details>
# <summary>Answer</summary>
#
# Not quite. As soon as a decision depends on the test set, it becomes a validation set: the model was chosen, a
# little, because it suited these very images. Once, the harm is small; again and again, and you play the hundred
# models of this lesson. A new test set would be needed.
#
# </details>
