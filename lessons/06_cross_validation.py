# %% [markdown] lang="fr"
# # La validation croisée
#
# Mettre des exemples de côté pour la validation, c'est en priver l'apprentissage, et se fier à un tirage. La
# validation croisée se sert de tous les exemples, à tour de rôle.
#
# ## À tour de rôle
#
# La base d'apprentissage est découpée en $k$ sous-ensembles (*folds*). On en choisit un pour la validation, on
# entraîne le modèle sur les $k - 1$ autres, et l'on recommence $k$ fois, jusqu'à ce que chacun ait servi de
# validation. Étalon sait faire ce découpage ; vérifions ce qu'il promet.

# %% [markdown] lang="en"
# # Cross-validation
#
# Putting examples aside for validation takes them away from training, and trusts to one draw. Cross-validation uses
# all the examples, in turn.
#
# ## In turn
#
# The training set is cut into $k$ subsets (*folds*). One is chosen for validation, the model is trained on the $k -
# 1$ others, and this is done $k$ times, until each has served as validation. Étalon knows how to cut; let us check
# what it promises.

# %%
import numpy as np
from etalon import KFold
from etalon.data.splits import divide
from etalon.figures.style import PALETTE, axes, label, style
from etalon.lessons import say
from sklearn.datasets import load_digits

x, y = load_digits(return_X_y=True)
x, y = x[:300] / 16, y[:300]
turns = [divide(KFold(5), y, turn) for turn in range(5)]
used = np.bincount(np.concatenate([validate for _learn, validate in turns]), minlength=len(y))
times = np.unique(used)
print(
    say(
        fr=f"fois où un exemple sert à la validation : {times}",
        en=f"times an example is used for validation: {times}",
    )
)

# %% [markdown] lang="fr"
# Chaque exemple sert exactement une fois à la validation, et quatre fois à l'apprentissage. Voici les cinq tours, sur
# les soixante premiers exemples (le découpage est *stratifié* : chaque part garde la proportion de chaque chiffre).

# %% [markdown] lang="en"
# Each example is used exactly once for validation, and four times for training. Here are the five turns, on the first
# sixty examples (the cut is *stratified*: each part keeps the proportion of each digit).

# %%
ax = axes(None, 7.6, 2.6)
with style():
    for turn, (learn, validate) in enumerate(turns, 1):
        for part, colour in ((learn, "#CFE3F0"), (validate, PALETTE[5])):
            part = part[part < 60]
            ax.bar(part, 0.8, bottom=turn - 0.4, width=0.8, color=colour)
    ax.bar(0, 0, color="#CFE3F0", label=say(fr="apprentissage", en="training"))
    ax.bar(0, 0, color=PALETTE[5], label="validation")
    ax.set(ylim=(5.6, 0.4), yticks=range(1, 6))
    ax.grid(False)
    ax.legend(loc="upper left", bbox_to_anchor=(1.01, 1))
    label(
        ax,
        title=say(fr="Cinq tours", en="Five turns"),
        xlabel=say(fr="Exemple", en="Example"),
        ylabel=say(fr="Tour", en="Turn"),
    )
ax

# %% [markdown] lang="fr"
# ## La moyenne des tours
#
# On obtient $k$ résultats de validation, dont on fait la moyenne. `cross_val_score`, de scikit-learn, fait tout en
# une ligne.

# %% [markdown] lang="en"
# ## The mean of the turns
#
# This gives $k$ validation results, which are averaged. scikit-learn's `cross_val_score` does it all in one line.

# %%
from etalon.locales import percent
from IPython.display import Markdown
from sklearn.model_selection import cross_val_score
from sklearn.tree import DecisionTreeClassifier

model = DecisionTreeClassifier(random_state=0)
scores = cross_val_score(model, x, y, cv=turns)
each = ", ".join(percent(score, 1) for score in scores)
Markdown(
    say(
        fr=f"Les cinq tours donnent {each} ; en moyenne, **{percent(scores.mean(), 1)}**.",
        en=f"The five turns give {each}; on average, **{percent(scores.mean(), 1)}**.",
    )
)

