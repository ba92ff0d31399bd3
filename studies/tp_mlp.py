"""TP de Master 1 : reconnaître des vêtements (Fashion-MNIST) avec des réseaux denses.

etalon run studies/tp_mlp.py
etalon run studies/tp_mlp.py --quick        # a first look, in a minute or two
"""

import etalon
from etalon import smallest_batch
from keras import Input, Sequential, layers

T_SHIRTS, SANDALS, SHIRTS, BOOTS = 0, 5, 6, 9
TRAINED, LIMIT = 48_000, 200  # images left when 20 % validate; updates of the weights in an epoch must be fewer
BATCH = smallest_batch(TRAINED, fewer_than=LIMIT)

study = etalon.Study(
    {
        "fr": "Reconnaître des vêtements avec des réseaux denses",
        "en": "Recognising clothes with dense networks",
    },
    context={
        "fr": "Travaux pratiques de Master 1, Big Data & Deep Learning, sur Fashion-MNIST. On part d'un réseau à deux "
        "couches cachées de 256 neurones, puis on change une chose à la fois : une couche de plus, deux fois moins de "
        "neurones, le dropout, la taille des lots, la fonction d'activation.",
        "en": "Master 1 practical, Big Data & Deep Learning, on Fashion-MNIST. It starts from a network with two "
        "hidden layers of 256 neurons, then changes one thing at a time: one more layer, half the neurons, dropout, "
        "the size of the batches, the activation function.",
    },
    data="fashion_mnist",
    seeds=5,
    validation=0.2,
    epochs=20,
    batch_size=BATCH,
    test_curves=True,
)


def dense(units=(256, 256), activation="relu", dropout=0.0, filters=()):
    """Hidden layers (each followed by dropout, if any), softmax over the ten classes; convolutions first, if any."""
    model = Sequential([Input((28, 28, 1))])
    for count in filters:
        model.add(layers.Conv2D(count, 3, activation="relu"))
        model.add(layers.MaxPooling2D(2))
    model.add(layers.Flatten())
    for count in units:
        model.add(layers.Dense(count, activation=activation))
        if dropout:
            model.add(layers.Dropout(dropout))
    model.add(layers.Dense(10, activation="softmax"))
    model.compile(optimizer="adam", loss="categorical_crossentropy", metrics=["accuracy"])
    return model


@study.reference
def two_layers():
    return dense()


@study.variant(
    because={
        "fr": "une couche de plus compose des motifs plus abstraits",
        "en": "one more layer composes more abstract patterns",
    }
)
def three_layers():
    return dense(units=(256, 256, 256))


@study.variant(
    because={
        "fr": "si moitié moins de neurones suffisent, le réseau est trop grand",
        "en": "if half the neurons are enough, the network is too large",
    }
)
def half_the_neurons():
    return dense(units=(128, 128))


@study.variant(
    because={
        "fr": "si vingt époques ne suffisent pas, quarante doivent faire mieux",
        "en": "if twenty epochs are not enough, forty must do better",
    },
    epochs=40,
)
def forty_epochs():
    return dense()


@study.variant(
    because={
        "fr": "le modèle M sans son dropout, pour savoir ce que le dropout seul apporte",
        "en": "model M without its dropout, to know what dropout alone brings",
    }
)
def narrowing():
    return dense(units=(256, 128))


@study.variant(
    after="narrowing",
    because={
        "fr": "le modèle M : éteindre 40 % des neurones à chaque lot empêche d'apprendre par cœur",
        "en": "model M: switching 40% of the neurons off at each batch keeps from learning by heart",
    },
)
def model_m():
    return dense(units=(256, 128), dropout=0.4)


@study.variant(
    after="model_m",
    because={
        "fr": "des lots deux fois plus petits mettent les poids à jour deux fois plus souvent",
        "en": "batches half as large update the weights twice as often",
    },
    batch_size=BATCH // 2,
)
def half_batches():
    return model_m()


@study.variant(
    after="model_m",
    because={
        "fr": "la sigmoïde, bornée, sature : son gradient s'éteint loin de 0",
        "en": "the sigmoid is bounded and saturates: its gradient dies out far from 0",
    },
)
def sigmoid():
    return dense(units=(256, 128), activation="sigmoid", dropout=0.4)


