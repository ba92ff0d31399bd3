# %% [markdown] lang="fr"
# # La courbe ROC
#
# Un classifieur binaire donne une note ; c'est le seuil qui en fait un oui ou un non. La courbe ROC montre tous les
# seuils à la fois, et l'aire sous la courbe les résume en un nombre.
#
# Un classifieur ne répond presque jamais « oui » ou « non » : il donne une **note**, d'autant plus haute que
# l'exemple lui semble positif. C'est nous qui choisissons le **seuil** au-dessus duquel la réponse est « positif ».
# Baisser le seuil, c'est crier au loup plus volontiers : on manque moins de loups, on dérange plus souvent le
# village.
#
# Chaque seuil donne un point de la courbe ROC (*Receiver Operating Characteristic*) : le taux de faux positifs en
# abscisse, le taux de vrais positifs en ordonnée.
#
# $$taux_{fp} = \frac{FP}{FP + VN} \qquad taux_{vp} = \frac{VP}{VP + FN}$$

# %% [markdown] lang="en"
# # The ROC curve
#
# A binary classifier gives a score; it is the threshold that turns it into a yes or a no. The ROC curve shows all the
# thresholds at once, and the area under it sums them up in one number.
#
# A classifier hardly ever answers "yes" or "no": it gives a **score**, the higher the more the example looks positive
# to it. It is we who choose the **threshold** above which the answer is "positive". Lowering the threshold means
# crying wolf more readily: fewer wolves are missed, and the village is disturbed more often.
#
# Each threshold gives a point of the ROC curve (*Receiver Operating Characteristic*): the rate of false positives to
# the right, the rate of true positives upwards.
#
# $$rate_{fp} = \frac{FP}{FP + TN} \qquad rate_{tp} = \frac{TP}{TP + FN}$$

# %% [markdown] lang="fr"
# ## Une question, trois façons de noter
#
# La question : « Ce chiffre est-il un 8 ? » Les images sont les chiffres de scikit-learn, 8 × 8 pixels ; les 8
# forment la classe positive, tous les autres la classe négative. Trois notes sont en concurrence : celle d'une
# régression logistique qui n'a appris que sur cent images, la quantité d'encre (un 8 en demande plus qu'un 1), et une
# note tirée au hasard.

# %% [markdown] lang="en"
# ## One question, three ways to score
#
# The question: "Is this digit an 8?" The images are scikit-learn's digits, 8 × 8 pixels; the eights make the positive
# class, all the others the negative class. Three scores compete: that of a logistic regression that has learnt from a
# hundred images only, the amount of ink (an 8 takes more of it than a 1), and a score drawn at random.

# %%
import numpy as np
import pandas as pd
from etalon.figures.curves import Line, curves
from etalon.figures.style import REFERENCE, axes, localise
from etalon.lessons import say
from etalon.locales import number, percent
from scipy.stats import mannwhitneyu
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import confusion_matrix, roc_auc_score, roc_curve
from sklearn.model_selection import train_test_split

x, y = load_digits(return_X_y=True)
parts = train_test_split(x / 16, y == 8, train_size=100, random_state=0)
x_train, x_test, y_train, y_test = parts
learned = LogisticRegression().fit(x_train, y_train)
rng = np.random.default_rng(0)
scores = {
    say(fr="régression logistique", en="logistic regression"): learned.decision_function(x_test),
    say(fr="quantité d'encre", en="amount of ink"): x_test.sum(axis=1),
    say(fr="au hasard", en="at random"): rng.random(len(y_test)),
}

# %% [markdown] lang="fr"
# Pour la régression logistique, voici ce que cinq seuils donnent sur les images de test, du plus sévère au plus
# large. Aucun n'est « le bon » : cela dépend de ce que coûte un loup manqué, et de ce que coûte une fausse alerte.

# %% [markdown] lang="en"
# For the logistic regression, here is what five thresholds give on the test images, from the strictest to the
# loosest. None of them is "the right one": it depends on the price of a missed wolf, and on that of a false alarm.

# %%
score = learned.decision_function(x_test)
rows = {}
for threshold in np.quantile(score, [0.99, 0.95, 0.9, 0.8, 0.5]):
    tn, fp, fn, tp = confusion_matrix(y_test, score > threshold).ravel()
    rates = percent(fp / (fp + tn), 1), percent(tp / (tp + fn), 1)
    cut = number(threshold).replace("-", "−")
    rows[say(fr=f"seuil {cut}", en=f"threshold {cut}")] = [tp, fn, fp, tn, *rates]
columns = say(fr="VP FN FP VN taux_fp taux_vp", en="TP FN FP TN rate_fp rate_tp")
pd.DataFrame(rows, index=columns.split()).T

