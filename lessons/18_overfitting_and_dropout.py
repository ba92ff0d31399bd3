# %% [markdown] lang="fr"
# # Le sur-apprentissage, avec et sans dropout
#
# Un réseau qui a beaucoup de poids et peu d'images finit par les apprendre par cœur : il se trompe de moins en moins
# sur elles, et de plus en plus sur les autres. Le dropout à 0,5 l'en empêche en partie.
#
# ## Six cents chiffres, étiquetés par un distrait
#
# Reprenons le réseau de la leçon 16, et ne lui donnons que 600 chiffres de 8 × 8 pixels, dont un tiers pour la
# validation. Celui qui les a étiquetés était distrait : 15 % des étiquettes sont tirées au hasard. Un réseau
# raisonnable passerait outre ; un réseau qui apprend par cœur les retiendra une par une. Celles de la base de test,
# elles, sont justes.

# %% [markdown] lang="en"
# # Overfitting, with and without dropout
#
# A network with many weights and few images ends up learning them by heart: it makes fewer and fewer mistakes on them,
# and more and more on the others. Dropout at 0.5 prevents part of it.
#
# ## Six hundred digits, labelled by a careless hand
#
# Take the network of lesson 16 again, and give it 600 digits of 8 × 8 pixels only, a third of them for validation.
# Whoever labelled them was careless: 15% of the labels are drawn at random. A sensible network would pass over them;
# a network that learns by heart will remember them one by one. The labels of the test set, for their part, are right.

# %%
import etalon
import numpy as np
from etalon.lessons import say

digits = etalon.load("digits").take(train=600)
rng = np.random.default_rng(0)
labels = digits.train.y.copy()
careless = rng.random(600) < 0.15
labels[careless] = rng.integers(0, 10, careless.sum())
parts = (digits.train.x, labels), (digits.test.x, digits.test.y)
name = say(fr="chiffres mal étiquetés", en="carelessly labelled digits")
mislabelled = etalon.load(parts, name=name)

# %% [markdown] lang="fr"
# La variante ne change qu'une chose : une couche `Dropout(0.5)` avant la sortie. On entraîne longtemps, avec trois
# graines chacune, pour ne pas prendre un hasard pour un effet.

# %% [markdown] lang="en"
# The variant changes one thing only: a `Dropout(0.5)` layer before the output. The training is a long one, with three
# seeds for each, so as not to take chance for an effect.

# %%
from keras import Input, Sequential, layers

title = say(fr="Avec et sans dropout", en="With and without dropout")
study = etalon.Study(
    title,
    mislabelled,
    seeds=3,
    validation=1 / 3,
    epochs=60,
    learning_rate=3e-3,
    precision="float32",
)


@study.reference
def without_dropout(dropout=0.0):
    hidden = [layers.Flatten(), layers.Dense(128, activation="relu"), layers.Dropout(dropout)]
    return Sequential([Input((8, 8)), *hidden, layers.Dense(10, activation="softmax")])


@study.variant(
    because=say(fr="le réseau apprend par cœur", en="the network learns by heart"), dropout=0.5
)
def with_dropout(dropout):
    return without_dropout(dropout)


result = study.run(workers=0, progress=False)

# %% [markdown] lang="fr"
# ## Les deux courbes qui se quittent
#
# Le sur-apprentissage se voit à l'œil nu : la perte en apprentissage (en tirets) descend toujours, la perte en
# validation (en trait plein) s'arrête, puis remonte. Les deux cadres ont la même échelle.

# %% [markdown] lang="en"
# ## The two curves that part
#
# Overfitting can be seen with the naked eye: the training loss (dashed) keeps going down, the validation loss (solid)
# stops, then goes up again. Both panels have the same scale.

# %%
from etalon.figures.curves import Line, curves
from etalon.figures.style import panels, whole

titles = {say(fr="Sans dropout", en="Without dropout"): result.reference}
titles |= {say(fr="Dropout à 0,5", en="Dropout at 0.5"): result["with_dropout"]}
training, validation = say(fr="apprentissage", en="training"), say(fr="validation", en="validation")
axis = {"xlabel": say(fr="Époque", en="Epoch"), "ylabel": say(fr="Perte", en="Loss")}
cells = panels(1, 2, 8.4, 3.5, shared=True)
for ax, (title, outcome) in zip(cells, titles.items(), strict=True):
    seen = outcome.curves()
    lines = [
        Line(training, seen.mean("loss"), *seen.spread("loss"), stroke="dashed"),
        Line(validation, seen.mean("val_loss"), *seen.spread("val_loss")),
    ]
    curves(lines, ax=ax, title=title, **axis)
whole(cells[0])

# %%
from IPython.display import Markdown

before, after = result.reference.overfitting(), result["with_dropout"].overfitting()
Markdown(
    say(
        fr=f"- **Sans dropout.** {before.verdict}\n- **Avec dropout.** {after.verdict}",
        en=f"- **Without dropout.** {before.verdict}\n- **With dropout.** {after.verdict}",
    )
)

# %% [markdown] lang="fr"
# Avec le dropout, la perte en apprentissage reste plus haute : le réseau s'exerce avec la moitié de ses neurones, et
# c'est plus difficile.
#
# ## Est-ce une amélioration ?
#
# Moins sur-apprendre n'est pas forcément mieux reconnaître. Ouvrons la base de test, dont les étiquettes sont justes
# : Étalon y compare les deux variantes, image par image, et dit si la différence dépasse le hasard.

# %% [markdown] lang="en"
# With dropout, the training loss stays higher: the network practises with half of its neurons, which is harder.
#
# ## Is it an improvement?
#
# To overfit less is not always to recognise better. Let us open the test set, whose labels are right: there Étalon
# compares the two variants, image by image, and says whether the difference is more than chance.

# %%
result.test().verdicts()

# %% [markdown] lang="fr"
# ## À vous de jouer
#
# Rendez les étiquettes justes : remplacez 0,15 par 0. Le sur-apprentissage disparaît-il ? Et si le distrait l'était
# une fois sur deux ?
#
# ## Question
#
# D'une époque à la suivante, un réseau ne change d'avis sur aucune image de validation, et pourtant sa perte en
# validation augmente. Comment est-ce possible ?
#
# <details>
# <summary>Réponse</summary>
#
# L'accuracy ne compte que les réponses ; la perte regarde aussi leur assurance. Un réseau qui apprend par cœur
# devient de plus en plus sûr de tout, y compris de ses erreurs : sur une image mal classée, donner 99,9 % à la
# mauvaise classe au lieu de 70 % ne change rien à l'accuracy, et multiplie la perte.
#
# </details>

# %% [markdown] lang="en"
# ## Your turn
#
# Make the labels right: replace 0.15 by 0. Does overfitting disappear? And if the careless hand were careless every
# other time?
#
# ## Question
#
# From one epoch to the next, a network changes its mind about no validation image, and yet its validation loss goes
# up. How can that be?
#
# <details>
# <summary>Answer</summary>
#
# Accuracy counts answers only; loss also looks at how sure they are. A network that learns by heart becomes surer and
# surer of everything, its mistakes included: on a misclassified image, giving 99.9% to the wrong class instead of 70%
# changes nothing in the accuracy, and multiplies the loss.
#
# </details>
