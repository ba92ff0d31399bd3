# %% [markdown] lang="fr"
# # Le croisement de caractéristiques
#
# Aucune droite ne sépare le « ou exclusif ». Une multiplication suffit pourtant à en faire un problème linéaire.
#
# ## Le problème du XOR
#
# Un exemple est de la classe A si ses deux caractéristiques ont le même signe, de la classe B sinon. On cherche une
# séparatrice linéaire
#
# $$y = b + w_1 x_1 + w_2 x_2$$
#
# positive d'un côté et négative de l'autre. Essayons.

# %% [markdown] lang="en"
# # Crossing features
#
# No line parts the "exclusive or". Yet one multiplication is enough to make it a linear problem.
#
# ## The XOR problem
#
# An example is of class A if its two features have the same sign, of class B otherwise. We look for a linear
# separator
#
# $$y = b + w_1 x_1 + w_2 x_2$$
#
# which is positive on one side and negative on the other. Let us try.

# %%
import numpy as np
from etalon.lessons import say
from etalon.locales import percent
from IPython.display import Markdown
from sklearn.linear_model import LogisticRegression

rng = np.random.default_rng(0)
x = rng.uniform(0.12, 1, (200, 2)) * rng.choice([-1, 1], (200, 2))
y = (x[:, 0] * x[:, 1] < 0).astype(int)
line = LogisticRegression(C=100).fit(x, y)
line_accuracy = line.score(x, y)
Markdown(
    say(
        fr=f"La meilleure droite a raison pour **{percent(line_accuracy, 0)}** des exemples : à "
        "peine mieux que pile ou face.",
        en=f"The best line is right about **{percent(line_accuracy, 0)}** of the examples: hardly "
        "better than tossing a coin.",
    )
)

# %% [markdown] lang="fr"
# ## La solution : une caractéristique de plus
#
# Donnons au modèle une troisième caractéristique, le *produit* des deux autres :
#
# $$x_3 = x_1 x_2 \qquad y = b + w_1 x_1 + w_2 x_2 + w_3 x_3$$
#
# Le modèle est toujours linéaire, mais dans un espace à trois dimensions où un plan sépare les deux classes.
# `PolynomialFeatures` sait croiser les caractéristiques.

# %% [markdown] lang="en"
# ## The solution: one more feature
#
# Let us give the model a third feature, the *product* of the other two:
#
# $$x_3 = x_1 x_2 \qquad y = b + w_1 x_1 + w_2 x_2 + w_3 x_3$$
#
# The model is still linear, but in a space of three dimensions, where a plane parts the two classes.
# `PolynomialFeatures` knows how to cross features.

# %%
from etalon.figures.points import boundary, points
from etalon.figures.style import panels, style
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures

crossing = PolynomialFeatures(interaction_only=True, include_bias=False)
crossed = make_pipeline(crossing, LogisticRegression(C=100)).fit(x, y)
crossed_accuracy = crossed.score(x, y)
classes = {say(fr="classe A", en="class A"): x[y == 0], say(fr="classe B", en="class B"): x[y == 1]}
axes = panels(1, 2, 8.2, 3.9, shared=True)
for ax, model, title in (
    (axes[0], line, say(fr="Avec x₁ et x₂", en="With x₁ and x₂")),
    (axes[1], crossed, say(fr="Avec x₁, x₂ et x₃ = x₁x₂", en="With x₁, x₂ and x₃ = x₁x₂")),
):
    points(classes, ax=ax, title=title, xlabel="x₁", legend=False)
    boundary(model.decision_function, ax, shaded=True)
axes[0].set_ylabel("x₂")
with style():
    axes[1].legend(loc="upper left", bbox_to_anchor=(1.01, 1))
axes[0].figure

# %%
import pandas as pd
from etalon.locales import number

weights = pd.Series(crossed[-1].coef_[0], index=["w₁", "w₂", "w₃"])
weights.map(lambda w: number(w, 1).replace("-", "−")).to_frame(
    say(fr="poids appris", en="weight learnt")
)

# %% [markdown] lang="fr"
# Tout le poids est sur $x_3$, et il est négatif : quand le produit est positif (signes égaux), c'est la classe A. Le
# modèle a découvert la règle dès qu'on lui a donné le mot pour la dire.
#
# ## À vous de jouer
#
# Changez la règle : `y = (x[:, 0] ** 2 + x[:, 1] ** 2 > 0.5).astype(int)`, un cercle. Le croisement $x_1 x_2$
# suffit-il encore ? Retirez `interaction_only=True` et regardez quels carrés le modèle choisit.
#
# ## Question
#
# Pourquoi aucune droite ne peut-elle séparer les quatre points $(0, 0)$ et $(1, 1)$, de classe A, de $(0, 1)$ et $(1,
# 0)$, de classe B ?
#
# <details>
# <summary>Réponse</summary>
#
# Il faudrait $b < 0$ et $b + w_1 + w_2 < 0$ pour les deux points de A, $b + w_2 > 0$ et $b + w_1 > 0$ pour ceux de B.
# La somme des deux premières donne $2b + w_1 + w_2 < 0$, celle des deux autres $2b + w_1 + w_2 > 0$ : impossible. La
# leçon 12 résoudra le même problème autrement, par une couche de neurones qui *apprend* ses caractéristiques.
#
# </details>

# %% [markdown] lang="en"
# All the weight is on $x_3$, and it is negative: when the product is positive (equal signs), it is class A. The model
# found the rule as soon as it was given the word to say it.
#
# ## Your turn
#
# Change the rule: `y = (x[:, 0] ** 2 + x[:, 1] ** 2 > 0.5).astype(int)`, a circle. Is the crossing $x_1 x_2$ still
# enough? Take `interaction_only=True` out, and see which squares the model chooses.
#
# ## Question
#
# Why can no line part the four points $(0, 0)$ and $(1, 1)$, of class A, from $(0, 1)$ and $(1, 0)$, of class B?
#
# <details>
# <summary>Answer</summary>
#
# It would take $b < 0$ and $b + w_1 + w_2 < 0$ for the two points of A, $b + w_2 > 0$ and $b + w_1 > 0$ for those of
# B. The sum of the first two gives $2b + w_1 + w_2 < 0$, that of the other two $2b + w_1 + w_2 > 0$: impossible.
# Lesson 12 solves the same problem in another way, by a layer of neurons which *learns* its features.
#
# </details>
