# %% [markdown] lang="fr"
# # Le sur-apprentissage
#
# Un modèle qui ne se trompe jamais sur ses exemples n'a peut-être rien compris : il les a appris par cœur. On ne le
# sait qu'en lui montrant des données nouvelles.
#
# ## En régression : les promotions de la pizzeria
#
# Le prix d'une pizza dépend de sa taille, mais aussi d'une promotion par-ci, d'une truffe par-là. Douze exemples,
# deux modèles : une droite, et un polynôme de degré 9, assez souple pour passer presque partout.

# %% [markdown] lang="en"
# # Overfitting
#
# A model that is never wrong about its examples may have understood nothing: it has learnt them by heart. The only
# way to know is to show it new data.
#
# ## In regression: the special offers of the pizzeria
#
# The price of a pizza depends on its size, but also on a special offer here and a truffle there. Twelve examples, two
# models: a line, and a polynomial of degree 9, supple enough to go nearly everywhere.

# %%
import numpy as np
from etalon.figures.curves import Line, curves
from etalon.figures.points import points
from etalon.figures.style import PALETTE, style
from etalon.lessons import say
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures, StandardScaler


def pizzas(n, seed):
    rng = np.random.default_rng(seed)
    size = rng.uniform(20, 42, n)  # cm
    return size[:, None], 0.42 * size - 1.9 + rng.normal(0, 1.2, n)


def polynomial(degree):
    return make_pipeline(StandardScaler(), PolynomialFeatures(degree), LinearRegression())


x, y = pizzas(12, seed=1)
line, wiggle = polynomial(1).fit(x, y), polynomial(9).fit(x, y)
sizes = np.linspace(x.min(), x.max(), 300)
ax = points({say(fr="exemples", en="examples"): np.column_stack([x[:, 0], y])})
curves(
    [
        Line(
            say(fr="modèle attendu", en="expected model"),
            line.predict(sizes[:, None]),
            x=sizes,
            colour=PALETTE[3],
        ),
        Line(
            say(fr="modèle sur-appris", en="overfitted model"),
            wiggle.predict(sizes[:, None]),
            x=sizes,
            colour=PALETTE[5],
            stroke="dashed",
        ),
    ],
    ax=ax,
    xlabel=say(fr="Taille (cm)", en="Size (cm)"),
    ylabel=say(fr="Prix (€)", en="Price (€)"),
    title=say(
        fr="Le polynôme apprend les promotions", en="The polynomial learns the special offers"
    ),
)
ax.set_ylim(4, 20)
ax

# %% [markdown] lang="fr"
# Qui a raison ? Demandons à deux mille pizzas que ni l'un ni l'autre n'a vues, en faisant varier le degré du
# polynôme, c'est-à-dire la *complexité* du modèle.

# %% [markdown] lang="en"
# Which is right? Let us ask two thousand pizzas that neither has seen, while the degree of the polynomial varies,
# that is the *complexity* of the model.

# %%
from sklearn.metrics import root_mean_squared_error

new_x, new_y = pizzas(2000, seed=2)
degrees = range(1, 10)
models = [polynomial(degree).fit(x, y) for degree in degrees]
learnt = [root_mean_squared_error(y, model.predict(x)) for model in models]
fresh = [root_mean_squared_error(new_y, model.predict(new_x)) for model in models]
ax = curves(
    [
        Line(say(fr="apprentissage", en="training"), learnt, stroke="dashed", marker="o"),
        Line(say(fr="données nouvelles", en="new data"), fresh, marker="s"),
    ],
    xlabel=say(fr="Degré du polynôme", en="Degree of the polynomial"),
    ylabel=say(fr="Erreur (€)", en="Error (€)"),
    title=say(
        fr="L'erreur d'apprentissage ne dit pas tout",
        en="The training error does not tell everything",
    ),
)
ax.set_ylim(0, 6)
ax

# %% [markdown] lang="fr"
# L'erreur d'apprentissage ne fait que descendre ; celle des données nouvelles remonte, puis sort du cadre. **Faible
# erreur, mais mauvais en prédiction** : c'est le sur-apprentissage. Le modèle est trop complexe pour si peu
# d'exemples, et l'on cherche un compromis entre sa complexité et sa performance.
#
# ## En classification
#
# Voici deux classes qui se mêlent un peu, et deux frontières. L'une contourne chaque exemple ; l'autre accepte d'en
# laisser quelques-uns du mauvais côté.

