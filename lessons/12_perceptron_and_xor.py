# %% [markdown] lang="fr"
# # Le perceptron, et le XOR qui l'arrête
#
# Deux machines apprennent une droite par la même mise à jour, à une fonction seuil près. Le XOR les met toutes les
# deux en échec ; deux couches suffisent à le résoudre.
#
# ## Une seule règle, deux machines
#
# La **machine linéaire** répond $W'X$, un nombre. Le **perceptron** répond $F(W'X)$, où $F$ est la fonction seuil : 1
# au-dessus de 0, sinon 0. Toutes deux corrigent leurs poids exemple après exemple, avec un pas $\eta$ :
#
# $$W(t+1) = W(t) + \eta \, (y_i - \mathrm{sortie}) \, X_i$$
#
# Si la sortie est plus petite que la sortie désirée $y_i$, on ajoute aux poids le vecteur d'entrée multiplié par
# l'erreur ; si elle est plus grande, on le retranche. Sans oublier le biais : c'est le poids d'une entrée qui vaut
# toujours 1.

# %% [markdown] lang="en"
# # The perceptron, and the XOR that stops it
#
# Two machines learn a line by the same update, but for a threshold function. XOR defeats both of them; two layers are
# enough to solve it.
#
# ## One rule, two machines
#
# The **linear machine** answers $W'X$, a number. The **perceptron** answers $F(W'X)$, where $F$ is the threshold
# function: 1 above 0, otherwise 0. Both correct their weights example after example, with a learning rate $\eta$:
#
# $$W(t+1) = W(t) + \eta \, (y_i - \mathrm{output}) \, X_i$$
#
# If the output is smaller than the desired output $y_i$, the input vector multiplied by the error is added to the
# weights; if it is larger, it is taken away. Not forgetting the bias: it is the weight of an input that is always 1.

# %%
import numpy as np


def threshold(z):
    return np.heaviside(z, 0)


def identity(z):
    return z


def learn(X, y, F, rate, epochs):
    X = np.column_stack([np.ones(len(X)), X])
    W = np.zeros(X.shape[1])
    for _epoch in range(epochs):
        for x, desired in zip(X, y, strict=True):
            W = W + rate * (desired - F(W @ x)) * x
    return W


# %% [markdown] lang="fr"
# ## Deux nuages qu'une droite sépare
#
# `Perceptron` et `SGDRegressor`, de scikit-learn, suivent ces deux règles. Les lignes ci-dessus doivent donc trouver
# les mêmes poids qu'eux, aux arrondis près.

# %% [markdown] lang="en"
# ## Two clouds that a line separates
#
# `Perceptron` and `SGDRegressor`, from scikit-learn, follow these two rules. The lines above must therefore find the
# same weights as they do, rounding apart.

# %%
import pandas as pd
from etalon.lessons import say
from etalon.locales import number
from sklearn.datasets import make_blobs
from sklearn.linear_model import Perceptron, SGDRegressor

X, y = make_blobs(80, centers=[[-1.2, -1.0], [1.4, 1.0]], cluster_std=0.8, random_state=6)
same = {"shuffle": False, "tol": None, "max_iter": 20, "penalty": None}
theirs = {
    "Perceptron": Perceptron(eta0=0.1, **same).fit(X, y),
    "SGDRegressor": SGDRegressor(learning_rate="constant", eta0=0.01, **same).fit(X, y),
}
ours = {
    "Perceptron": learn(X, y, threshold, 0.1, 20),
    "SGDRegressor": learn(X, y, identity, 0.01, 20),
}
weights = {
    f"scikit-learn, {name}": np.append(model.intercept_, model.coef_)
    for name, model in theirs.items()
}
weights |= {say(fr=f"ces lignes, {name}", en=f"these lines, {name}"): W for name, W in ours.items()}
table = pd.DataFrame(weights, index=["w₀", "w₁", "w₂"]).T
table = table.sort_index(key=lambda names: names.str[-4:])
table.map(lambda w: number(w, 4).replace("-", "−"))

