# %% [markdown] lang="fr"
# # Pomme, orange ou banane ?
#
# Un classifieur binaire ne sait dire que oui ou non. Pour distinguer trois fruits, on peut en réunir trois, un contre
# tous ; ou, plus efficacement, donner trois sorties à un seul réseau.
#
# ## Un contre tous
#
# Pour $N$ classes, on crée $N$ classifieurs binaires : pomme contre non-pomme, orange contre non-orange, banane
# contre non-banane. Chaque fruit est décrit ici par deux caractéristiques, sa teinte (0° pour le rouge, 60° pour le
# jaune) et sa masse. Les mesures sont simulées.

# %% [markdown] lang="en"
# # Apple, orange or banana?
#
# A binary classifier can only say yes or no. To tell three fruits apart, one can bring three of them together, one
# against all; or, more efficiently, give three outputs to a single network.
#
# ## One against all
#
# For $N$ classes, $N$ binary classifiers are made: apple against not apple, orange against not orange, banana against
# not banana. Here each fruit is described by two features, its hue (0° for red, 60° for yellow) and its mass. The
# measurements are simulated.

# %%
import numpy as np
import pandas as pd
from etalon.lessons import say
from etalon.locales import percent
from sklearn.linear_model import LogisticRegression
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

fruits = [say(fr="pomme", en="apple"), say(fr="orange", en="orange"), say(fr="banane", en="banana")]
rng = np.random.default_rng(0)
hue_and_mass = [(12, 150), (32, 165), (52, 140)]
X = np.vstack([rng.normal(middle, (5, 25), size=(100, 2)) for middle in hue_and_mass])
y = np.repeat([0, 1, 2], 100)

one_against_all = make_pipeline(StandardScaler(), OneVsRestClassifier(LogisticRegression()))
n_outputs = make_pipeline(StandardScaler(), LogisticRegression())
for model in (one_against_all, n_outputs):
    model.fit(X, y)

# %% [markdown] lang="fr"
# Demandons leur avis aux trois classifieurs, fruit par fruit. Le mieux serait que l'un dise oui, et les deux autres
# non.

# %% [markdown] lang="en"
# Let us ask the three classifiers what they think, fruit by fruit. At best one says yes, and the two others no.

# %%
scaled = one_against_all[0].transform(X)
yes = np.column_stack([binary.predict(scaled) for binary in one_against_all[1].estimators_])
said = yes.sum(axis=1)
counts = [np.bincount(said[y == fruit], minlength=3) for fruit in range(3)]
columns = [
    say(fr="aucun oui", en="no yes"),
    say(fr="un oui", en="one yes"),
    say(fr="deux oui", en="two yes"),
]
pd.DataFrame(counts, index=fruits, columns=columns)

# %%
from etalon.figures.points import boundary, points
from etalon.figures.style import PALETTE, panels, whole

left, right = panels(1, 2, 8.4, 3.8, shared=True)
clouds = {name: X[y == fruit] for fruit, name in enumerate(fruits)}
titles = [say(fr="Un contre tous : trois droites", en="One against all: three lines")]
titles += [say(fr="Trois sorties : trois régions", en="Three outputs: three regions")]
for ax, title in zip((left, right), titles, strict=True):
    points(
        clouds,
        ax=ax,
        title=title,
        xlabel=say(fr="Teinte (degrés)", en="Hue (degrees)"),
        legend=ax is left,
    )
left.set_ylabel(say(fr="Masse (g)", en="Mass (g)"))
strokes = ("solid", "dashed", "dotted")
for fruit, binary in enumerate(one_against_all[1].estimators_):
    decision = make_pipeline(one_against_all[0], binary).decision_function
    boundary(decision, left, colour=PALETTE[fruit], stroke=strokes[fruit])
scores_of = n_outputs.decision_function
for fruit in (0, 2):
    boundary(lambda at, fruit=fruit: np.diff(scores_of(at)[:, [fruit, 1]])[:, 0], right)
whole(left)

# %% [markdown] lang="fr"
# L'orange est prise entre les deux autres : aucune droite ne la met d'un côté et le reste de l'autre, si bien que son
# classifieur hésite. On s'en sort en choisissant la classe dont la note est la plus haute, même quand personne n'a
# dit oui : c'est ce que fait `OneVsRestClassifier`.
#
# ## Plus efficacement : $N$ neurones de sortie
#
# Un seul modèle, une sortie par classe, et une fonction *softmax* qui change les $N$ notes en probabilités dont la
# somme vaut 1. Les sorties apprennent ensemble : les régions se touchent sans trou ni recouvrement.