# %% [markdown] lang="fr"
# ## Pourquoi se donner cette peine ?
#
# Les tours ne s'accordent pas : une seule validation aurait annoncé l'un ou l'autre, au hasard. Recommençons tout
# cinquante fois avec d'autres découpages, et comparons ce qu'annonce un seul tour à ce qu'annonce la moyenne de cinq.

# %% [markdown] lang="en"
# ## Why take the trouble?
#
# The turns do not agree: a single validation would have announced one or another of them, by chance. Let us do it all
# again fifty times with other cuts, and compare what one turn announces with what the mean of five does.

# %%
from etalon.figures.points import points
from etalon.figures.style import localise
from sklearn.model_selection import RepeatedStratifiedKFold

cuts = RepeatedStratifiedKFold(n_splits=5, n_repeats=50, random_state=0)
many = cross_val_score(model, x, y, cv=cuts).reshape(50, 5)
alone, averaged = many[:, 0], many.mean(axis=1)
rank = np.arange(50)
ax = points(
    {
        say(fr="un seul tour", en="one turn"): np.column_stack([rank, alone]),
        say(fr="moyenne de cinq", en="mean of five"): np.column_stack([rank, averaged]),
    },
    xlabel=say(fr="Découpage", en="Cut"),
    ylabel=say(fr="Accuracy annoncée", en="Announced accuracy"),
    title=say(
        fr="La moyenne dépend bien moins du tirage", en="The mean depends much less on the draw"
    ),
)
localise(ax.yaxis, "percent")
ax

# %%
from etalon.locales import number

spread = [number(100 * np.ptp(told), 1) for told in (alone, averaged)]  # points
Markdown(
    say(
        fr=f"D'un découpage à l'autre, un seul tour varie de **{spread[0]} points** ; la moyenne "
        f"de cinq, de **{spread[1]}** seulement.",
        en=f"From one cut to another, a single turn varies by **{spread[0]} points**; the mean "
        f"of five, by **{spread[1]}** only.",
    )
)

# %% [markdown] lang="fr"
# Dans une étude, `etalon.Study(..., folds=5)` entraîne ainsi chaque variante cinq fois.
#
# ## À vous de jouer
#
# Choisissez la profondeur de l'arbre : comparez `DecisionTreeClassifier(max_depth=2)`, `4`, `8` et `16` par la
# moyenne des cinq tours. C'est ainsi que l'on règle un paramètre sans toucher au test.
#
# ## Question
#
# Et si l'on prenait $k$ égal au nombre d'exemples ? Qu'y gagne-t-on, et qu'y perd-on ?
#
# <details>
# <summary>Réponse</summary>
#
# Chaque exemple est validé seul, par un modèle entraîné sur tous les autres (*leave-one-out*). On y gagne un
# apprentissage presque complet et un résultat sans hasard de découpage ; on y perd du temps : autant d'entraînements
# que d'exemples, 300 ici au lieu de 5. Pour un réseau de neurones, c'est hors de prix.
#
# </details>

# %% [markdown] lang="en"
# In a study, `etalon.Study(..., folds=5)` trains each variant five times in this way.
#
# ## Your turn
#
# Choose the depth of the tree: compare `DecisionTreeClassifier(max_depth=2)`, `4`, `8` and `16` by the mean of the
# five turns. This is how a parameter is set without touching the test set.
#
# ## Question
#
# What if $k$ were the number of examples? What is gained, and what is lost?
#
# <details>
# <summary>Answer</summary>
#
# Each example is validated alone, by a model trained on all the others (*leave-one-out*). What is gained is a nearly
# complete training and a result in which no cut plays any part; what is lost is time: as many trainings as examples,
# 300 here instead of 5. For a neural network, that is out of reach.
#
# </details>
