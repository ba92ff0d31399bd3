# %% [markdown] lang="fr"
# # Les mots de l'apprentissage
#
# Une fleur, quatre mesures, un nom d'espèce : avec les iris, tout le vocabulaire de l'apprentissage artificiel tient
# dans un tableau et trois figures.
#
# ## Exemple, caractéristiques, étiquette
#
# L'apprentissage artificiel (supervisé) apprend, à partir de données, à produire des prédictions utiles sur des
# données encore jamais vues. Ces données sont des **exemples** : ici, 150 iris de trois espèces. Chaque exemple a
#
# - des **caractéristiques** $x$ (*features*), ses variables d'entrée : la longueur et la largeur des sépales et des
#   pétales, en centimètres ;
# - une **étiquette** $y$ (*label*), la chose que l'on essaie de prédire : l'espèce.
#
# Un exemple *étiqueté* est un couple $(x, y)$ ; un exemple *non étiqueté* n'a que ses caractéristiques $x$.

# %% [markdown] lang="en"
# # The words of machine learning
#
# One flower, four measurements, the name of a species: with irises, the whole vocabulary of machine learning holds in
# one table and three figures.
#
# ## Example, features, label
#
# (Supervised) machine learning learns from data how to make useful predictions on data never seen before. These data
# are **examples**: here, 150 irises of three species. Each example has
#
# - **features** $x$, its input variables: the length and width of sepals and petals, in centimetres;
# - a **label** $y$, the thing we are trying to predict: the species.
#
# A *labelled* example is a pair $(x, y)$; an *unlabelled* example has its features $x$ only.

# %%
import numpy as np
import pandas as pd
from etalon.lessons import say
from etalon.locales import number
from sklearn.datasets import load_iris

iris = load_iris()
x, y = iris.data, iris.target
features = [
    say(fr="longueur du sépale", en="sepal length"),
    say(fr="largeur du sépale", en="sepal width"),
    say(fr="longueur du pétale", en="petal length"),
    say(fr="largeur du pétale", en="petal width"),
]
table = pd.DataFrame(x, columns=features).map(lambda cm: number(cm, 1))
table[say(fr="espèce (étiquette)", en="species (label)")] = iris.target_names[y]
table.iloc[[0, 1, 70, 71, 140]]

# %% [markdown] lang="fr"
# ## Modèle, entraînement, inférence
#
# Un **modèle** définit la relation entre les caractéristiques et l'étiquette. Il connaît deux phases :
#
# - l'**entraînement** (*training*), où il apprend cette relation sur des exemples étiquetés : `fit` ;
# - l'**inférence**, où le modèle entraîné reçoit des exemples non étiquetés et fait ses prédictions $y'$ : `predict`.
#
# Mettons trente fleurs de côté : le modèle n'apprendra rien d'elles, et ne recevra que leurs caractéristiques.

# %% [markdown] lang="en"
# ## Model, training, inference
#
# A **model** defines the relation between the features and the label. Its life has two phases:
#
# - **training**, where it learns that relation from labelled examples: `fit`;
# - **inference**, where the trained model receives unlabelled examples and makes its predictions $y'$: `predict`.
#
# Let us put thirty flowers aside: the model will learn nothing from them, and will only be given their features.

# %%
from IPython.display import Markdown
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split

known_x, new_x, known_y, hidden_y = train_test_split(x, y, test_size=30, stratify=y, random_state=1)
model = LogisticRegression(max_iter=1000)
model.fit(known_x, known_y)
predicted = model.predict(new_x)
found = int(np.sum(predicted == hidden_y))
Markdown(
    say(
        fr=f"Le modèle nomme bien **{found} fleurs sur 30**, qu'il n'avait jamais vues.",
        en=f"The model names **{found} flowers out of 30** rightly; it had never seen them.",
    )
)