# %%
from etalon.figures.points import boundary, points

clouds = {say(fr="classe 0", en="class 0"): X[y == 0], say(fr="classe 1", en="class 1"): X[y == 1]}
title = say(fr="À chacune sa droite", en="To each its line")
ax = points(clouds, xlabel="$x_1$", ylabel="$x_2$", title=title, legend=False)
W = ours["Perceptron"]
boundary(lambda at: W[0] + at @ W[1:], ax, name=say(fr="perceptron", en="perceptron"))
V = ours["SGDRegressor"]
name = say(fr="machine linéaire", en="linear machine")
boundary(lambda at: V[0] + at @ V[1:], ax, level=0.5, stroke="dashed", name=name)
ax.legend(loc="upper left", bbox_to_anchor=(1.01, 1), frameon=False)
ax

# %% [markdown] lang="fr"
# Le perceptron s'arrête dès qu'il ne se trompe plus, même si sa droite frôle un exemple. La machine linéaire vise 0
# pour une classe et 1 pour l'autre, et l'on tranche à 0,5 : sa droite tient compte de tous les exemples, quitte à en
# sacrifier quelques-uns, qui s'aventurent trop près de l'autre nuage.
#
# ## Le XOR
#
# La sortie désirée vaut 1 quand une entrée, et une seule, vaut 1. Laissons aux deux règles tout leur temps ; puis,
# pour savoir si un autre réglage ferait mieux, essayons cent mille droites tirées au hasard.

# %% [markdown] lang="en"
# The perceptron stops as soon as it makes no more mistakes, even if its line brushes against an example. The linear
# machine aims at 0 for one class and at 1 for the other, and the cut is at 0.5: its line takes all the examples into
# account, even if it means sacrificing a few that venture too close to the other cloud.
#
# ## XOR
#
# The desired output is 1 when one input, and only one, is 1. Let us give both rules all the time they want; then, to
# know whether another setting would do better, try a hundred thousand lines drawn at random.

# %%
from IPython.display import Markdown

corners = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
xor = np.array([0, 1, 1, 0])
with_bias = np.column_stack([np.ones(4), corners])
step = threshold(with_bias @ learn(corners, xor, threshold, 0.1, 1000))
flat = with_bias @ learn(corners, xor, identity, 0.01, 1000)
lines = np.random.default_rng(0).normal(size=(3, 100_000))
best = int((threshold(with_bias @ lines) == xor[:, None]).sum(axis=0).max())
comma = say(fr=" ; ", en=", ")
answers = comma.join(number(v, 0) for v in step)
halves = comma.join(number(v, 2) for v in flat)
Markdown(
    say(
        fr=f"Pour les quatre points, le perceptron répond {answers}, et changera encore d'avis. "
        f"La machine linéaire répond {halves} : elle ne sait rien. "
        f"La meilleure des cent mille droites classe bien **{best} points sur 4**.",
        en=f"For the four points, the perceptron answers {answers}, and will change its mind. "
        f"The linear machine answers {halves}: it knows nothing. "
        f"The best of the hundred thousand lines is right about **{best} points out of 4**.",
    )
)

# %% [markdown] lang="fr"
# ## Deux couches
#
# Deux neurones regardent les deux entrées avec les mêmes poids, 1 et 1, mais des seuils différents : celui de $N_3$
# est 0, celui de $N_2$ est 1. $N_3$ dit « une entrée au moins », $N_2$ dit « les deux » ; la sortie retranche l'un de
# l'autre :
#
# $$y_3 = F(x_0 + x_1) \qquad y_2 = F(x_0 + x_1 - 1) \qquad y = y_3 - y_2$$

# %% [markdown] lang="en"
# ## Two layers
#
# Two neurons look at the two inputs with the same weights, 1 and 1, but with different thresholds: that of $N_3$ is
# 0, that of $N_2$ is 1. $N_3$ says "one input at least", $N_2$ says "both"; the output takes one away from the other:
#
# $$y_3 = F(x_0 + x_1) \qquad y_2 = F(x_0 + x_1 - 1) \qquad y = y_3 - y_2$$

