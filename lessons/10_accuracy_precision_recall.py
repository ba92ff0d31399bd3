# %% [markdown] lang="fr"
# # Accuracy, précision, rappel
#
# Un détecteur de fraudes donne 91 % de réponses justes, et laisse pourtant passer quatre fraudes sur cinq. Aucune
# mesure ne suffit seule : en voici trois qui, lues ensemble, disent ce que vaut un classifieur.
#
# ## Quatre façons de répondre
#
# Dans la fable du garçon qui criait au loup, « loup » est la classe *positive* et « pas de loup » la classe
# *négative*. Chaque soir est un exemple, et il n'y a que quatre issues :
#
# | | Un loup est présent | Aucun loup n'est présent |
# |:--|:--|:--|
# | **Le garçon crie** | vrai positif (VP) | faux positif (FP) |
# | **Le garçon ne dit rien** | faux négatif (FN) | vrai négatif (VN) |
#
# *Vrai* ou *faux* dit si la prédiction est juste ; *positif* ou *négatif* dit ce qu'elle annonce. Le dernier soir, le
# garçon criait un vrai positif : après tant de faux, personne ne l'a cru.
#
# ## L'exercice des fraudes
#
# Une base de test contient 1000 transactions bancaires, 900 correctes et 100 frauduleuses. Le modèle répond :
#
# - 890 « correcte » qui l'étaient, et 80 « correcte » qui étaient des fraudes ;
# - 10 « fraude » qui étaient correctes, et 20 « fraude » qui en étaient.
#
# La fraude est ce que l'on cherche : c'est la classe positive. Reconstituons ces mille réponses et comptons.

# %% [markdown] lang="en"
# # Accuracy, precision, recall
#
# A fraud detector is right 91% of the time, and still lets four frauds out of five go through. No measure is enough
# on its own: here are three which, read together, tell what a classifier is worth.
#
# ## Four ways to answer
#
# In the tale of the boy who cried wolf, "wolf" is the *positive* class and "no wolf" the *negative* one. Each evening
# is an example, and can end in four ways only:
#
# | | A wolf is there | There is no wolf |
# |:--|:--|:--|
# | **The boy cries wolf** | true positive (TP) | false positive (FP) |
# | **The boy says nothing** | false negative (FN) | true negative (TN) |
#
# *True* or *false* says whether the prediction is right; *positive* or *negative* says what it announces. On the last
# evening the boy's cry was a true positive: after so many false ones, nobody believed it.
#
# ## The fraud exercise
#
# A test set holds 1,000 bank transactions, 900 of them genuine and 100 fraudulent. The model answers:
#
# - "genuine" 890 times rightly, and 80 times about frauds;
# - "fraud" 10 times about genuine transactions, and 20 times rightly.
#
# Fraud is what we are looking for: it is the positive class. Let us rebuild these thousand answers and count.

# %%
import numpy as np
import pandas as pd
from etalon.figures.heatmaps import confusion
from etalon.lessons import say
from etalon.locales import percent
from sklearn.metrics import (
    accuracy_score,
    confusion_matrix,
    f1_score,
    precision_score,
    recall_score,
)

truth = np.repeat([0, 1, 0, 1], [890, 80, 10, 20])
answer = np.repeat([0, 0, 1, 1], [890, 80, 10, 20])
counts = confusion_matrix(truth, answer)
(tn, fp), (fn, tp) = counts
confusion(
    counts,
    [say(fr="correcte", en="genuine"), say(fr="fraude", en="fraud")],
    title=say(fr="Mille transactions", en="A thousand transactions"),
)

# %% [markdown] lang="fr"
# La diagonale porte les réponses justes. Trois questions différentes donnent trois mesures :
#
# - *Quelle part des réponses est juste ?* L'accuracy (« justesse » en français, peu utilisé) : $\frac{VP + VN}{VP +
#   VN + FP + FN}$.
# - *Quand il dit « fraude », a-t-il raison ?* La précision : $\frac{VP}{VP + FP}$, qui se lit dans la colonne
#   « fraude ».
# - *Quand il y a fraude, la voit-il ?* Le rappel : $\frac{VP}{VP + FN}$, qui se lit dans la ligne « fraude ».

# %% [markdown] lang="en"
# Right answers are on the diagonal. Three different questions give three measures:
#
# - *What share of the answers is right?* Accuracy: $\frac{TP + TN}{TP + TN + FP + FN}$.
# - *When it says "fraud", is it right?* Precision: $\frac{TP}{TP + FP}$, read down the "fraud" column.
# - *When there is a fraud, does it see it?* Recall: $\frac{TP}{TP + FN}$, read along the "fraud" row.

# %%
measures = {
    say(fr="accuracy", en="accuracy"): accuracy_score(truth, answer),
    say(fr="précision", en="precision"): precision_score(truth, answer),
    say(fr="rappel", en="recall"): recall_score(truth, answer),
    say(fr="score F1", en="F1 score"): f1_score(truth, answer),
}
pd.Series(measures, name=say(fr="mesure", en="measure")).map(
    lambda share: percent(share, 1)
).to_frame()

# %% [markdown] lang="fr"
# Le rappel dénonce ce que l'accuracy cachait : 80 fraudes sur 100 passent inaperçues.
#
# ## 90 % qui ne veulent rien dire
#
# La base d'apprentissage contient 9000 transactions correctes et 1000 fraudes. Prenons le classifieur le plus
# paresseux qui soit : il ne regarde rien et répond toujours la classe la plus fréquente.

