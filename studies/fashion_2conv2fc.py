"""Un réseau publié : deux convolutions, deux couches denses, sur Fashion-MNIST.

etalon run studies/fashion_2conv2fc.py
"""

import etalon
from keras import Input, Sequential
from keras.layers import BatchNormalization, Conv2D, Dense, Dropout, Flatten, MaxPooling2D

study = etalon.Study(
    {
        "fr": "Fashion-MNIST : deux convolutions, deux couches denses",
        "en": "Fashion-MNIST: two convolutions, two dense layers",
    },
    context={
        "fr": "Un réseau publié est refait ici, avec ses réglages : 50 000 images d'apprentissage, lots de 32, Adam, "
        "30 époques pour aller jusqu'au sur-apprentissage, et les poids de l'époque dont la perte de validation est "
        "la plus faible. Le texte publié ne dit ni le nombre de filtres ni celui de neurones : ce sont ici 32 et 64, "
        "256 et 128.",
        "en": "A published network is made again here, with its settings: 50,000 images to train, batches of 32, "
        "Adam, 30 epochs so as to reach overfitting, and the weights of the epoch of least validation loss. The "
        "published text says neither the number of filters nor that of neurons: they are 32 and 64, 256 and 128 here.",
    },
    data="fashion_mnist",
    size=28,
    seeds=5,
    validation=1 / 6,
    epochs=30,
    batch_size=32,
    learning_rate=1e-3,
    early_stopping=etalon.EarlyStopping(patience=30),
    test_curves=True,
)


@study.reference
def two_conv_two_dense():
    return Sequential(
        [
            Input((28, 28, 1)),
            *convolution(32),
            *convolution(64),
            Flatten(),
            *dense(256),
            *dense(128),
            Dense(10, activation="softmax"),
        ]
    )


def convolution(filters):
    return Conv2D(filters, 3, activation="relu"), BatchNormalization(), MaxPooling2D(2)


def dense(units):
    return Dense(units, activation="relu"), Dropout(0.5)


@study.variant(
    because={
        "fr": "garder l'époque de moindre perte de validation vaut-il mieux que garder la dernière ?",
        "en": "is it better to keep the epoch of least validation loss than to keep the last one?",
    },
    early_stopping=None,
)
def last_epoch():
    return two_conv_two_dense()


@study.question(
    {
        "fr": "De quoi le réseau est-il fait, et combien a-t-il de poids ?",
        "en": "What is the network made of, and how many weights does it have?",
    }
)
def architecture(result):
    return result.reference.shapes(), result.reference.candidate.weights


@study.question(
    {
        "fr": "Combien d'images, et combien de mises à jour par époque ?",
        "en": "How many images, and how many updates an epoch?",
    }
)
def steps(result):
    return result.reference.updates()


@study.question(
    {
        "fr": "Quel pas d'apprentissage donne la moindre perte de validation, de 0,1 à 0,0001 ?",
        "en": "Which learning rate gives the least validation loss, from 0.1 to 0.0001?",
    }
)
def learning_rate(result):
    return result.search({"learning_rate": [1e-1, 1e-2, 1e-3, 1e-4]})


@study.question(
    {
        "fr": "À quelle époque la perte de validation est-elle la plus faible, et que se passe-t-il ensuite ?",
        "en": "At which epoch is the validation loss the least, and what happens then?",
    }
)
def best_epoch(result):
    return result.reference.overfitting(), result.reference.curves(), result.worth("last_epoch")


@study.question(
    {
        "fr": "Retrouve-t-on les chiffres publiés : 92,81 % d'exactitude, 91,54 % de précision ?",
        "en": "Are the published figures found again: accuracy 92.81%, precision 91.54%?",
    }
)
def published(result):
    return result.reference.published("2 Conv + 2 FC", accuracy=0.9281, precision_macro=0.9154)


@study.question(
    {
        "fr": "Quelles classes sont prises pour quelles autres ?",
        "en": "Which classes are taken for which others?",
    }
)
def confusions(result):
    confusion = result.reference.confusion()
    pairs = [pair[:2] for pair in confusion.most_confused(4)]
    return confusion, result.reference.gallery(pairs=pairs, n=20)
