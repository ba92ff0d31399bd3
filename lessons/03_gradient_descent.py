# %% [markdown] lang="fr"
# # La descente de gradient
#
# Personne n'essaie toutes les droites. On part de n'importe où, on regarde de quel côté la perte descend, on fait un
# pas, et l'on recommence : presque tous les réseaux de neurones apprennent ainsi.
#
# ## L'erreur quadratique moyenne
#
# La perte quadratique, ou perte $L_2$, d'un exemple est le carré de son écart. Sa moyenne sur une base $D$ de $N$
# exemples est l'erreur quadratique moyenne (*mean squared error*) :
#
# $$MSE = \frac{1}{N} \sum_{(x, y) \in D} (y - \mathrm{prédiction}(x))^2$$
#
# Le carré compte autant les écarts vers le haut que vers le bas, et punit surtout les grands : se tromper de 2 €
# coûte quatre fois plus que de 1 €.
#
# Reprenons nos pizzas, en comptant tailles et prix à partir de leur moyenne et les tailles en écarts-types. Il ne
# reste qu'un poids $w$ à trouver, et la perte est une fonction de ce seul nombre : une parabole.

# %% [markdown] lang="en"
# # Gradient descent
#
# Nobody tries every line. You start anywhere, look which way the loss goes down, take a step, and do it again: nearly
# all neural networks learn in this way.
#
# ## The mean squared error
#
# The squared loss, or $L_2$ loss, of an example is the square of its gap. Its mean over a set $D$ of $N$ examples is
# the mean squared error:
#
# $$MSE = \frac{1}{N} \sum_{(x, y) \in D} (y - \mathrm{prediction}(x))^2$$
#
# The square counts gaps upwards and downwards alike, and punishes large ones most: being wrong by €2 costs four times
# as much as by €1.
#
# Back to our pizzas, with sizes and prices counted from their means, and sizes in standard deviations. One weight $w$
# is left to be found, and the loss is a function of this number alone: a parabola.

# %%
import numpy as np
from etalon.lessons import say
from scipy.stats import zscore

size = np.array([22, 24, 26, 28, 30, 32, 34, 36, 40])  # cm
price = np.array([7.5, 8, 9.5, 9, 11, 11.5, 13, 12.5, 15])  # €
x, y = zscore(size), price - price.mean()


def loss(w):
    return np.mean((y - w * x) ** 2)


def gradient(w):
    return np.mean(-2 * x * (y - w * x))


# %% [markdown] lang="fr"
# ## Un pas
#
# Le **gradient** est la dérivée de la perte. Il a une *direction*, celle où la perte monte, et une *magnitude*, la
# raideur de la pente. On va donc à l'opposé, d'autant plus loin que la pente est raide :
#
# $$w \leftarrow w - \eta \, \frac{\partial MSE}{\partial w}$$
#
# où $\eta$ est le **pas d'apprentissage** (*learning rate*).

# %% [markdown] lang="en"
# ## One step
#
# The **gradient** is the derivative of the loss. It has a *direction*, the one in which the loss goes up, and a
# *magnitude*, how steep the slope is. So we go the opposite way, and the further the steeper the slope:
#
# $$w \leftarrow w - \eta \, \frac{\partial MSE}{\partial w}$$
#
# where $\eta$ is the **learning rate**.

# %%
from etalon.figures.curves import Line, curves
from etalon.figures.style import INK, PALETTE, style

start, rate = -1.0, 0.2
after = start - rate * gradient(start)
weights = np.linspace(-2.2, 7, 200)
parabola = Line("", [loss(w) for w in weights], x=weights, colour=INK)
words = {
    "xlabel": say(fr="Poids w", en="Weight w"),
    "ylabel": say(fr="Perte (MSE)", en="Loss (MSE)"),
}
ax = curves(
    [parabola], **words, title=say(fr="Un pas de descente", en="One step down"), whole_x=False
)
with style():
    ends = np.array([start, after])
    slope = loss(start) + gradient(start) * (ends - start)
    arrow = {"arrowstyle": "-|>", "color": PALETTE[5], "linewidth": 2}
    ax.annotate("", (after, slope[1]), (start, slope[0]), arrowprops=arrow)
    ax.plot([], [], color=PALETTE[5], label=say(fr="gradient négatif", en="negative gradient"))
    ax.plot([after, after], [slope[1], loss(after)], ":", color=INK, linewidth=1)
    ax.plot(
        start,
        loss(start),
        "o",
        color=PALETTE[3],
        markersize=9,
        label=say(fr="point initial", en="starting point"),
    )
    ax.plot(
        after,
        loss(after),
        "s",
        color=PALETTE[0],
        markersize=8,
        label=say(fr="nouveau point", en="new point"),
    )
    ax.legend()
ax

# %% [markdown] lang="fr"
# Ce gradient a été dérivé à la main. SciPy le compare aux différences finies, ce que l'on fait toujours avant de se
# fier à une formule :

