# %% [markdown] lang="fr"
# # Préparer les données
#
# Un modèle ne lit que des nombres, et croit tout ce qu'ils disent. Quatre bons réflexes avant d'apprendre : corriger,
# coder, mettre à l'échelle, découper en tranches.
#
# ## Supprimer les exemples non fiables
#
# Un exemple peut être non fiable pour quatre raisons : une valeur omise, un doublon, une étiquette erronée, une
# valeur de caractéristique erronée. Ce carnet de commandes les a toutes : les voyez-vous ?

# %% [markdown] lang="en"
# # Preparing data
#
# A model reads nothing but numbers, and believes all they say. Four good habits before learning: correct, encode,
# scale, cut into bins.
#
# ## Dropping unreliable examples
#
# An example can be unreliable for four reasons: a missing value, a duplicate, a wrong label, a wrong value of a
# feature. This order book has them all: can you see them?

# %%
import numpy as np
import pandas as pd
from etalon.lessons import say
from etalon.locales import number

tomato, cream = say(fr="tomate", en="tomato"), say(fr="crème", en="cream")
size, base, price, kind = (
    say(fr="taille (cm)", en="size (cm)"),
    say(fr="base", en="base"),
    say(fr="prix (€)", en="price (€)"),
    say(fr="étiquette", en="label"),
)
small, large = say(fr="petite", en="small"), say(fr="grande", en="large")
orders = pd.DataFrame(
    [
        (24, tomato, 8.0, small),
        (36, cream, 13.5, large),
        (33, tomato, None, large),
        (24, tomato, 8.0, small),
        (38, tomato, 14.0, small),
        (310, cream, 12.0, large),
        (28, "pesto", 10.5, small),
        (40, tomato, 15.0, large),
    ],
    columns=[size, base, price, kind],
)
orders.map(lambda value: number(value, 1) if isinstance(value, float) else value).replace(
    "nan", "?"
)

# %% [markdown] lang="fr"
# Pandas trouve seul deux des quatre défauts. Les deux autres demandent de connaître le sujet : ici, qu'aucun four
# n'accepte une pizza de trois mètres, et qu'une pizza est grande à partir de 32 cm.

# %% [markdown] lang="en"
# Pandas finds two of the four faults by itself. The others ask for some knowledge of the subject: here, that no oven
# takes a pizza three metres wide, and that a pizza is large from 32 cm on.

# %%
faults = pd.DataFrame(
    {
        say(fr="valeur omise", en="missing value"): orders.isna().any(axis=1),
        say(fr="doublon", en="duplicate"): orders.duplicated(),
        say(fr="étiquette erronée", en="wrong label"): (orders[size] >= 32)
        != (orders[kind] == large),
        say(fr="valeur erronée", en="wrong value"): ~orders[size].between(15, 60),
    }
)
reliable = orders[~faults.any(axis=1)]
faults.sum().to_frame(say(fr="exemples", en="examples"))

# %% [markdown] lang="fr"
# Sur des images, `etalon.audit` cherche de même les doublons et les images vides, et `etalon.label_errors` les
# étiquettes douteuses.
#
# ## Coder les catégories : un vocabulaire et des 0 / 1
#
# Une caractéristique numérique n'a rien à faire de spécial. Une caractéristique catégorielle, elle, se code en deux
# temps : on dresse le **vocabulaire** de ses valeurs, puis chaque exemple devient un vecteur de 0 avec un seul 1, à
# la place de sa valeur. C'est le *one-hot encoding*.

# %% [markdown] lang="en"
# On images, `etalon.audit` looks for duplicates and empty images in the same way, and `etalon.label_errors` for
# doubtful labels.
#
# ## Encoding categories: a vocabulary, and 0s and 1s
#
# There is nothing special to do for a numerical feature. A categorical one is encoded in two steps: list the
# **vocabulary** of its values, then each example becomes a vector of 0s with a single 1, at the place of its value.
# This is *one-hot encoding*.

# %%
from sklearn.preprocessing import OneHotEncoder

encoder = OneHotEncoder(sparse_output=False, dtype=int, handle_unknown="ignore").fit(
    reliable[[base]]
)
vocabulary = list(encoder.categories_[0])
asked = pd.DataFrame({base: [tomato, cream, "pesto", say(fr="ananas", en="pineapple")]})
codes = encoder.transform(asked)
pd.DataFrame(codes, index=asked[base].tolist(), columns=vocabulary)

# %% [markdown] lang="fr"
# Pourquoi pas 1 = crème, 2 = pesto, 3 = tomate ? Parce qu'un modèle y lirait que le pesto est la moyenne de la crème
# et de la tomate. Quant à l'ananas, absent du vocabulaire, il n'a droit à aucun 1.
#
# ## Mettre à l'échelle
#
# Cent soixante-dix-huit vins, treize mesures : l'une va de 0,1 à 0,7, une autre de 300 à 1700. Un modèle qui compare
# des distances n'entend que la seconde. On ramène donc chaque caractéristique à une moyenne de 0 et un écart-type de
# 1, ou entre 0 et 1, comme on divise par 255 les pixels d'une image.

