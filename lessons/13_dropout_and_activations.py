# %% [markdown] lang="fr"
# # Le dropout, la sigmoïde et la ReLU
#
# À chaque pas de l'apprentissage, le dropout supprime des neurones tirés au hasard, pour qu'aucun ne compte trop sur
# ses voisins. La sigmoïde et la ReLU décident de ce que répond un neurone, et de la vitesse à laquelle il apprend.
#
# ## Supprimer des neurones, le temps d'un pas
#
# La couche `Dropout(0.5)` de Keras met à zéro, avec une probabilité de 0,5, chacune des valeurs qu'elle reçoit.
# Faisons-y passer les sorties de deux couches cachées de cinq neurones, toutes égales à 1 : les zéros sont les
# neurones supprimés. Au pas suivant, le tirage est nouveau.

# %% [markdown] lang="en"
# # Dropout, the sigmoid and ReLU
#
# At each step of the training, dropout removes neurons drawn at random, so that none relies too much on its
# neighbours. The sigmoid and ReLU decide what a neuron answers, and how fast it learns.
#
# ## Removing neurons, for one step
#
# Keras's `Dropout(0.5)` layer sets each of the values that it receives to zero, with a probability of 0.5. Let us
# send through it the outputs of two hidden layers of five neurons, all equal to 1: the zeros are the neurons removed.
# At the next step, the draw is a new one.

# %%
import numpy as np
from etalon.figures.graphs import graph
from etalon.figures.style import panels, whole
from etalon.lessons import say
from keras import layers, ops

dropout = layers.Dropout(0.5, seed=1)
ones = np.ones((2, 5), "float32")
steps = [ops.convert_to_numpy(dropout(ones, training=True)) for _step in (1, 2)]
neurons = [[""] * 3, [""] * 5, [""] * 5, [""] * 2]
cells = panels(1, 3, 8.4, 2.5)
for ax, step, values in zip(cells, (1, 2), steps, strict=False):
    removed = {(1 + int(layer), int(rank)) for layer, rank in np.argwhere(values == 0)}
    graph(
        neurons,
        dropped=removed,
        ax=ax,
        title=say(fr=f"Apprentissage, pas {step}", en=f"Training, step {step}"),
    )
graph(neurons, ax=cells[2], title=say(fr="Inférence", en="Inference"))
whole(cells[0])

# %% [markdown] lang="fr"
# Les valeurs qui restent sont multipliées par $\frac{1}{1 - 0{,}5} = 2$, et rien ne change à l'inférence.
# Vérifions-le sur une sortie quelconque, en faisant dix mille pas.

# %% [markdown] lang="en"
# The values that remain are multiplied by $\frac{1}{1 - 0.5} = 2$, and nothing changes at inference. Let us check it
# on an arbitrary output, over ten thousand steps.

# %%
import pandas as pd
from etalon.locales import number

output = np.array([0.2, 1.0, 3.0, 0.0, 2.5], "float32")
drawn = ops.convert_to_numpy(dropout(np.tile(output, (10_000, 1)), training=True))
at_inference = ops.convert_to_numpy(dropout(output, training=False))
values = {
    say(fr="sortie", en="output"): output,
    say(fr="au premier pas", en="at the first step"): drawn[0],
    say(fr="au deuxième pas", en="at the second step"): drawn[1],
    say(fr="moyenne de 10 000 pas", en="mean of 10,000 steps"): drawn.mean(axis=0),
    say(fr="à l'inférence", en="at inference"): at_inference,
}
names = [say(fr=f"neurone {i}", en=f"neuron {i}") for i in range(1, 6)]
pd.DataFrame(values, index=names).T.map(number)

# %% [markdown] lang="fr"
# ## Ce que répond un neurone
#
# Un neurone fait la somme pondérée de ses entrées, puis lui applique une fonction d'activation $F$ :
#
# $$\mathrm{sigmoïde} : F(x) = \frac{1}{1 + e^{-\lambda x}} \qquad\qquad \mathrm{ReLU} : F(x) = \max(0, x)$$
#
# Plus $\lambda$ est grand, plus la sigmoïde ressemble à la fonction seuil du perceptron, mais en restant dérivable :
# c'est ce qu'il faut à la descente de gradient.

