# %% [markdown] lang="fr"
# # Le prix d'une pizza
#
# Le plus simple des modèles est une droite. Elle suffit pour comprendre ce que veut dire apprendre : essayer des
# réglages, mesurer combien on se trompe, garder ceux qui se trompent le moins.
#
# ## Les données et le but
#
# Nous connaissons le prix de quelques pizzas et leur taille. Nous cherchons une règle, c'est-à-dire un *modèle*, qui
# lie le prix à la taille, pour prédire le prix des pizzas que nous n'avons pas encore vues.

# %% [markdown] lang="en"
# # The price of a pizza
#
# The simplest of models is a straight line. It is enough to understand what learning means: try settings, measure how
# wrong they are, keep those that are the least wrong.
#
# ## The data and the goal
#
# We know the price of a few pizzas, and their size. We are looking for a rule, that is a *model*, that links price to
# size, so as to predict the price of pizzas we have not seen yet.

# %%
import numpy as np
from etalon.figures.points import points
from etalon.lessons import say

size = np.array([22, 24, 26, 28, 30, 32, 34, 36, 40])  # cm
price = np.array([7.5, 8, 9.5, 9, 11, 11.5, 13, 12.5, 15])  # €
pizzas = {say(fr="pizzas connues", en="known pizzas"): np.column_stack([size, price])}
words = {
    "xlabel": say(fr="Taille (cm)", en="Size (cm)"),
    "ylabel": say(fr="Prix (€)", en="Price (€)"),
}
points(
    pizzas,
    **words,
    title=say(fr="Une pizza plus grande coûte plus cher", en="A larger pizza costs more"),
    legend=False,
)

# %% [markdown] lang="fr"
# ## Un modèle linéaire
#
# Les points s'alignent à peu près. Écrivons donc
#
# $$y' = b + w_1 x_1$$
#
# où $x_1$ est la taille (la caractéristique), $y'$ le prix prédit, $b$ le *biais* (aussi noté $w_0$, l'ordonnée à
# l'origine) et $w_1$ le *poids* de la caractéristique (la pente). Deux nombres à choisir, et une infinité de droites
# possibles.
#
# ## La perte
#
# Pour les comparer, on mesure leur **perte** (*loss*), la pénalité des mauvaises prédictions : nulle pour un modèle
# parfait, grande pour un mauvais. On la voit sur la figure : ce sont les écarts verticaux entre chaque pizza et la
# droite. À gauche, une droite choisie au hasard ; à droite, celle que trouve l'entraînement.

# %% [markdown] lang="en"
# ## A linear model
#
# The points are more or less on a line. Let us write
#
# $$y' = b + w_1 x_1$$
#
# where $x_1$ is the size (the feature), $y'$ the predicted price, $b$ the *bias* (also written $w_0$, the intercept)
# and $w_1$ the *weight* of the feature (the slope). Two numbers to choose, and infinitely many lines.
#
# ## The loss
#
# To compare them we measure their **loss**, the penalty for bad predictions: zero for a perfect model, large for a
# bad one. The figure shows it: it is made of the vertical gaps between each pizza and the line. On the left, a line
# chosen at random; on the right, the one that training finds.

# %%
from etalon.figures.curves import Line, curves
from etalon.figures.style import INK, PALETTE, panels, style
from sklearn.linear_model import LinearRegression

trained = LinearRegression().fit(size[:, None], price)
b, w1 = trained.intercept_, trained.coef_[0]
models = {
    say(fr="Grande perte, mauvais modèle", en="Large loss, bad model"): (4.0, 0.15),
    say(fr="Faible perte, bon modèle", en="Small loss, good model"): (b, w1),
}
axes = panels(1, 2, 8.4, 3.6, shared=True)
for ax, (title, (b0, w0)) in zip(axes, models.items(), strict=True):
    answer = b0 + w0 * size
    with style():
        ax.vlines(
            size, answer, price, color=PALETTE[5], linewidth=2, label=say(fr="perte", en="loss")
        )
    points(pizzas, ax=ax, **words)
    curves(
        [Line(say(fr="prédiction", en="prediction"), answer, x=size, colour=INK)],
        ax=ax,
        title=title,
    )
axes[0].figure

# %% [markdown] lang="fr"
# Résumons tous ces écarts par un seul nombre, la moyenne de leurs carrés : la leçon suivante dira pourquoi les
# carrés, et comment l'entraînement trouve la meilleure droite.

# %% [markdown] lang="en"
# Let us sum up all these gaps by one number, the mean of their squares: the next lesson tells why squares, and how
# training finds the best line.

# %%
from etalon.locales import number
from IPython.display import Markdown
from sklearn.metrics import mean_squared_error

losses = [number(mean_squared_error(price, b0 + w0 * size)) for b0, w0 in models.values()]
bias, weight = number(b).replace("-", "−"), number(w1)
quote = number(trained.predict([[33]])[0])
Markdown(
    say(
        fr=f"La perte passe de **{losses[0]}** à **{losses[1]}**. Le modèle entraîné prend "
        f"$b$ = {bias} et $w_1$ = {weight} : il demande {quote} € pour une pizza de 33 cm, "
        "taille qu'il n'a jamais vue.",
        en=f"The loss falls from **{losses[0]}** to **{losses[1]}**. The trained model takes "
        f"$b$ = {bias} and $w_1$ = {weight}: it asks €{quote} for a pizza of 33 cm, a size "
        "it has never seen.",
    )
)

# %% [markdown] lang="fr"
# ## À vous de jouer
#
# Remplacez `(4.0, 0.15)` par vos propres valeurs et cherchez à l'œil la perte la plus faible. En combien d'essais
# approchez-vous celle de l'entraînement ? Pouvez-vous la battre ?
#
# ## Question
#
# Que signifie $w_1$ pour qui commande une pizza ? Et $b$ : que vaudrait, selon ce modèle, une pizza de 0 cm ?
#
# <details>
# <summary>Réponse</summary>
#
# $w_1$ est le prix d'un centimètre de plus, en euros par centimètre. $b$ serait le prix d'une pizza de taille nulle ;
# il est négatif, ce qui n'a pas de sens. Le modèle n'a rien appris en dehors des tailles qu'on lui a montrées, de 22
# à 40 cm : il *interpole* bien, mais rien ne garantit ce qu'il *extrapole*.
#
# </details>

# %% [markdown] lang="en"
# ## Your turn
#
# Replace `(4.0, 0.15)` by values of your own and look for the smallest loss by eye. How many tries does it take to
# come close to that of training? Can you beat it?
#
# ## Question
#
# What does $w_1$ mean to whoever orders a pizza? And $b$: what would a pizza of 0 cm cost, according to this model?
#
# <details>
# <summary>Answer</summary>
#
# $w_1$ is the price of one more centimetre, in euros per centimetre. $b$ would be the price of a pizza of no size at
# all; it is negative, which makes no sense. The model has learnt nothing outside the sizes it was shown, 22 to 40 cm:
# it *interpolates* well, but nothing vouches for what it *extrapolates*.
#
# </details>