# %% [markdown] lang="fr"
# ## Trois questions aux mêmes fleurs
#
# - *De quelle espèce est cette fleur ?* L'étiquette est une valeur discrète : c'est une **classification**.
# - *Quelle largeur a un pétale de 5 cm de long ?* L'étiquette est une valeur continue : c'est une **régression**.
# - *Y a-t-il des familles parmi ces fleurs ?* Personne ne donne d'étiquette : l'apprentissage est **non supervisé**.
#   Les deux premiers étaient **supervisés** : on apprenait de réponses connues.

# %% [markdown] lang="en"
# ## Three questions about the same flowers
#
# - *Which species is this flower?* The label is a discrete value: this is **classification**.
# - *How wide is a petal 5 cm long?* The label is a continuous value: this is **regression**.
# - *Are there families among these flowers?* Nobody gives any label: learning is **unsupervised**. The first two were
#   **supervised**: we were learning from known answers.

# %%
from etalon.figures.curves import Line, curves
from etalon.figures.points import points
from etalon.figures.style import INK, panels
from sklearn.cluster import KMeans
from sklearn.linear_model import LinearRegression

petals = x[:, 2:]
line = LinearRegression().fit(petals[:, :1], petals[:, 1])
groups = KMeans(3, n_init=10, random_state=0).fit_predict(petals)

left, middle, right = panels(1, 3, 8.4, 3.2, shared=True)
species = {name: petals[y == k] for k, name in enumerate(iris.target_names)}
points(
    species,
    ax=left,
    title="Classification",
    ylabel=say(fr="Largeur du pétale (cm)", en="Petal width (cm)"),
)
points(
    {say(fr="iris", en="irises"): petals},
    ax=middle,
    title=say(fr="Régression", en="Regression"),
    xlabel=say(fr="Longueur du pétale (cm)", en="Petal length (cm)"),
)
ends = np.array([[1.0], [7.0]])
curves(
    [
        Line(
            say(fr="droite apprise", en="line learnt"), line.predict(ends), x=ends[:, 0], colour=INK
        )
    ],
    ax=middle,
)
families = {say(fr=f"groupe {k}", en=f"group {k}"): petals[groups == k - 1] for k in (1, 2, 3)}
points(families, ax=right, title=say(fr="Non supervisé", en="Unsupervised"))
left.figure

# %% [markdown] lang="fr"
# À droite, l'algorithme des $k$ moyennes n'a reçu que les mesures. Il retrouve presque les trois espèces, mais il ne
# sait pas les nommer : un groupe n'est pas une étiquette.
#
# ## À vous de jouer
#
# Entraînez le modèle sur les seuls sépales : remplacez `x` par `x[:, :2]` dans `train_test_split`. Combien de fleurs
# sont encore bien nommées ? Les caractéristiques ne se valent pas toutes.
#
# ## Question
#
# Un chiffre manuscrit vaut un nombre de 0 à 9. Le lire sur une image, est-ce une régression ?
#
# <details>
# <summary>Réponse</summary>
#
# Non, c'est une classification en dix classes. Les étiquettes sont des nombres, mais rien ne dit qu'une erreur soit
# plus grave de 3 à 8 que de 3 à 4 : ce sont des noms, sans ordre ni distance. On prédirait en revanche par une
# régression l'âge de celui qui l'a écrit.
#
# </details>

# %% [markdown] lang="en"
# On the right, the $k$-means algorithm received nothing but measurements. It nearly finds the three species, but
# cannot name them: a group is not a label.
#
# ## Your turn
#
# Train the model on the sepals only: replace `x` by `x[:, :2]` in `train_test_split`. How many flowers still get
# their right name? Features are not all worth the same.
#
# ## Question
#
# A handwritten digit is a number from 0 to 9. Is reading one from an image a regression?
#
# <details>
# <summary>Answer</summary>
#
# No, it is a classification into ten classes. The labels are numbers, but nothing says that taking a 3 for an 8 is
# worse than taking it for a 4: they are names, without order or distance. The age of whoever wrote it, on the other
# hand, would be predicted by a regression.
#
# </details>