# %%
thresholds = np.array([0, 1])


def network(at):
    sums = at @ np.array([[1, 1], [1, 1]])  # σ₃, σ₂
    hidden = threshold(sums - thresholds)
    return sums, hidden, hidden @ np.array([1, -1])


table = np.column_stack([corners, *network(corners)]).astype(int)
pd.DataFrame(table, columns=["x₀", "x₁", "σ₃", "σ₂", "y₃", "y₂", "y"], index=[""] * 4)

# %%
from etalon.figures.graphs import graph
from etalon.figures.style import panels, whole

left, right = panels(1, 2, 8.4, 3.6)
layers = [["$x_0$", "$x_1$"], ["$N_3$", "$N_2$"], ["$y$"]]
links = {((0, i), (1, j)): "1" for i in (0, 1) for j in (0, 1)}
links |= {((1, 0), (2, 0)): "1", ((1, 1), (2, 0)): "−1"}
notes = {(1, j): say(fr=f"seuil {thresholds[j]}", en=f"threshold {thresholds[j]}") for j in (0, 1)}
graph(layers, links=links, notes=notes, ax=left, title=say(fr="Le réseau", en="The network"))
groups = {"XOR = 0": corners[xor == 0], "XOR = 1": corners[xor == 1]}
points(
    groups,
    ax=right,
    xlabel="$x_0$",
    ylabel="$x_1$",
    title=say(fr="Ce qu'il répond", en="What it answers"),
)
right.set(xlim=(-0.5, 1.5), ylim=(-0.5, 1.5), xticks=(0, 1), yticks=(0, 1))
boundary(lambda at: network(at)[2], right, level=0.5, shaded=True)
whole(left)

# %% [markdown] lang="fr"
# Chaque neurone caché trace une droite ; la sortie retient la bande entre les deux. Les points $(0, 1)$ et $(1, 0)$
# sont posés juste sur la droite de $N_2$ : comme il faut *dépasser* le seuil, $N_2$ y répond 0, et le compte est bon.
#
# ## À vous de jouer
#
# Mettez les seuils à 0,5 et 1,5 : `thresholds = np.array([0.5, 1.5])`. La table change-t-elle ? Et la figure : quel
# couple de seuils choisiriez-vous si les entrées étaient un peu bruitées ?
#
# ## Question
#
# Pourquoi la seconde couche ne servirait-elle à rien si $F$ était l'identité, comme dans la machine linéaire ?
#
# <details>
# <summary>Réponse</summary>
#
# Une somme pondérée de sommes pondérées est encore une somme pondérée des entrées : $y = w_{3,4} \, y_3 + w_{2,4} \,
# y_2$ redeviendrait une droite, et aucune droite ne résout le XOR. C'est la fonction seuil, non linéaire, qui donne à
# la seconde couche son utilité. Toutes les fonctions d'activation sont là pour cela.
#
# </details>

# %% [markdown] lang="en"
# Each hidden neuron draws a line; the output keeps the strip between the two. The points $(0, 1)$ and $(1, 0)$ lie
# right on the line of $N_2$: as the threshold must be *exceeded*, $N_2$ answers 0 there, and all is well.
#
# ## Your turn
#
# Set the thresholds to 0.5 and 1.5: `thresholds = np.array([0.5, 1.5])`. Does the table change? And the figure: which
# pair of thresholds would you choose if the inputs were a little noisy?
#
# ## Question
#
# Why would the second layer be of no use if $F$ were the identity, as in the linear machine?
#
# <details>
# <summary>Answer</summary>
#
# A weighted sum of weighted sums is still a weighted sum of the inputs: $y = w_{3,4} \, y_3 + w_{2,4} \, y_2$ would
# be a line again, and no line solves XOR. It is the threshold function, which is not linear, that makes the second
# layer useful. All activation functions are there for that.
#
# </details>
