# %% [markdown] lang="fr"
# # La convolution et le pooling
#
# Un réseau convolutif compare l'image à de petits motifs, fragment par fragment, puis ne garde que le plus important
# de chaque zone. Deux opérations, que l'on peut faire à la main.
#
# ## Chercher un motif
#
# Soit une image $I$ et un motif $K$ de taille $h \times w$, le **noyau**. L'image calculée est le recouvrement de
# l'image par le motif, de toutes les façons possibles :
#
# $$(I \times K)_{xy} = \sum_{i=1}^{h} \sum_{j=1}^{w} K_{ij} \cdot I_{x+i-1,\, y+j-1}$$
#
# Autrement dit : on pose le motif quelque part, on multiplie case par case, on additionne ; puis on le fait glisser.

# %% [markdown] lang="en"
# # Convolution and pooling
#
# A convolutional network compares the image with small patterns, fragment by fragment, then keeps only what matters
# most in each area. Two operations that can be done by hand.
#
# ## Looking for a pattern
#
# Take an image $I$ and a pattern $K$ of size $h \times w$, the **kernel**. The image computed is what the image and
# the pattern have in common, in all possible positions:
#
# $$(I \times K)_{xy} = \sum_{i=1}^{h} \sum_{j=1}^{w} K_{ij} \cdot I_{x+i-1,\, y+j-1}$$
#
# In other words: put the pattern somewhere, multiply square by square, add up; then slide it along.

# %%
import etalon
import numpy as np

digits = etalon.load("digits", size=28)
image = digits.train.x[3, :, :, 0] / 255
k_edge = np.array([[0, 1, 0], [1, -4, 1], [0, 1, 0]])
k_vertical = np.array([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]])
k_rand = -1.0 + 1.0 * np.random.default_rng(0).random((3, 3))


def by_hand(image, K):
    h, w = K.shape
    rows, columns = image.shape[0] - h + 1, image.shape[1] - w + 1
    found = np.zeros((rows, columns))
    for x, y in np.ndindex(rows, columns):
        found[x, y] = np.sum(K * image[x : x + h, y : y + w])
    return found


by_hand(image, k_vertical).shape

# %% [markdown] lang="fr"
# Une image de 28 × 28 donne une image de 26 × 26 : le motif ne doit pas dépasser.
#
# ## Trois fonctions pour un calcul
#
# `scipy.signal.correlate2d`, `scipy.signal.convolve2d` et la couche `Conv2D` de Keras font-elles ce que dit la
# formule ? Un détail les sépare : en mathématiques, la convolution lit le noyau **à l'envers**, de bas en haut et de
# droite à gauche. Notre formule, comme Keras, le lit à l'endroit : c'est une *corrélation*.

# %% [markdown] lang="en"
# An image of 28 × 28 gives an image of 26 × 26: the pattern must not stick out.
#
# ## Three functions for one computation
#
# Do `scipy.signal.correlate2d`, `scipy.signal.convolve2d` and Keras's `Conv2D` layer do what the formula says? One
# detail parts them: in mathematics, convolution reads the kernel **backwards**, from bottom to top and from right to
# left. Our formula, like Keras, reads it forwards: it is a *correlation*.

# %%
import pandas as pd
from etalon.lessons import say
from etalon.locales import number
from keras import layers, ops
from scipy.signal import convolve2d, correlate2d

conv = layers.Conv2D(1, 3, use_bias=False)
conv.build((None, 28, 28, 1))


def by_keras(image, K):
    conv.set_weights([K.reshape(3, 3, 1, 1)])
    return ops.convert_to_numpy(conv(image[None, :, :, None]))[0, :, :, 0]


# %%
kernels = {say(fr="bord", en="edge"): k_edge, say(fr="vertical", en="vertical"): k_vertical}
kernels |= {say(fr="au hasard", en="random"): k_rand}
turned = say(fr="convolve2d, noyau retourné", en="convolve2d, kernel turned over")
gaps = {}
for kind, K in kernels.items():
    found = {"correlate2d": correlate2d(image, K, mode="valid"), "Keras Conv2D": by_keras(image, K)}
    found["convolve2d"] = convolve2d(image, K, mode="valid")
    found[turned] = convolve2d(image, K[::-1, ::-1], mode="valid")
    ours = by_hand(image, K)
    gaps[kind] = {name: float(np.abs(theirs - ours).max()) for name, theirs in found.items()}
pd.DataFrame(gaps).map(lambda gap: number(gap, 4))

# %% [markdown] lang="fr"
# Le tableau donne le plus grand écart avec le calcul à la main. `convolve2d` n'en a pas pour le noyau « bord », qui
# est le même à l'endroit et à l'envers ; pour les deux autres, il faut d'abord le retourner. Un réseau, lui,
# **apprend** ses noyaux : il les apprendra dans le sens où il les lit, et la différence n'a plus d'importance.
#
# ## Ce que voient trois noyaux
#
# Comme dans le cours, avec `boundary="symm"` et `mode="same"` : l'image est prolongée par son reflet, et le résultat
# garde sa taille.

