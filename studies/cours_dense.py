"""Le cours : un premier réseau, sur MNIST puis sur Fashion-MNIST.

etalon run studies/cours_dense.py
etalon run studies/cours_dense.py --data fashion_mnist
"""

import etalon
from etalon.locales import choose
from keras import Input, Sequential, layers

PRINTED = {"MNIST": ("dense", 0.9381), "Fashion-MNIST": ("longer", 0.8947)}  # the variant, the value of the course

study = etalon.Study(
    {"fr": "Le premier réseau du cours", "en": "The first network of the course"},
    context={
        "fr": "Le cours entraîne un réseau dense de 128 neurones sur les 60 000 images d'apprentissage de MNIST, cinq "
        "époques durant, et atteint 0,9381 en test. Il propose ensuite Fashion-MNIST, où l'on doit obtenir 0,8947. "
        "Ici, une image d'apprentissage sur soixante sert à valider.",
        "en": "The course trains a dense network of 128 neurons on MNIST's 60,000 training images, for five epochs, "
        "and reaches 0.9381 on test. It then proposes Fashion-MNIST, where 0.8947 is to be obtained. Here, one "
        "training image in sixty validates.",
    },
    data="mnist",
    validation=1 / 60,
    epochs=5,
    batch_size=32,
)


@study.reference
def dense(dropout=0.0):
    model = Sequential([Input((28, 28)), layers.Flatten(), layers.Dense(128, activation="relu")])
    if dropout:
        model.add(layers.Dropout(dropout))
    model.add(layers.Dense(10, activation="softmax"))
    model.compile(optimizer="sgd", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


@study.variant(
    because={
        "fr": "« Et avec un peu plus de temps » : à la cinquième époque, la perte baisse encore",
        "en": '"And with a little more time": at the fifth epoch, the loss is still falling',
    },
    epochs=100,
)
def longer():
    return dense()


@study.variant(
    because={
        "fr": "en cent époques le réseau apprend par cœur ; supprimer la moitié des neurones à chaque pas l'en empêche",
        "en": "in a hundred epochs the network learns by heart; removing half of the neurons at each step prevents it",
    },
    after="longer",
    epochs=100,
    dropout=0.5,
)
def longer_with_dropout(dropout):
    return dense(dropout)


@study.question(
    {
        "fr": "Retrouve-t-on la valeur du cours : 0,9381 sur MNIST, 0,8947 sur Fashion-MNIST ?",
        "en": "Is the value of the course found again: 0.9381 on MNIST, 0.8947 on Fashion-MNIST?",
    }
)
def beside_the_course(result):
    if result.dataset.name not in PRINTED:
        return choose({"fr": "Le cours n'utilise pas ces images.", "en": "The course does not use these images."})
    variant, accuracy = PRINTED[result.dataset.name]
    return result[variant].published(choose({"fr": "le cours", "en": "the course"}), accuracy=accuracy)


@study.question({"fr": "Est-il sage d'entraîner cent époques ?", "en": "Is it wise to train for a hundred epochs?"})
def a_hundred_epochs(result):
    longer = result["longer"]
    return longer.overfitting(), longer.curves(), result.worth("longer")


@study.question(
    {
        "fr": "Le dropout à 0,5 réduit-il le sur-apprentissage ?",
        "en": "Does dropout at 0.5 reduce overfitting?",
    }
)
def dropout_at_a_half(result):
    after = result["longer_with_dropout"]
    return after.overfitting(), after.curves(), result.worth("longer_with_dropout", against="longer")
