"""TP réseaux de convolution, parties 3 à 5 : CIFAR-10.

etalon run studies/tp_cifar.py
"""

import etalon
from keras.layers import LeakyReLU

from convolutional import network

IMAGE = (32, 32, 3)
FIRST = [[(16, 5)], [(32, 3)]]  # the network of the practical on Fashion-MNIST
PAIRS = [[(16, 3), (16, 3)], [(32, 3), (32, 3)]]
DEEP = [*PAIRS, [(64, 3), (64, 3)]]

study = etalon.Study(
    {"fr": "TP réseaux de convolution : CIFAR-10", "en": "Practical on convolutional networks: CIFAR-10"},
    context={
        "fr": "Le réseau du TP sur Fashion-MNIST, repris tel quel sur de petites photographies en couleurs, puis "
        "changé pas à pas : chaque proposition part de celle dont elle change une chose. La référence lit des pixels "
        "divisés par 255 ; la première proposition montre ce qu'il en est des pixels bruts, par lesquels l'énoncé "
        "commence. Il demande vers la fin « le même test avec 20 époques » : les autres en ont donc moins, ici 10. Il "
        "demande deux convolutions sans pooling avant les deux précédentes, puis des normalisations après deux "
        "couches de convolution : les convolutions vont donc par paires, de 16, de 32, puis de 64 filtres.",
        "en": "The network of the practical on Fashion-MNIST, taken as it is to small colour photographs, then "
        "changed step by step: each proposal starts from the one of which it changes one thing. The reference reads "
        "pixels divided by 255; the first proposal shows what raw pixels give, with which the practical begins. Near "
        "its end it asks for “the same test with 20 epochs”: the others have fewer, 10 here. It asks for two "
        "convolutions without pooling ahead of the two others, then for normalisations after two layers of "
        "convolution: convolutions thus go in pairs, of 16, of 32, then of 64 filters.",
    },
    data="cifar10",
    size=32,
    seeds=3,
    epochs=10,
    batch_size=256,
    loss="sparse_categorical_crossentropy",
    test_curves=True,
)


@study.reference
def first_network():
    return network(IMAGE, FIRST)


@study.variant(
    because={
        "fr": "l'énoncé commence par des pixels de 0 à 255 : que perd-on à ne pas les diviser ?",
        "en": "the practical begins with pixels from 0 to 255: what is lost in not dividing them?",
    },
    scale=None,
)
def raw_pixels():
    return network(IMAGE, FIRST)


@study.variant(
    because={
        "fr": "le classifieur tient presque tous les poids : c'est là que l'on apprend par cœur",
        "en": "the classifier holds nearly all the weights: that is where images are learnt by heart",
    }
)
def dropout_in_classifier():
    return network(IMAGE, FIRST, dense_dropout=0.5)


@study.variant(
    because={
        "fr": "sur des images aussi mauvaises, il faut chercher plus de motifs, sans réduire la carte plus vite",
        "en": "on images as poor as these, more features must be looked for, without shrinking the map any faster",
    },
    after="dropout_in_classifier",
)
def pairs_of_convolutions():
    return network(IMAGE, PAIRS, dense_dropout=0.5)


@study.variant(
    because={
        "fr": "sans bordure ajoutée, chaque convolution perd les pixels du bord",
        "en": "without padding, each convolution loses the pixels of the border",
    },
    after="pairs_of_convolutions",
)
def same_padding():
    return network(IMAGE, PAIRS, padding="same", dense_dropout=0.5)


@study.variant(
    because={
        "fr": "la précision d'apprentissage s'écarte de celle de validation",
        "en": "training accuracy moves away from validation accuracy",
    },
    after="same_padding",
)
def dropout_after_pooling():
    return network(IMAGE, PAIRS, padding="same", pooling_dropout=0.25, dense_dropout=0.5)


@study.variant(
    because={
        "fr": "analyser plus profondément des images de mauvaise qualité",
        "en": "analyse images of poor quality more deeply",
    },
    after="dropout_after_pooling",
    gradient_norms=True,
)
def third_pair():
    return network(IMAGE, DEEP, padding="same", pooling_dropout=0.25, dense_dropout=0.5)


@study.variant(
    because={
        "fr": "le réseau est plus profond : que le gradient ne s'évanouisse pas en route",
        "en": "the network is deeper: let the gradient not vanish on its way",
    },
    after="third_pair",
    gradient_norms=True,
)
def normalised():
    return network(IMAGE, DEEP, padding="same", pooling_dropout=0.25, dense_dropout=0.5, normalised=True)


@study.variant(
    because={
        "fr": "la courbe de validation baisse-t-elle encore à la dixième époque ?",
        "en": "is the validation curve still falling at the tenth epoch?",
    },
    after="normalised",
    epochs=20,
)
def twenty_epochs():
    return normalised()


@study.variant(
    because={
        "fr": "un petit gradient là où la sortie est négative garde tous les filtres en vie ; 40 époques, lots de 128",
        "en": "a small gradient where the output is negative keeps all filters alive; 40 epochs, batches of 128",
    },
    after="twenty_epochs",
    epochs=40,
    batch_size=128,
)
def leaky_relu():
    leaky = LeakyReLU(negative_slope=0.3)
    return network(
        IMAGE, DEEP, padding="same", activation=leaky, pooling_dropout=0.25, dense_dropout=0.5, normalised=True
    )


@study.question(
    {
        "fr": "Comment sont codées les données ? Quelles sont leurs formes et leurs tailles ?",
        "en": "How are the data coded? What are their shapes and sizes?",
    }
)
def coding(result):
    return result.coding()