# %% [markdown] lang="en"
# The orange is caught between the two others: no line puts it on one side and the rest on the other, so that its
# classifier wavers. The way out is to choose the class whose score is the highest, even when nobody has said yes:
# this is what `OneVsRestClassifier` does.
#
# ## More efficiently: $N$ output neurons
#
# A single model, one output a class, and a *softmax* function that turns the $N$ scores into probabilities whose sum
# is 1. The outputs learn together: the regions meet with neither gap nor overlap.

# %%
models = {say(fr="un contre tous", en="one against all"): one_against_all}
models |= {say(fr="trois sorties", en="three outputs"): n_outputs}
fresh = np.vstack([rng.normal(middle, (5, 25), size=(1000, 2)) for middle in hue_and_mass])
truth = np.repeat([0, 1, 2], 1000)
scores = {name: model.score(fresh, truth) for name, model in models.items()}
sums = {name: model.predict_proba(fresh).sum(axis=1) for name, model in models.items()}
column = say(fr="accuracy sur 3000 nouveaux fruits", en="accuracy on 3,000 new fruits")
pd.Series(scores, name=column).map(lambda share: percent(share, 1)).to_frame()

# %% [markdown] lang="fr"
# Le plus grand gain est ailleurs. Dans un réseau, les couches cachées cherchent ce qui aide à reconnaître un fruit ;
# trois réseaux séparés le cherchent chacun de leur côté, un réseau à trois sorties le cherche une fois pour toutes.
# Comptons les poids, avec une couche cachée de seize neurones :

# %% [markdown] lang="en"
# The greatest gain lies elsewhere. In a network, the hidden layers look for what helps to recognise a fruit; three
# separate networks look for it each on its own, a network with three outputs looks for it once and for all. Let us
# count the weights, with a hidden layer of sixteen neurons:

# %%
import etalon
from etalon.locales import number
from keras import Input, Sequential, layers


def network(outputs, activation):
    hidden = layers.Dense(16, activation="relu")
    return Sequential([Input((2,)), hidden, layers.Dense(outputs, activation=activation)])


three_networks = 3 * etalon.weights(network(1, "sigmoid")).total
one_network = etalon.weights(network(3, "softmax")).total
needed = {say(fr="trois réseaux à une sortie", en="three networks with one output"): three_networks}
needed |= {say(fr="un réseau à trois sorties", en="one network with three outputs"): one_network}
pd.Series(needed, name=say(fr="poids", en="weights")).map(lambda n: number(n, 0)).to_frame()

# %% [markdown] lang="fr"
# ## À vous de jouer
#
# Donnez à l'orange une masse bien différente, `(32, 260)` : il existe alors une droite qui l'isole. Que deviennent
# les « aucun oui » ? Et l'accuracy des deux modèles ?
#
# ## Question
#
# On montre une poire aux deux réseaux : celui dont les trois sorties passent par une softmax, et trois réseaux qui
# finissent chacun par une sigmoïde. Lequel peut répondre « rien de tout cela » ?
#
# <details>
# <summary>Réponse</summary>
#
# Les trois sigmoïdes : chacune répond pour elle-même, et toutes trois peuvent être proches de 0. Les probabilités
# d'une softmax ont toujours 1 pour somme : elle partage la poire entre pomme, orange et banane, parfois avec une
# belle assurance. Pour qu'elle sache dire « autre chose », il faut lui donner une quatrième classe, et des exemples.
#
# </details>

# %% [markdown] lang="en"
# ## Your turn
#
# Give the orange a quite different mass, `(32, 260)`: there is then a line that parts it from the rest. What becomes
# of the "no yes"? And of the accuracy of the two models?
#
# ## Question
#
# A pear is shown to both: the network whose three outputs go through a softmax, and three networks that each end with
# a sigmoid. Which one can answer "none of these"?
#
# <details>
# <summary>Answer</summary>
#
# The three sigmoids: each answers for itself, and all three may be close to 0. The probabilities of a softmax always
# add up to 1: it shares the pear between apple, orange and banana, sometimes with great assurance. For it to be able
# to say "something else", it needs a fourth class, and examples of it.
#
# </details>