@study.variant(
    after="model_m",
    because={
        "fr": "elu garde un gradient là où relu n'en a plus",
        "en": "elu keeps a gradient where relu has none left",
    },
)
def elu():
    return dense(units=(256, 128), activation="elu", dropout=0.4)


@study.variant(
    after="model_m",
    because={
        "fr": "garder la forme des images : une convolution sait quels pixels sont voisins",
        "en": "keeping the shape of the images: a convolution knows which pixels are neighbours",
    },
)
def keeps_the_shape():
    return dense(units=(256, 128), dropout=0.4, filters=(16, 32))


# 1. Prétraitement des données


@study.question(
    {
        "fr": "Comment sont codées les données ? Quelles sont leurs formes et leurs tailles ?",
        "en": "How are the data coded? What are their shapes and sizes?",
    }
)
def how_data_are_coded(result):
    return result.coding()


@study.question(
    {
        "fr": "Comment se répartissent les cibles ? Cette répartition convient-elle à l'apprentissage ?",
        "en": "How are the targets spread? Does this suit learning?",
    }
)
def how_targets_are_spread(result):
    described = result.dataset.describe()
    return described, described.frame()


@study.question(
    {
        "fr": "Quels traitements les données demandent-elles pour un réseau dense, et pourquoi ?",
        "en": "What preprocessing do the data need for a dense network, and why?",
    }
)
def what_preprocessing(result):
    return result.reference.preparation()


@study.question(
    {
        "fr": "Qu'aurait-il fallu faire si la répartition était déséquilibrée ?",
        "en": "What should have been done if the classes were unbalanced?",
    }
)
def if_unbalanced(result):
    """A copy whose last class keeps one image in ten; five trainings of each remedy, on a few epochs."""
    copy = result.dataset.unbalanced(10)
    mended = etalon.Study("unbalanced", data=copy, seeds=5, epochs=5, batch_size=BATCH, store=result.study.folder)
    mended.reference(two_layers)
    mended.variant(name="class_weights", class_weight="balanced")(two_layers)
    mended.variant(name="resampled", resample="balanced")(two_layers)
    found = mended.run(progress=False)
    rarest = found.verdicts(metric="recall", of=copy.class_names()[BOOTS])
    return copy.describe(), found.stratified(), rarest, found.verdicts(metric="macro_f1")


@study.question(
    {
        "fr": "À quoi ressemblent les neuf premières entrées, et quels sont leurs noms ?",
        "en": "What do the first nine inputs look like, and what are they called?",
    }
)
def first_nine(result):
    return result.dataset.show(9)


# 2. Création d'un premier modèle


@study.question(
    {
        "fr": "De quel type doit être la couche de sortie ?",
        "en": "What must the output layer be?",
    }
)
def which_output_layer(result):
    return result.reference.output_layer()


@study.question(
    {
        "fr": "Combien y a-t-il de poids à caler, par couche et par neurone ?",
        "en": "How many weights are there to set, by layer and by neuron?",
    }
)
def how_many_weights(result):
    return result.reference.candidate.weights


@study.question(
    {
        "fr": "Quels paramètres pour la fonction compile, et pourquoi ?",
        "en": "Which settings for compile, and why?",
    }
)
def which_compile_settings(result):
    return result.reference.compiled()


@study.question(
    {
        "fr": "Quelle taille de lot pour mettre à jour les poids moins de 200 fois ?",
        "en": "Which batch size updates the weights fewer than 200 times?",
    }
)
def which_batch_size(result):
    return result.reference.updates(fewer_than=LIMIT)


@study.question(
    {
        "fr": "Que deviennent les erreurs au fil des époques ? Est-il judicieux d'aller au-delà de 20 ?",
        "en": "How do the errors go, epoch after epoch? Is it wise to go past 20?",
    }
)
def past_twenty_epochs(result):
    reference = result.reference
    return reference.overfitting(), reference.curves(), result.worth("forty_epochs")


# 3. Modification du modèle


