# %% [markdown] lang="fr"
# # La régularisation
#
# Plutôt que d'interdire les modèles complexes, on leur fait payer leur complexité. Un seul coefficient, $\lambda$,
# fixe le prix.
#
# ## Payer sa complexité
#
# Quand un modèle sur-apprend, l'erreur d'apprentissage descend tandis que l'erreur de test remonte. Au lieu de la
# seule erreur, on minimise
#
# $$\mathrm{Erreur}(\mathrm{Données} \mid \mathrm{Modèle}) + \lambda \, \mathrm{complexité}(\mathrm{modèle})$$
#
# où $\lambda$ est le **coefficient de régularisation**. La complexité se mesure classiquement par la somme des carrés
# des poids, c'est la régularisation $L_2$ :
#
# $$L_2 = \|w\|_2^2 = w_1^2 + w_2^2 + \ldots + w_n^2$$
#
# Un polynôme qui zigzague a besoin de poids énormes ; un polynôme sage s'en passe. Revoici les douze pizzas et le
# degré 9 de la leçon 4, pour trois valeurs de $\lambda$. `Ridge`, de scikit-learn, minimise l'erreur quadratique plus
# $\lambda L_2$. Le biais, lui, ne paie rien.

# %% [markdown] lang="en"
# # Regularisation
#
# Rather than forbidding complex models, make them pay for their complexity. A single coefficient, $\lambda$, sets the
# price.
#
# ## Paying for complexity
#
# When a model overfits, the training error goes down while the test error goes up. Instead of the error alone, we
# minimise
#
# $$\mathrm{Error}(\mathrm{Data} \mid \mathrm{Model}) + \lambda \, \mathrm{complexity}(\mathrm{model})$$
#
# where $\lambda$ is the **regularisation coefficient**. Complexity is classically measured by the sum of the squares
# of the weights, which is $L_2$ regularisation:
#
# $$L_2 = \|w\|_2^2 = w_1^2 + w_2^2 + \ldots + w_n^2$$
#
# A polynomial that zigzags needs huge weights; a quiet one does without. Here again are the twelve pizzas and the
# degree 9 of lesson 4, for three values of $\lambda$. scikit-learn's `Ridge` minimises the squared error plus
# $\lambda L_2$. The bias pays nothing.

# %%
import numpy as np
from etalon.figures.curves import Line, curves
from etalon.figures.points import points
from etalon.figures.style import INK, panels
from etalon.lessons import say
from etalon.locales import number
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures, StandardScaler


def pizzas(n, seed):
    rng = np.random.default_rng(seed)
    size = rng.uniform(20, 42, n)  # cm
    return size[:, None], 0.42 * size - 1.9 + rng.normal(0, 1.2, n)


def polynomial(penalty):
    powers = PolynomialFeatures(9, include_bias=False)
    return make_pipeline(StandardScaler(), powers, StandardScaler(), Ridge(penalty, solver="svd"))


x, y = pizzas(12, seed=1)
sizes = np.linspace(x.min(), x.max(), 300)
examples = {say(fr="exemples", en="examples"): np.column_stack([x[:, 0], y])}
shown = {
    say(fr="Gratuit", en="Free of charge"): 0.0,
    say(fr="Au juste prix", en="At the right price"): 0.5,
    say(fr="Hors de prix", en="Far too dear"): 100_000.0,
}
fitted = [polynomial(penalty).fit(x, y) for penalty in shown.values()]
axes = panels(1, 3, 8.4, 3.2, shared=True)
for ax, name, model in zip(axes, shown, fitted, strict=True):
    points(examples, ax=ax, xlabel=say(fr="Taille (cm)", en="Size (cm)"), legend=False)
    curves([Line("", model.predict(sizes[:, None]), x=sizes, colour=INK)], ax=ax, title=name)
axes[0].set_ylim(4, 20)
axes[0].set_ylabel(say(fr="Prix (€)", en="Price (€)"))
axes[0].figure

# %%
import pandas as pd

squares = [float(np.sum(model[-1].coef_ ** 2)) for model in fitted]
columns = ["λ", say(fr="somme des carrés des poids", en="sum of squared weights")]
rows = [
    (number(penalty, 1 if penalty % 1 else 0), number(total, 2))
    for penalty, total in zip(shown.values(), squares, strict=True)
]
pd.DataFrame(rows, index=list(shown), columns=columns)