# %% [markdown] lang="en"
# The table gives the greatest difference from the computation by hand. `convolve2d` has none for the "edge" kernel,
# which is the same forwards and backwards; for the two others, it has to be turned over first. As for a network, it
# **learns** its kernels: it will learn them the way it reads them, and the difference no longer matters.
#
# ## What three kernels see
#
# As in the course, with `boundary="symm"` and `mode="same"`: the image is continued by its reflection, and the result
# keeps its size.

# %%
from etalon.figures.images import grid

seen = [convolve2d(image, K, boundary="symm", mode="same") for K in kernels.values()]
shown = [(s - s.min()) / (s.max() - s.min()) for s in seen]  # 0..1
titles = [say(fr="image d'origine", en="original image"), *kernels]
grid(
    np.stack([image, *shown]),
    titles,
    columns=4,
    title=say(fr="Trois noyaux, trois regards", en="Three kernels, three views"),
)

# %% [markdown] lang="fr"
# Le noyau « bord » s'annule là où l'image est unie. Le noyau vertical est clair d'un côté d'un trait vertical, sombre
# de l'autre, et ne voit pas les traits horizontaux. Le noyau tiré au hasard n'a que des poids négatifs : il donne un
# négatif flou.
#
# ## Le pooling
#
# On découpe l'image en zones, de 2 × 2 ou de 3 × 3, et l'on ne garde que le maximum de chacune : moins de pixels, et
# ce que le motif a trouvé de plus net. Une ligne de numpy y suffit ; `MaxPooling2D` donne la même chose.

# %% [markdown] lang="en"
# The "edge" kernel vanishes where the image is plain. The vertical kernel is bright on one side of a vertical stroke,
# dark on the other, and does not see horizontal strokes. The kernel drawn at random has only negative weights: it
# gives a blurred negative.
#
# ## Pooling
#
# The image is cut into areas, of 2 × 2 or of 3 × 3, and only the greatest value of each is kept: fewer pixels, and
# what the pattern found most clearly. One line of numpy is enough; `MaxPooling2D` gives the same.

# %%
strokes = np.abs(by_hand(image, k_vertical))[1:25, 1:25]  # (24, 24)


def pool(image, size):
    n = len(image) // size
    return image.reshape(n, size, n, size).max(axis=(1, 3))


def by_layer(image, size):
    return ops.convert_to_numpy(layers.MaxPooling2D(size)(image[None, :, :, None]))[0, :, :, 0]


pooled = {size: pool(strokes, size) for size in (2, 3)}
same = all(np.allclose(pooled[size], by_layer(strokes, size)) for size in (2, 3))
wide = [np.kron(pooled[size], np.ones((size, size))) for size in (2, 3)]  # (24, 24)
titles = [say(fr="avant", en="before"), "2 × 2", "3 × 3"]
grid(
    np.stack([strokes, *wide]) / strokes.max(),
    titles,
    columns=3,
    title=say(fr="Le pooling", en="Pooling"),
)

# %% [markdown] lang="fr"
# ## À vous de jouer
#
# Remplacez `k_vertical` par sa transposée, `k_vertical.T`, dans le dictionnaire des noyaux. Quels traits du chiffre
# s'éclairent, et lesquels disparaissent ?
#
# ## Question
#
# Une couche de 32 noyaux de 3 × 3, posée sur une image de 28 × 28, donne 32 images de 26 × 26. Combien a-t-elle de
# poids ? Combien en faudrait-il à une couche dense pour donner autant de sorties ?
#
# <details>
# <summary>Réponse</summary>
#
# Chaque noyau a 9 poids et un biais : 32 × 10, soit 320 poids, quelle que soit la taille de l'image. La couche dense
# relierait chacune des 26 × 26 × 32 = 21 632 sorties aux 784 pixels, biais compris : 21 632 × 785 = 16 981 120 poids.
# La convolution applique le même traitement partout : l'empreinte mémoire est réduite, et un motif appris ici est
# reconnu là-bas.
#
# </details>

# %% [markdown] lang="en"
# ## Your turn
#
# Replace `k_vertical` by its transpose, `k_vertical.T`, in the dictionary of kernels. Which strokes of the digit
# light up, and which disappear?
#
# ## Question
#
# A layer of 32 kernels of 3 × 3, put on an image of 28 × 28, gives 32 images of 26 × 26. How many weights has it? How
# many would a dense layer need to give as many outputs?
#
# <details>
# <summary>Answer</summary>
#
# Each kernel has 9 weights and a bias: 32 × 10, that is 320 weights, whatever the size of the image. The dense layer
# would link each of the 26 × 26 × 32 = 21,632 outputs to the 784 pixels, bias included: 21,632 × 785 = 16,981,120
# weights. Convolution does the same everywhere: it takes less memory, and a pattern learnt here is recognised there.
#
# </details>