# %% [markdown] lang="en"
# ## What a neuron answers
#
# A neuron makes the weighted sum of its inputs, then applies an activation function $F$ to it:
#
# $$\mathrm{sigmoid}: F(x) = \frac{1}{1 + e^{-\lambda x}} \qquad\qquad \mathrm{ReLU}: F(x) = \max(0, x)$$
#
# The larger $\lambda$, the more the sigmoid looks like the threshold function of the perceptron, while it can still
# be differentiated: which is what gradient descent needs.

# %%
from etalon.figures.curves import Line, curves
from scipy.special import expit

x = np.linspace(-2, 2, 401)
sigmoids = {slope: expit(slope * x) for slope in (1, 5)}
relu = ops.convert_to_numpy(ops.relu(x))
left, right = panels(1, 2, 8.4, 3.4)
lines = [Line("λ = 5", sigmoids[5], x=x), Line("λ = 1", sigmoids[1], x=x, stroke="dashed")]
curves(lines, ax=left, xlabel="$x$", title=say(fr="Sigmoïde", en="Sigmoid"), whole_x=False)
curves([Line("", relu, x=x)], ax=right, xlabel="$x$", title="ReLU", whole_x=False)
whole(left)

# %% [markdown] lang="fr"
# La descente de gradient multiplie la correction d'un neurone par la **dérivée** de son activation. Comparons-les.

# %% [markdown] lang="en"
# Gradient descent multiplies the correction of a neuron by the **derivative** of its activation. Let us compare them.

# %%
places = np.array([-2.0, -1.0, 0.1, 1.0, 2.0])
steep = 5 * expit(5 * places) * (1 - expit(5 * places))
slopes = {say(fr="sigmoïde, λ = 5", en="sigmoid, λ = 5"): steep, "ReLU": (places > 0).astype(float)}
heads = [f"x = {number(at, 1)}".replace("-", "−") for at in places]
pd.DataFrame(slopes, index=heads).T.map(lambda slope: number(slope, 4))

# %% [markdown] lang="fr"
# Loin de 0, la sigmoïde est plate : le neurone n'apprend presque plus. La ReLU garde une pente de 1 tant que la somme
# est positive ; c'est pourquoi elle équipe les réseaux profonds. Quand la somme est négative, en revanche, sa pente
# est nulle.
#
# ## À vous de jouer
#
# Remplacez `Dropout(0.5, seed=1)` par `Dropout(0.8, seed=1)`. Combien de neurones restent-ils ? Par combien leurs
# valeurs sont-elles multipliées, et la moyenne des dix mille pas retrouve-t-elle toujours la sortie ?
#
# ## Question
#
# Pourquoi multiplier par 2 les valeurs qui restent ? Que se passerait-il à l'inférence si on ne le faisait pas ?
#
# <details>
# <summary>Réponse</summary>
#
# Pendant l'apprentissage, chaque neurone de la couche suivante ne reçoit en moyenne que la moitié de ses entrées. À
# l'inférence elles arrivent toutes : sans le facteur 2, la somme serait deux fois plus grande que celle à laquelle il
# s'est habitué. Avec lui, la moyenne reste la même dans les deux cas.
#
# </details>

# %% [markdown] lang="en"
# Far from 0 the sigmoid is flat: the neuron hardly learns any more. ReLU keeps a slope of 1 as long as the sum is
# positive; that is why deep networks use it. When the sum is negative, on the other hand, its slope is zero.
#
# ## Your turn
#
# Replace `Dropout(0.5, seed=1)` by `Dropout(0.8, seed=1)`. How many neurons are left? By how much are their values
# multiplied, and does the mean of the ten thousand steps still give the output back?
#
# ## Question
#
# Why multiply the values that remain by 2? What would happen at inference without it?
#
# <details>
# <summary>Answer</summary>
#
# During training, each neuron of the next layer receives on average only half of its inputs. At inference all of them
# arrive: without the factor 2, the sum would be twice as large as the one it has grown used to. With it, the mean is
# the same in both cases.
#
# </details>