# %% [markdown] lang="en"
# Recall gives away what accuracy was hiding: 80 frauds out of 100 go unnoticed.
#
# ## 90% that mean nothing
#
# The training set holds 9,000 genuine transactions and 1,000 frauds. Take the laziest classifier there is: it looks
# at nothing and always answers the commonest class.

# %%
from sklearn.dummy import DummyClassifier

labels = np.repeat([0, 1], [9000, 1000])
nothing = np.zeros((10_000, 1))
lazy = DummyClassifier(strategy="most_frequent").fit(nothing, labels)
lazy_accuracy = lazy.score(nothing, labels)
lazy_recall = recall_score(labels, lazy.predict(nothing))
print(
    say(
        fr=f"accuracy : {percent(lazy_accuracy, 0)}   rappel : {percent(lazy_recall, 0)}",
        en=f"accuracy: {percent(lazy_accuracy, 0)}   recall: {percent(lazy_recall, 0)}",
    )
)

# %% [markdown] lang="fr"
# Il atteint 90 % sans avoir rien appris. Sur des classes aussi inégales, une accuracy ne se lit qu'à côté de celle du
# paresseux : nos 91 % ne valent qu'un point de mieux que de ne rien faire.
#
# ## Un seul nombre : le score $F_1$
#
# Pour comparer deux classifieurs, un seul score est commode. La moyenne ordinaire de la précision et du rappel serait
# trop indulgente : qui ne dénonce qu'une fraude, mais à coup sûr, a 100 % de précision et presque aucun rappel, et
# obtiendrait pourtant 50 %. Le score $F_1$ est leur moyenne *harmonique*, qui reste près du plus faible des deux :
#
# $$F_1 = 2 \times \frac{\mathrm{précision} \times \mathrm{rappel}}{\mathrm{précision} + \mathrm{rappel}}
# = \frac{VP}{VP + \frac{FN + FP}{2}}$$

# %% [markdown] lang="en"
# It reaches 90% without having learnt anything. On classes so unequal, an accuracy must be read beside that of the
# lazy one: our 91% are only one point better than doing nothing.
#
# ## A single number: the $F_1$ score
#
# A single score is handy to compare two classifiers. The ordinary mean of precision and recall would be too kind: by
# denouncing one fraud only, but a sure one, you get a precision of 100% and next to no recall, and would still score
# 50%. The $F_1$ score is their *harmonic* mean, which stays close to the lower of the two:
#
# $$F_1 = 2 \times \frac{\mathrm{precision} \times \mathrm{recall}}{\mathrm{precision} + \mathrm{recall}}
# = \frac{TP}{TP + \frac{FN + FP}{2}}$$

# %%
from etalon.figures.curves import Line, curves

recall = np.linspace(0.001, 1, 200)
ax = curves(
    [
        Line(
            say(fr="moyenne ordinaire", en="ordinary mean"),
            (1 + recall) / 2,
            x=recall,
            stroke="dashed",
        ),
        Line(say(fr="score F1", en="F1 score"), 2 * recall / (1 + recall), x=recall),
    ],
    xlabel=say(fr="Rappel", en="Recall"),
    title=say(
        fr="Une précision parfaite ne rachète pas le rappel",
        en="Perfect precision does not redeem recall",
    ),
    unit="percent",
    whole_x=False,
)
ax.set_ylim(0, 1.02)
ax

# %% [markdown] lang="fr"
# ## À vous de jouer
#
# Rendez le détecteur plus méfiant : il trouve 60 fraudes au lieu de 20, mais dénonce aussi 90 transactions correctes.
# Changez les nombres des deux premières lignes (830 ou 810 « correcte » à raison ?) et relancez tout. L'accuracy
# monte-t-elle ? Lequel des deux détecteurs confieriez-vous à une banque ?
#
# ## Question
#
# Sur les mille transactions du test, un classifieur répond toujours « fraude ». Que valent son rappel, sa précision
# et son score $F_1$ ?
#
# <details>
# <summary>Réponse</summary>
#
# Il voit les 100 fraudes : son rappel est de 100 %. Mais il se trompe sur les 900 transactions correctes : sa
# précision est de $\frac{100}{1000}$, soit 10 %. Son score $F_1$ vaut $\frac{100}{100 + 450}$, soit 18,2 % : une
# moyenne ordinaire lui aurait donné 55 %.
#
# </details>

# %% [markdown] lang="en"
# ## Your turn
#
# Make the detector more suspicious: it finds 60 frauds instead of 20, but also denounces 90 genuine transactions.
# Change the numbers of the first two lines (is it 830 or 810 rightly called "genuine"?) and run everything again.
# Does accuracy go up? Which of the two detectors would you entrust to a bank?
#
# ## Question
#
# On the thousand transactions of the test, a classifier always answers "fraud". What are its recall, its precision
# and its $F_1$ score?
#
# <details>
# <summary>Answer</summary>
#
# It sees all 100 frauds: its recall is 100%. But it is wrong about the 900 genuine transactions: its precision is
# $\frac{100}{1000}$, that is 10%. Its $F_1$ score is $\frac{100}{100 + 450}$, that is 18.2%, where an ordinary mean
# would have given 55%.
#
# </details>
