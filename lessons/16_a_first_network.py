# %% [markdown] lang="fr"
# # Un premier réseau qui lit les chiffres
#
# Une couche de 128 neurones, une couche de sortie, la descente de gradient stochastique : c'est assez pour lire des
# chiffres manuscrits, à condition de lui laisser le temps.
#
# ## Les images
#
# Le cours travaille sur MNIST : 60 000 images d'apprentissage, 10 000 de test, 28 × 28 pixels. Pour que cette leçon
# tourne partout en quelques secondes, elle prend les 1797 chiffres livrés avec scikit-learn, agrandis à 28 × 28. Le
# réseau, l'optimiseur, les lots de 32 images et les cinq époques sont ceux du cours ; un dixième des images
# d'apprentissage est mis de côté pour la validation.

# %% [markdown] lang="en"
# # A first network that reads digits
#
# One layer of 128 neurons, one output layer, stochastic gradient descent: it is enough to read handwritten digits,
# provided that it is given the time.
#
# ## The images
#
# The course works on MNIST: 60,000 training images, 10,000 test images, 28 × 28 pixels. For this lesson to run
# anywhere in a few seconds, it takes the 1,797 digits that come with scikit-learn, enlarged to 28 × 28. The network,
# the optimizer, the batches of 32 images and the five epochs are those of the course; a tenth of the training images
# is set aside for validation.

# %%
import etalon
from etalon.lessons import say
from keras import Input, Sequential, layers

digits = etalon.load("digits", size=28)
print(digits.train.x.shape, digits.train.y.shape)
print(digits.test.x.shape, digits.test.y.shape)
digits.show(25)

# %% [markdown] lang="fr"
# ## Le réseau
#
# `Flatten` transforme une matrice de 28 × 28 en un tableau de 784 nombres ; les 128 neurones sont reliés à tous ; les
# dix sorties passent par une softmax et donnent dix probabilités. Deux variantes du même entraînement : cinq époques,
# comme dans le cours ; et cent, dont nous verrons la raison.

# %% [markdown] lang="en"
# ## The network
#
# `Flatten` turns a matrix of 28 × 28 into an array of 784 numbers; the 128 neurons are linked to all of them; the ten
# outputs go through a softmax and give ten probabilities. The same training comes in two variants: five epochs, as in
# the course; and a hundred, for a reason that we shall see.

# %%
title = say(fr="Un premier réseau", en="A first network")
study = etalon.Study(
    title, digits, seeds=1, validation=0.1, epochs=5, batch_size=32, precision="float32"
)


@study.reference
def five_epochs():
    model = Sequential([Input((28, 28)), layers.Flatten()])
    model.add(layers.Dense(128, activation="relu"))
    model.add(layers.Dense(10, activation="softmax"))
    model.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


@study.variant(because=say(fr="le laisser apprendre", en="let it learn"), epochs=100)
def longer():
    return five_epochs()


etalon.weights(five_epochs())

# %% [markdown] lang="fr"
# ## L'entraînement, puis le test
#
# La base de test n'a pas servi à l'apprentissage : c'est sur elle que l'on mesure.

# %% [markdown] lang="en"
# ## Training, then testing
#
# The test set has taken no part in the training: it is on it that one measures.

# %%
import pandas as pd
from etalon.locales import number, percent

result = study.run(workers=0, progress=False)
opened = result.test()
rows = {}
for outcome in opened:
    epochs, updates = outcome.candidate.recipe.epochs, outcome.updates().numbers["run"]
    rows[outcome.name] = [str(epochs), number(updates, 0), percent(outcome.accuracy[0], 1)]
names = [say(fr="époques", en="epochs"), say(fr="mises à jour des poids", en="updates of weights")]
pd.DataFrame(rows, index=[*names, say(fr="accuracy en test", en="accuracy on test")]).T

# %%
opened["longer"].curves().plot()

# %% [markdown] lang="fr"
# Cinq époques de MNIST font plus de neuf mille mises à jour des poids ; cinq époques de nos chiffres, bien moins
# nombreux, à peine plus de deux cents. Ce n'est pas le nombre d'époques qui compte, c'est le nombre de pas : la
# variante `longer` en fait vingt fois plus, et lit mieux les chiffres. (Sur les figures d'Étalon, l'accuracy
# s'appelle « exactitude ».)
#
# ## Les 105 premiers exemples de test
#
# Au-dessus de chaque image, la réponse du réseau, son assurance et, entre parenthèses, la vérité. Les erreurs sont en
# couleur et suivies d'une croix.

# %% [markdown] lang="en"
# Five epochs of MNIST make more than nine thousand updates of the weights; five epochs of our digits, which are far
# fewer, hardly more than two hundred. It is not the number of epochs that counts, it is the number of steps: the
# `longer` variant takes twenty times as many, and reads digits better.
#
# ## The first 105 test examples
#
# Above each image, the network's answer, how sure it is, and the truth between parentheses. Mistakes are in colour
# and marked with a cross.

# %%
from etalon.figures.images import grid
from etalon.figures.style import PALETTE, canvas

titles = []
for row in opened["longer"].frame().head(105).itertuples():
    cross = "" if row.true == row.predicted else " ×"
    titles.append(f"{row.predicted} · {percent(row.confidence, 0)}\n({row.true}){cross}")
figure = grid(digits.test.x[:105], titles, columns=15, figure=canvas(8.4, 6.4))
for ax, text in zip(figure.axes, titles, strict=True):
    ax.title.set_fontsize(6.5)
    if text.endswith("×"):
        ax.title.set_color(PALETTE[5])
figure

# %% [markdown] lang="fr"
# ## Sur MNIST
#
# Le cours imprime, après cinq époques, une accuracy de 0,9381. Voici ce que mesure Étalon sur la vraie base, avec le
# même réseau et plusieurs graines (`etalon run studies/cours_dense.py`).

# %% [markdown] lang="en"
# ## On MNIST
#
# After five epochs, the course prints an accuracy of 0.9381. Here is what Étalon measures on the real set, with the
# same network and several seeds (`etalon run studies/cours_dense.py`).

# %%
from etalon.lessons.measured import measured

measured("cours_dense", "mnist", {"dense": 0.9381})

# %% [markdown] lang="fr"
# ## À vous de jouer
#
# Remplacez `"sgd"` par `"adam"`. Combien d'époques suffisent alors pour que la variante `longer` cesse de progresser
# ?
#
# ## Question
#
# Sur la planche du cours, le réseau dit « 4 » avec 39 % d'assurance. Pourquoi répond-il, alors qu'il a plus de
# chances d'avoir tort que raison ?
#
# <details>
# <summary>Réponse</summary>
#
# Il doit choisir une des dix classes, et prend la plus probable : 39 % pour le 4 laissent 61 % aux neuf autres
# *ensemble*, mais aucune n'en a autant à elle seule. Dans un formulaire de banque, mieux vaudrait laisser ce chiffre
# à une personne : c'est ce que l'on gagne à lire les probabilités, et pas seulement la réponse.
#
# </details>

# %% [markdown] lang="en"
# ## Your turn
#
# Replace `"sgd"` by `"adam"`. How many epochs are then enough for the `longer` variant to stop improving?
#
# ## Question
#
# On the plate of the course, the network says "4" and is 39% sure of it. Why does it answer, when it is more likely
# to be wrong than right?
#
# <details>
# <summary>Answer</summary>
#
# It must choose one of the ten classes, and takes the most probable: 39% for the 4 leave 61% to the nine others
# *together*, but none of them has as much by itself. On a bank's form, this digit had better be left to a person:
# that is what one gains by reading the probabilities, and not the answer alone.
#
# </details>