# %% [markdown] lang="en"
# The training error can only go down; that of new data goes up again, then out of the frame. **Small error, but bad
# at predicting**: this is overfitting. The model is too complex for so few examples, and we look for a trade-off
# between its complexity and its performance.
#
# ## In classification
#
# Here are two classes that mix a little, and two boundaries. One goes around each example; the other agrees to leave
# a few on the wrong side.

# %%
from etalon.figures.points import boundary
from sklearn.datasets import make_moons
from sklearn.svm import SVC

u, label = make_moons(100, noise=0.3, random_state=0)
new_u, new_label = make_moons(2000, noise=0.3, random_state=1)
smooth, heart = SVC(gamma=0.5).fit(u, label), SVC(gamma=30, C=1000).fit(u, label)
ax = points(
    {
        say(fr="classe A", en="class A"): u[label == 0],
        say(fr="classe B", en="class B"): u[label == 1],
    },
    title=say(
        fr="Deux frontières pour les mêmes exemples", en="Two boundaries for the same examples"
    ),
)
boundary(smooth.decision_function, ax, name=say(fr="attendue", en="expected"), colour=PALETTE[3])
boundary(heart.decision_function, ax, name=say(fr="sur-apprise", en="overfitted"), stroke="dashed")
with style():
    ax.legend(loc="upper left", bbox_to_anchor=(1.01, 1))
ax

# %%
import pandas as pd
from etalon.locales import percent

scores = {
    say(fr="attendue", en="expected"): [smooth.score(u, label), smooth.score(new_u, new_label)],
    say(fr="sur-apprise", en="overfitted"): [heart.score(u, label), heart.score(new_u, new_label)],
}
sets = [say(fr="apprentissage", en="training"), say(fr="données nouvelles", en="new data")]
pd.DataFrame(scores, index=sets).T.map(lambda share: percent(share, 1))

# %% [markdown] lang="fr"
# D'où la règle : on sépare les données en deux parties, **apprentissage** et **test**. L'ensemble de test ne sert
# *jamais* pendant l'apprentissage, et c'est sur lui que l'on mesure les performances.
#
# ## À vous de jouer
#
# Donnez cent pizzas au polynôme de degré 9 au lieu de douze (`pizzas(100, seed=1)`). Que devient son erreur sur les
# données nouvelles ? Le remède le plus sûr au sur-apprentissage est d'avoir plus d'exemples.
#
# ## Question
#
# Un modèle a 99 % d'accuracy à l'apprentissage et 71 % en test ; un autre, 74 % et 73 %. Lequel choisir ? Lequel a le
# plus à gagner de nouvelles données ?
#
# <details>
# <summary>Réponse</summary>
#
# Le second, puisque seule compte la performance sur des données nouvelles. Mais c'est le premier qui a le plus à
# gagner de nouveaux exemples : l'écart de 28 points montre qu'il retient des détails que davantage de données
# l'obligeraient à oublier. Le second, lui, fait presque aussi mal sur ce qu'il connaît : il lui faudrait un modèle
# plus riche. C'est un *sous-apprentissage*.
#
# </details>

# %% [markdown] lang="en"
# Hence the rule: data are parted in two, **training** and **test**. The test set is *never* used during training, and
# it is the one on which performance is measured.
#
# ## Your turn
#
# Give a hundred pizzas to the polynomial of degree 9 instead of twelve (`pizzas(100, seed=1)`). What becomes of its
# error on new data? The surest remedy to overfitting is to have more examples.
#
# ## Question
#
# A model has an accuracy of 99% in training and 71% on test; another, 74% and 73%. Which one would you choose? Which
# has most to gain from new data?
#
# <details>
# <summary>Answer</summary>
#
# The second, since only performance on new data counts. But it is the first that has most to gain from new examples:
# the gap of 28 points shows that it remembers details which more data would force it to forget. The second does
# nearly as badly on what it knows: it needs a richer model. This is *underfitting*.
#
# </details>