# %% [markdown] lang="fr"
# ## Choisir $\lambda$
#
# $\lambda$ ne s'apprend pas sur les exemples d'apprentissage : il vaudrait toujours 0. On le choisit sur la
# **validation**, comme n'importe quel réglage. `validation_curve` le fait varier et valide chaque valeur, ici par
# validation croisée.

# %% [markdown] lang="en"
# ## Choosing $\lambda$
#
# $\lambda$ cannot be learnt from the training examples: it would always be 0. It is chosen on **validation**, like
# any setting. `validation_curve` makes it vary and validates each value, here by cross-validation.

# %%
from sklearn.model_selection import KFold, validation_curve

train_x, train_y = pizzas(24, seed=4)
penalties = np.logspace(-6, 3, 28)
losses = validation_curve(
    polynomial(1),
    train_x,
    train_y,
    param_name="ridge__alpha",
    param_range=penalties,
    cv=KFold(6, shuffle=True, random_state=0),
    scoring="neg_root_mean_squared_error",
)
learnt, validated = (-loss.mean(axis=1) for loss in losses)
best = penalties[validated.argmin()]
ax = curves(
    [
        Line(
            say(fr="apprentissage", en="training"), learnt, x=np.log10(penalties), stroke="dashed"
        ),
        Line("validation", validated, x=np.log10(penalties)),
    ],
    xlabel="log₁₀ λ",
    ylabel=say(fr="Erreur (€)", en="Error (€)"),
    title=say(
        fr="Entre sur-apprentissage et sous-apprentissage",
        en="Between overfitting and underfitting",
    ),
    mark=float(np.log10(best)),
    mark_label=say(fr="λ choisi", en="chosen λ"),
)
ax.set_ylim(0, 4)
ax

# %% [markdown] lang="fr"
# À gauche le modèle fait ce qu'il veut : l'apprentissage va bien, la validation va mal. À droite il n'ose plus rien :
# les deux erreurs montent ensemble. Entre les deux se trouve le bon prix.
#
# Un réseau de neurones se régularise de même : `layers.Dense(128, kernel_regularizer=keras.regularizers.L2(1e-4))`
# ajoute à la perte la somme des carrés des poids de cette couche, multipliée par $\lambda = 10^{-4}$.
#
# ## À vous de jouer
#
# Remplacez `pizzas(24, seed=4)` par `pizzas(200, seed=4)`. Le creux de la courbe de validation se déplace-t-il ? Avec
# plus d'exemples, a-t-on besoin de plus ou de moins de régularisation ?
#
# ## Question
#
# Vers quelle fonction tend le polynôme quand $\lambda$ devient immense ? Pourquoi n'est-ce pas la fonction nulle ?
#
# <details>
# <summary>Réponse</summary>
#
# Tous les poids tendent vers 0, il ne reste que le biais, qui ne paie rien : le modèle répond toujours la moyenne des
# prix. C'est la droite horizontale de la figure de droite. Si le biais était pénalisé lui aussi, la prédiction
# tendrait vers 0 €, ce qui n'a pas plus de raison que n'importe quel autre prix.
#
# </details>

# %% [markdown] lang="en"
# On the left the model does as it pleases: training goes well, validation goes badly. On the right it no longer dares
# anything: both errors go up together. In between lies the right price.
#
# A neural network is regularised in the same way: `layers.Dense(128, kernel_regularizer=keras.regularizers.L2(1e-4))`
# adds to the loss the sum of the squared weights of this layer, times $\lambda = 10^{-4}$.
#
# ## Your turn
#
# Replace `pizzas(24, seed=4)` by `pizzas(200, seed=4)`. Does the trough of the validation curve move? With more
# examples, does one need more or less regularisation?
#
# ## Question
#
# Which function does the polynomial tend to when $\lambda$ becomes huge? Why is it not the zero function?
#
# <details>
# <summary>Answer</summary>
#
# All weights tend to 0, and only the bias is left, which pays nothing: the model always answers the mean price. It is
# the horizontal line of the figure on the right. If the bias were penalised too, the prediction would tend to €0, for
# which there is no more reason than for any other price.
#
# </details>