@study.question(
    {
        "fr": "Est-il judicieux d'ajouter une troisième couche ?",
        "en": "Is a third layer worth it?",
    }
)
def third_layer(result):
    return result.worth("three_layers"), result["three_layers"].curves()


@study.question(
    {
        "fr": "Avec deux fois moins de neurones, les résultats sont-ils dégradés ?",
        "en": "With half the neurons, are the results degraded?",
    }
)
def fewer_neurons(result):
    return result.worth("half_the_neurons")


@study.question(
    {
        "fr": "Le modèle M (256 et 128 neurones, dropout de 40 %) : que peut-on en conclure ?",
        "en": "Model M (256 and 128 neurons, dropout of 40%): what can be concluded?",
    }
)
def with_dropout(result):
    return (
        result.overfits_less("model_m", than="narrowing"),
        result.worth("model_m", against="narrowing"),
        result["model_m"].curves(),
    )


@study.question(
    {
        "fr": "Quel est l'effet de lots deux fois plus petits ?",
        "en": "What is the effect of batches half as large?",
    }
)
def smaller_batches(result):
    return result.worth("half_batches", against="model_m"), result["half_batches"].curves()


@study.question(
    {
        "fr": "La sigmoïde ou elu, au lieu de relu, ont-elles un effet réel ?",
        "en": "Do sigmoid or elu, instead of relu, have a real effect?",
    }
)
def other_activations(result):
    return result.worth("sigmoid", against="model_m"), result.worth("elu", against="model_m")


@study.question(
    {
        "fr": "Quel bilan pour le nombre de couches, de neurones, d'époques et la taille des lots ?",
        "en": "All told, what of the number of layers, of neurons, of epochs, and the size of batches?",
    }
)
def all_told(result):
    return result.summary(), result.effects(), result.recommend()


# 4. Analyse des résultats sur la partie test


@study.question(
    {
        "fr": "Les performances du modèle M sur le test sont-elles cohérentes avec la validation ?",
        "en": "Is the performance of model M on test consistent with validation?",
    }
)
def consistent(result):
    return result["model_m"].consistency()


@study.question(
    {
        "fr": "Quelles sont les prédictions, à côté de la vérité ?",
        "en": "What are the predictions, beside the truth?",
    }
)
def predictions(result):
    return result["model_m"].frame()


@study.question(
    {
        "fr": "Combien d'erreurs pour chaque objet ? Quel est le plus mal identifié ?",
        "en": "How many errors for each object? Which is the worst identified?",
    }
)
def worst_object(result):
    classes = result["model_m"].per_class()
    return classes, classes.frame()


@study.question(
    {
        "fr": "Quelle est la matrice de confusion, avec le nom des objets ?",
        "en": "What is the confusion matrix, with the names of the objects?",
    }
)
def confusion_matrix(result):
    return result["model_m"].confusion()


@study.question(
    {
        "fr": "Les 25 premières chemises classées en T-shirt permettent-elles de comprendre les erreurs ?",
        "en": "Do the first 25 shirts classed as T-shirts explain the errors?",
    }
)
def shirts_as_t_shirts(result):
    model = result["model_m"]
    return model.hesitation(SHIRTS, T_SHIRTS), model.gallery(true=SHIRTS, predicted=T_SHIRTS, n=25, order="first")


@study.question(
    {
        "fr": "Et les bottines classées en sandales ?",
        "en": "And the ankle boots classed as sandals?",
    }
)
def boots_as_sandals(result):
    model = result["model_m"]
    return model.hesitation(BOOTS, SANDALS), model.gallery(true=BOOTS, predicted=SANDALS, n=25, order="first")


@study.question(
    {
        "fr": "Les résultats seraient-ils meilleurs si l'on gardait la forme des images ?",
        "en": "Would the results be better if the images kept their shape?",
    }
)
def shape_of_the_images(result):
    shaped, flat = result["keeps_the_shape"], result["model_m"]
    return (
        result.worth("keeps_the_shape", against="model_m"),
        shaped.hesitation(SHIRTS, T_SHIRTS),
        flat.hesitation(SHIRTS, T_SHIRTS),
        shaped.hesitation(BOOTS, SANDALS),
        flat.hesitation(BOOTS, SANDALS),
    )