# %% [markdown] lang="fr"
# `roc_curve`, de scikit-learn, fait ce calcul pour tous les seuils utiles. Le coin en haut à gauche, (0, 1), est
# celui du classifieur qui ne se trompe jamais ; en (0, 0) on répond toujours « négatif », en (1, 1) toujours «
# positif ». La diagonale est celle du hasard.

# %% [markdown] lang="en"
# `roc_curve`, from scikit-learn, does this computation for all the useful thresholds. The top left corner, (0, 1), is
# that of the classifier that is never wrong; at (0, 0) the answer is always "negative", at (1, 1) always "positive".
# The diagonal is that of chance.

# %%
lines = []
for name, score in scores.items():
    fpr, tpr, _thresholds = roc_curve(y_test, score)
    area = number(roc_auc_score(y_test, score), 3)
    lines.append(Line(say(fr=f"{name} (aire {area})", en=f"{name} (area {area})"), tpr, x=fpr))
diagonal = Line("", [0, 1], x=[0, 1], colour=REFERENCE, stroke="dashed")
ax = curves(
    [*lines, diagonal],
    ax=axes(None, 5.6, 5.2),
    xlabel=say(fr="Taux de faux positifs", en="False positive rate"),
    ylabel=say(fr="Taux de vrais positifs", en="True positive rate"),
    title=say(fr="« Est-ce un 8 ? »", en='"Is it an 8?"'),
    unit="percent",
    whole_x=False,
)
localise(ax.xaxis, "percent")
ax

# %% [markdown] lang="fr"
# ## Ce que l'aire veut dire
#
# **L'aire sous la courbe est la probabilité que le classifieur place un exemple positif tiré au hasard au-dessus d'un
# exemple négatif tiré au hasard.** Vérifions-le au sens propre : tirons cent mille paires (un 8, un autre chiffre) et
# comptons celles que la note range dans le bon ordre, une égalité valant une demi-paire. Puis prenons toutes les
# paires sans exception : c'est la statistique de Mann et Whitney, et le compte tombe juste.

# %% [markdown] lang="en"
# ## What the area means
#
# **The area under the curve is the probability that the classifier places a positive example drawn at random above a
# negative example drawn at random.** Let us check it literally: draw a hundred thousand pairs (an 8, another digit)
# and count those that the score puts in the right order, a tie being worth half a pair. Then take every single pair:
# this is Mann and Whitney's statistic, and the count is exact.

# %%
rows = []
for score in scores.values():
    eights, others = score[y_test], score[~y_test]
    a, b = rng.choice(eights, 100_000), rng.choice(others, 100_000)
    drawn = np.mean(a > b) + np.mean(a == b) / 2
    every = mannwhitneyu(eights, others).statistic / (len(eights) * len(others))
    rows.append([roc_auc_score(y_test, score), drawn, every])
columns = [
    say(fr="aire", en="area"),
    say(fr="100 000 paires", en="100,000 pairs"),
    say(fr="toutes", en="every pair"),
]
areas = pd.DataFrame(rows, index=list(scores), columns=columns)
areas.map(lambda share: number(share, 4))

# %% [markdown] lang="fr"
# ## À vous de jouer
#
# Faites apprendre la régression logistique sur 30 images, puis sur 1000 (`train_size=1000`). Vers quel coin sa courbe
# se tend-elle ? Les deux autres courbes bougent-elles ?
#
# ## Question
#
# Un classifieur a une aire de 0,1. Est-il plus mauvais que le hasard ? Faut-il le jeter ?
#
# <details>
# <summary>Réponse</summary>
#
# Il place presque toujours les négatifs au-dessus des positifs : il a donc appris quelque chose, mais il le dit à
# l'envers. Changez le signe de sa note : chaque paire mal rangée devient bien rangée, et l'aire passe à 0,9. Le pire
# classifieur n'est pas celui dont l'aire vaut 0, mais celui dont l'aire vaut 0,5 : il range les paires à pile ou
# face.
#
# </details>

# %% [markdown] lang="en"
# ## Your turn
#
# Let the logistic regression learn from 30 images, then from 1,000 (`train_size=1000`). Towards which corner does its
# curve stretch? Do the two other curves move?
#
# ## Question
#
# A classifier has an area of 0.1. Is it worse than chance? Should it be thrown away?
#
# <details>
# <summary>Answer</summary>
#
# It nearly always places the negatives above the positives: it has learnt something, then, but says it backwards.
# Change the sign of its score: every pair in the wrong order falls into the right one, and the area becomes 0.9. The
# worst classifier is not the one whose area is 0, but the one whose area is 0.5: it orders pairs by tossing a coin.
#
# </details>