# %% [markdown] lang="en"
# Why not 1 = cream, 2 = pesto, 3 = tomato? Because a model would read there that pesto is the mean of cream and
# tomato. As for pineapple, which is not in the vocabulary, it is not given any 1.
#
# ## Scaling
#
# A hundred and seventy-eight wines, thirteen measurements: one goes from 0.1 to 0.7, another from 300 to 1,700. A
# model that compares distances hears the second one only. So each feature is brought to a mean of 0 and a standard
# deviation of 1, or between 0 and 1, as the pixels of an image are divided by 255.

# %%
from etalon.figures.bars import bars
from sklearn.datasets import load_wine
from sklearn.model_selection import cross_val_score
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler

wine, grower = load_wine(return_X_y=True)
neighbours = KNeighborsClassifier(5)
raw, standard, unit = (
    cross_val_score(model, wine, grower, cv=5).mean()
    for model in (
        neighbours,
        make_pipeline(StandardScaler(), neighbours),
        make_pipeline(MinMaxScaler(), neighbours),
    )
)
bars(
    [
        say(fr="valeurs brutes", en="raw values"),
        say(fr="moyenne 0, écart-type 1", en="mean 0, deviation 1"),
        say(fr="entre 0 et 1", en="between 0 and 1"),
    ],
    {"": [raw, standard, unit]},
    percent=True,
    digits=1,
    ylabel="Accuracy",
    title=say(fr="Reconnaître le producteur d'un vin", en="Telling who grew a wine"),
)

# %% [markdown] lang="fr"
# La mise à l'échelle est elle-même apprise (une moyenne, un écart-type) : elle fait partie du modèle, d'où le
# `make_pipeline`, qui ne l'apprend que sur les exemples d'apprentissage.
#
# ## Découper en tranches : le *binning*
#
# Combien de pizzas commande-t-on à telle heure ? Aucune droite ne peut le dire. Coupons la journée en $k$ tranches :
# l'heure devient $k$ caractéristiques booléennes, et un modèle *linéaire* peut donner à chacune son poids.

# %% [markdown] lang="en"
# Scaling is itself learnt (a mean, a standard deviation): it is part of the model, hence `make_pipeline`, which
# learns it from the training examples only.
#
# ## Cutting into bins
#
# How many pizzas are ordered at a given time? No line can tell. Let us cut the day into $k$ bins: the time becomes
# $k$ boolean features, and a *linear* model can give each of them its weight.

# %%
from etalon.figures.curves import Line, curves
from etalon.figures.points import points
from etalon.figures.style import INK, PALETTE
from sklearn.linear_model import LinearRegression
from sklearn.preprocessing import KBinsDiscretizer

rng = np.random.default_rng(0)
hour = np.sort(rng.uniform(10, 24, 120))
sold = rng.poisson(3 + 22 * np.exp(-((hour - 12.7) ** 2)) + 30 * np.exp(-((hour - 20) ** 2) / 3))
bins = KBinsDiscretizer(14, encode="onehot-dense", strategy="uniform")
straight = LinearRegression().fit(hour[:, None], sold)
binned = make_pipeline(bins, LinearRegression()).fit(hour[:, None], sold)
day = np.linspace(10, 24, 500)[:, None]
ax = points({say(fr="commandes", en="orders"): np.column_stack([hour, sold])})
curves(
    [
        Line(
            say(fr="une droite", en="a line"),
            straight.predict(day),
            x=day[:, 0],
            colour=INK,
            stroke="dashed",
        ),
        Line(
            say(fr="14 tranches", en="14 bins"), binned.predict(day), x=day[:, 0], colour=PALETTE[5]
        ),
    ],
    ax=ax,
    xlabel=say(fr="Heure", en="Hour"),
    ylabel=say(fr="Pizzas par heure", en="Pizzas an hour"),
    title=say(
        fr="Le même modèle linéaire, avant et après", en="The same linear model, before and after"
    ),
)

# %% [markdown] lang="fr"
# ## À vous de jouer
#
# Essayez 3 tranches, puis 100. Laquelle de ces deux erreurs reconnaissez-vous de la leçon 4 ?
#
# ## Question
#
# On met toute la base à l'échelle, test compris, *avant* de la séparer en apprentissage et test. Où est la faute ?
#
# <details>
# <summary>Réponse</summary>
#
# La moyenne et l'écart-type ont été calculés avec les données de test : l'apprentissage en sait déjà quelque chose,
# et le test n'est plus tout à fait nouveau. La fuite est souvent petite pour une mise à l'échelle ; elle devient
# grave quand on choisit des caractéristiques ou que l'on complète des valeurs omises à l'aide de toute la base. La
# règle : tout ce qui s'apprend s'apprend sur l'apprentissage.
#
# </details>

# %% [markdown] lang="en"
# ## Your turn
#
# Try 3 bins, then 100. Which mistake of lesson 4 do you recognise in each?
#
# ## Question
#
# The whole data set is scaled, test included, *before* it is parted into training and test. What is wrong?
#
# <details>
# <summary>Answer</summary>
#
# The mean and the standard deviation were computed with the test data: training already knows something of them, and
# the test is no longer quite new. The leak is often small when scaling; it becomes serious when features are chosen,
# or missing values filled in, with the help of the whole set. The rule: all that is learnt is learnt from the
# training set.
#
# </details>