@study.question(
    {
        "fr": "Quelles sont les vingt-cinq premières images, avec leur nom ?",
        "en": "What are the first twenty-five images, with their names?",
    }
)
def first_images(result):
    return result.dataset.show(25)


@study.question(
    {
        "fr": "Combien le premier modèle a-t-il de poids à caler, par couche et par filtre ou neurone ?",
        "en": "How many weights does the first model have to fit, by layer and by filter or neuron?",
    }
)
def weights_of_the_first(result):
    return result.reference.candidate.weights


@study.question(
    {
        "fr": "Que donnent les pixels bruts ? Que change leur division par 255 ?",
        "en": "What do raw pixels give? What does dividing them by 255 change?",
    }
)
def scaling(result):
    return result.worth("raw_pixels"), result["raw_pixels"].curves(), result.reference.overfitting()


@study.question(
    {
        "fr": "Que font deux dropouts de 50 % dans le classifieur ?",
        "en": "What do two dropouts of 50% in the classifier do?",
    }
)
def dropout(result):
    return result.worth("dropout_in_classifier"), result.overfits_less("dropout_in_classifier")


@study.question(
    {
        "fr": "Les performances sont-elles cohérentes avec celles de la validation ?",
        "en": "Are the performances consistent with those on validation?",
    }
)
def consistency(result):
    model = result["dropout_in_classifier"]
    return model.consistency(), model.curves()


@study.question(
    {
        "fr": "Quelle est la classe la plus mal évaluée ?",
        "en": "Which class is the worst evaluated?",
    }
)
def worst_class(result):
    model = result["dropout_in_classifier"]
    return model.per_class(), model.confusion()


@study.question(
    {
        "fr": "Que se passerait-il si l'on ajoutait deux couches de convolution avec leurs poolings ?",
        "en": "What would happen if two layers of convolution were added with their poolings?",
    }
)
def two_more_poolings(result):
    return result.fits(lambda: network(IMAGE, [*FIRST, [(64, 3)], [(64, 3)]]))


@study.question(
    {
        "fr": "Que font deux convolutions de plus, sans pooling, avec des noyaux de taille 3 ?",
        "en": "What do two more convolutions do, without pooling, with kernels of size 3?",
    }
)
def two_more_convolutions(result):
    model = result["pairs_of_convolutions"]
    return (
        result.worth(model.name, against="dropout_in_classifier"),
        model.candidate.weights,
        model.confusion(),
    )


@study.question(
    {
        "fr": "Que change une bordure qui conserve tous les pixels ?",
        "en": "What does a padding that keeps all the pixels change?",
    }
)
def padding(result):
    return result["same_padding"].shapes(), result.worth("same_padding", against="pairs_of_convolutions")


@study.question(
    {
        "fr": "Avec du dropout après les poolings, l'apprentissage est-il amélioré sur la partie train ?",
        "en": "With dropout after pooling, is the training part learnt better?",
    }
)
def dropout_and_training(result):
    return (
        result["same_padding"].curves(),
        result["dropout_after_pooling"].curves(),
        result.overfits_less("dropout_after_pooling", than="same_padding"),
        result.worth("dropout_after_pooling", against="same_padding"),
    )


@study.question(
    {
        "fr": "Quelles sont les trois confusions les plus fréquentes ? Vingt-cinq de ces erreurs.",
        "en": "What are the three commonest confusions? Twenty-five of these errors.",
    }
)
def commonest_errors(result):
    model = result["dropout_after_pooling"]
    confusion = model.confusion()
    pairs = [pair[:2] for pair in confusion.most_confused(3)]
    return confusion, model.gallery(pairs=pairs, n=25)


@study.question(
    {
        "fr": "Analyser plus profondément, avec deux convolutions de 64 filtres de plus, améliore-t-il le modèle ?",
        "en": "Does a deeper analysis, with two more convolutions of 64 filters, improve the model?",
    }
)
def deeper(result):
    return result.worth("third_pair", against="dropout_after_pooling")


@study.question(
    {
        "fr": "Le gradient s'évanouit-il dans ce réseau plus profond ? Que font les cinq normalisations ?",
        "en": "Does the gradient vanish in this deeper network? What do the five normalisations do?",
    }
)
def vanishing_gradient(result):
    deep, normal = result["third_pair"], result["normalised"]
    return deep.gradients(normal), result.worth(normal.name, against=deep.name), normal.curves()


@study.question(
    {
        "fr": "Quelles sont maintenant les deux classes les plus mal prédites ?",
        "en": "Which two classes are now the worst predicted?",
    }
)
def two_worst_classes(result):
    model = result["normalised"]
    return model.worst_classes(2), model.confusion()


@study.question(
    {
        "fr": "Faut-il plus d'époques ? Que donnent 20 époques ?",
        "en": "Are more epochs needed? What do 20 epochs give?",
    }
)
def more_epochs(result):
    longer = result["twenty_epochs"]
    return result["normalised"].overfitting(), result.worth(longer.name, against="normalised"), longer.curves()


@study.question(
    {
        "fr": "Que donne LeakyReLU, avec une pente de 0,3, 40 époques et des lots de 128 ?",
        "en": "What does LeakyReLU give, with a slope of 0.3, 40 epochs and batches of 128?",
    }
)
def leaky(result):
    model = result["leaky_relu"]
    return result.worth(model.name, against="twenty_epochs"), model.curves(), model.consistency()


@study.question(
    {
        "fr": "Quel modèle est le plus efficace, tous paramètres pris en compte : test, sur-apprentissage, temps ?",
        "en": "Which model is the most effective, all things considered: test, overfitting, time?",
    }
)
def most_effective(result):
    return result.recommend(), result.merits(), result.effects(), result.summary()
