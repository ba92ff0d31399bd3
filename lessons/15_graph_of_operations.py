# %% [markdown] lang="fr"
# # Un graphe d'opérations
#
# Pour TensorFlow comme pour Keras et PyTorch, un calcul est un graphe : des nœuds, qui sont des opérations, reliés
# par ce qu'ils se transmettent. Le construire d'abord, l'exécuter ensuite ; et le parcourir à rebours pour apprendre.
#
# ## L'additionneur
#
# Pour faire tourner un programme il faut construire le graphe, puis exécuter le graphe. Ici deux entrées, qui ne
# valent encore rien, et un nœud qui les additionne.

# %% [markdown] lang="en"
# # A graph of operations
#
# For TensorFlow as for Keras and PyTorch, a computation is a graph: nodes, which are operations, linked by what they
# hand to one another. First it is built, then it is run; and it is walked backwards in order to learn.
#
# ## The adder
#
# To make a program work, one must build the graph, then run the graph. Here are two inputs, which have no value yet,
# and a node that adds them.

# %%
import numpy as np
from etalon.figures.graphs import graph
from etalon.figures.style import panels, whole
from etalon.lessons import say
from keras import Input, Model, ops

a, b = Input(shape=(), name="a"), Input(shape=(), name="b")
adder = Model([a, b], a + b)

one_sum = ops.convert_to_numpy(adder([np.float32([3]), np.float32([4.5])]))
two_sums = ops.convert_to_numpy(adder([np.float32([1, 3]), np.float32([2, 4])]))
print(one_sum, two_sums)

# %% [markdown] lang="fr"
# Le même graphe a servi deux fois : $3 + 4{,}5 = 7{,}5$, puis deux additions à la fois, $1 + 2 = 3$ et $3 + 4 = 7$.
#
# ## Une droite à trouver
#
# Voici un graphe plus long. On cherche $W$ et $b$ tels que $W x + b = y$ pour $x = 1, 2, 3, 4$ et $y = 0, -1, -2, -3$
# ; la perte est la somme des carrés des écarts. On part de $W = 0{,}3$ et $b = -0{,}3$, et l'on descend le gradient
# mille fois, avec un pas de 0,01.

# %% [markdown] lang="en"
# The same graph was used twice: $3 + 4.5 = 7.5$, then two additions at once, $1 + 2 = 3$ and $3 + 4 = 7$.
#
# ## A line to find
#
# Here is a longer graph. We look for $W$ and $b$ such that $W x + b = y$ for $x = 1, 2, 3, 4$ and $y = 0, -1, -2,
# -3$; the loss is the sum of the squares of the differences. We start from $W = 0.3$ and $b = -0.3$, and go down the
# gradient a thousand times, with a learning rate of 0.01.

# %%
import torch

W = torch.tensor(0.3, requires_grad=True)
b = torch.tensor(-0.3, requires_grad=True)
x, y = torch.tensor([1.0, 2.0, 3.0, 4.0]), torch.tensor([0.0, -1.0, -2.0, -3.0])
descent = torch.optim.SGD([W, b], lr=0.01)


def loss():
    return ((W * x + b - y) ** 2).sum()


losses = []
for _step in range(1000):
    descent.zero_grad()
    current = loss()
    current.backward()
    descent.step()
    losses.append(current.item())
final_loss = loss().item()
print(f"W: {W.item():.8f}  b: {b.item():.8f}  loss: {final_loss:.5e}")

# %% [markdown] lang="fr"
# La droite est $y = -x + 1$ : $W = -1$ et $b = 1$, à un cent-millième près. (Le cours imprime la même perte et le même
# $b$, mais $W = -0{,}99999969$ ; ce $W$ donnerait une perte cinq fois plus grande : il a un 9 de trop.)
#
# PyTorch construit le graphe en exécutant les opérations et le garde en mémoire ; remontons-le, de la perte vers $W$ :

# %% [markdown] lang="en"
# The line is $y = -x + 1$: $W = -1$ and $b = 1$, to within a hundred-thousandth. (The course prints the same loss and
# the same $b$, but $W = -0.99999969$; that $W$ would make the loss five times as large: it has one 9 too many.)
#
# PyTorch builds the graph while it runs the operations, and keeps it in memory; let us walk it back, from the loss to
# $W$:

# %%
node, walked = loss().grad_fn, []
while node.next_functions:
    walked.append(node.name().removesuffix("Backward0"))
    node = node.next_functions[0][0]
print(" ← ".join([*walked, "W"]))

# %%
from etalon.figures.curves import Line, curves

above, below = panels(2, 1, 8.4, 5.8)
nodes = [["$x$", "$W$"], ["×", "$b$"], ["+", "$y$"], ["−"], [r"$(\cdot)^2$"], ["Σ"]]
links = {((layer, 0), (layer + 1, 0)): "" for layer in range(5)}
links |= {((layer, 1), (layer + 1, 0)): "" for layer in range(3)}
graph(
    nodes,
    links=links,
    arrows=True,
    ax=above,
    title=say(fr="Le graphe de la perte", en="The graph of the loss"),
)
title = say(fr="Mille pas de descente", en="A thousand steps down")
axis = {"xlabel": say(fr="Pas", en="Step"), "ylabel": say(fr="Perte", en="Loss")}
curves([Line("", losses)], ax=below, title=title, **axis)
below.set_yscale("log")
whole(above)

# %% [markdown] lang="fr"
# ## À vous de jouer
#
# Essayez un pas de 0,029, puis de 0,031. D'un côté, la perte finit par descendre ; de l'autre, elle explose. Où est
# la limite ?
#
# ## Question
#
# Après les premiers pas, la courbe de la perte est une droite, sur une échelle logarithmique. Qu'est-ce que cela veut
# dire, et la perte atteindra-t-elle 0 ?
#
# <details>
# <summary>Réponse</summary>
#
# Sur cette échelle, une droite est une division par le même nombre à chaque pas. La perte est ici un bol allongé : le
# long de son axe le plus plat, chaque pas ôte 1,2 % de l'écart qui reste à la solution. Il en reste toujours 98,8 % :
# la perte s'approche de 0 sans l'atteindre, jusqu'à ce que l'ordinateur n'ait plus assez de chiffres pour voir la
# différence. Le long de l'axe le plus raide, c'est le contraire : au-dessus de 0,0299, un pas saute plus loin de
# l'autre côté qu'il n'était parti.
#
# </details>

# %% [markdown] lang="en"
# ## Your turn
#
# Try a learning rate of 0.029, then of 0.031. With the one, the loss ends up going down; with the other, it explodes.
# Where is the limit?
#
# ## Question
#
# After the first steps, the curve of the loss is a straight line, on a logarithmic scale. What does that mean, and
# will the loss reach 0?
#
# <details>
# <summary>Answer</summary>
#
# On this scale, a straight line is a division by the same number at each step. Here the loss is a long bowl: along
# its flattest axis, each step removes 1.2% of what remains between us and the solution. There is always 98.8% of it
# left: the loss comes close to 0 without reaching it, until the computer has no digits left to see the difference.
# Along the steepest axis it is the other way round: above 0.0299, a step jumps farther on the other side than where
# it started from.
#
# </details>