# %% [markdown] lang="en"
# This gradient was derived by hand. SciPy compares it with finite differences, as one always should before trusting a
# formula:

# %%
from scipy.optimize import check_grad

slip = check_grad(lambda w: loss(w[0]), lambda w: np.array([gradient(w[0])]), [start])
print(say(fr=f"écart : {slip:.0e}", en=f"difference: {slip:.0e}"))

# %% [markdown] lang="fr"
# ## Le pas d'apprentissage
#
# Recommençons douze fois, avec trois pas. Trop petit, il faudra une éternité ; trop grand, chaque pas saute
# par-dessus le minimum et atterrit plus haut qu'il n'était parti.

# %% [markdown] lang="en"
# ## The learning rate
#
# Let us do it twelve times, with three rates. Too small, and it will take for ever; too large, and each step jumps
# over the minimum and lands higher than where it left.

# %%
from etalon.figures.style import panels
from etalon.locales import number


def descent(rate, steps=12):
    path = [start]
    for _ in range(steps):
        path.append(path[-1] - rate * gradient(path[-1]))
    return np.array(path)


rates = {
    say(fr="Trop petit", en="Too small"): 0.02,
    say(fr="Bon", en="Good"): 0.3,
    say(fr="Trop grand", en="Too large"): 1.05,
}
paths = {name: descent(rate) for name, rate in rates.items()}
axes = panels(1, 3, 8.4, 3.3)
for ax, (name, path) in zip(axes, paths.items(), strict=True):
    w = np.linspace(min(-2.2, path.min()) - 0.3, max(7, path.max()) + 0.3, 200)
    eta = number(rates[name])
    title = say(fr=f"{name} : η = {eta}", en=f"{name}: η = {eta}")
    curves([Line("", [loss(v) for v in w], x=w, colour=INK)], ax=ax, title=title)
    curves(
        [Line("", [loss(v) for v in path], x=path, colour=PALETTE[0], marker="o")],
        ax=ax,
        xlabel=words["xlabel"],
    )
axes[0].set_ylabel(words["ylabel"])
axes[0].figure

# %%
from etalon.locales import percent
from IPython.display import Markdown
from sklearn.linear_model import LinearRegression

best = LinearRegression().fit(x[:, None], y).coef_[0]
slow, good, wild = (abs(path[-1] - best) / abs(start - best) for path in paths.values())
Markdown(
    say(
        fr="Après douze pas, le chemin qui reste jusqu'à la meilleure pente (celle de "
        f"`LinearRegression`) est de {percent(slow, 0)} avec le petit pas, {percent(good, 3)} avec "
        f"le bon, et {percent(wild, 0)} avec le grand, qui s'en éloigne.",
        en="After twelve steps, what is left of the way to the best slope (that of "
        f"`LinearRegression`) is {percent(slow, 0)} with the small rate, {percent(good, 3)} with "
        f"the good one, and {percent(wild, 0)} with the large one, which moves away.",
    )
)

# %% [markdown] lang="fr"
# ## À vous de jouer
#
# Donnez à `rates` d'autres valeurs. Cherchez le pas qui arrive au minimum *du premier coup*, puis le plus grand qui
# ne diverge pas.
#
# ## Question
#
# Ici la moyenne de $x^2$ vaut 1. Montrez que chaque pas multiplie l'écart au minimum par $1 - 2\eta$. Qu'en
# déduisez-vous pour $\eta = 0{,}5$ ? et pour $\eta > 1$ ?
#
# <details>
# <summary>Réponse</summary>
#
# Notons $w^*$ le minimum, la moyenne de $xy$. Le gradient est $-2(w^* - w)$, donc le nouvel écart est $w - w^* +
# 2\eta(w^* - w) = (1 - 2\eta)(w - w^*)$. Avec $\eta = 0{,}5$ il est nul : un seul pas suffit. Au-delà de 1, le
# facteur est plus petit que $-1$ : on change de côté à chaque pas en s'éloignant toujours plus. Dans un vrai réseau
# la raideur n'est pas la même dans toutes les directions : aucun pas ne peut être bon pour toutes.
#
# </details>

# %% [markdown] lang="en"
# ## Your turn
#
# Give `rates` other values. Look for the one that reaches the minimum *in one go*, then for the largest that does not
# diverge.
#
# ## Question
#
# Here the mean of $x^2$ is 1. Show that each step multiplies the distance to the minimum by $1 - 2\eta$. What does it
# say of $\eta = 0.5$, and of $\eta > 1$?
#
# <details>
# <summary>Answer</summary>
#
# Let $w^*$ be the minimum, the mean of $xy$. The gradient is $-2(w^* - w)$, so the new distance is $w - w^* +
# 2\eta(w^* - w) = (1 - 2\eta)(w - w^*)$. With $\eta = 0.5$ it is zero: a single step is enough. Beyond 1 the factor
# is less than $-1$: each step changes sides and lands further away. In a real network the slope is not as steep in
# all directions: no rate can be good for all of them.
#
# </details>
