"""TP réseaux de convolution, parties 1 et 2 : Fashion-MNIST.

etalon run studies/tp_cnn.py
"""

import etalon

from convolutional import network

IMAGE = (28, 28, 1)
STAGES = [[(16, 5)], [(32, 3)]]

study = etalon.Study(
    {
        "fr": "TP réseaux de convolution : Fashion-MNIST",
        "en": "Practical on convolutional networks: Fashion-MNIST",
    },
    context={
        "fr": "Un réseau dense lit une image comme une suite de nombres. Un réseau de convolution garde sa forme : il "
        "y cherche de petits motifs, puis des motifs de motifs. Le TP construit un tel réseau sur des images brutes, "
        "de 0 à 255, puis se demande si des couches de dropout et une couche dense de plus l'améliorent. L'énoncé ne "
        "fixe ni la taille des lots ni les taux de dropout : ce sont ici 256, comme au TP précédent, 0,25 après les "
        "poolings et 0,5 après les couches denses, comme dans la suite de l'énoncé.",
        "en": "A dense network reads an image as a line of numbers. A convolutional network keeps its shape: it looks "
        "for small patterns, then for patterns of patterns. The practical builds such a network on raw images, from 0 "
        "to 255, then asks whether dropout and one more dense layer improve it. It sets neither the batch size nor "
        "the dropout rates: they are 256 here, as in the previous practical, 0.25 after pooling and 0.5 after dense "
        "layers, as later in the same practical.",
    },
    data="fashion_mnist",
    size=28,
    seeds=5,
    epochs=20,
    batch_size=256,
    loss="sparse_categorical_crossentropy",
    scale=None,
    test_curves=True,
)


@study.reference
def two_convolutions():
    return network(IMAGE, STAGES)


@study.variant(
    because={
        "fr": "la couche dense a de quoi apprendre les images par cœur : le dropout l'en empêche",
        "en": "the dense layer has room to learn the images by heart: dropout prevents it",
    }
)
def dropout():
    return network(IMAGE, STAGES, pooling_dropout=0.25, dense_dropout=0.5)


@study.variant(
    because={
        "fr": "une couche dense de plus combinerait mieux ce que les convolutions ont trouvé",
        "en": "one more dense layer would better combine what the convolutions have found",
    },
    after="dropout",
)
def third_dense_layer():
    return network(IMAGE, STAGES, dense=(256, 128, 128), pooling_dropout=0.25, dense_dropout=0.5)


@study.variant(
    because={
        "fr": "le même classifieur, sans convolution : ce que vaut la forme de l'image",
        "en": "the same classifier without convolutions: what the shape of the image is worth",
    }
)
def without_convolutions():
    return network(IMAGE, [])


@study.question(
    {
        "fr": "Comment doit être constitué un réseau de convolution pour ces données ?",
        "en": "How must a convolutional network be built for these data?",
    }
)
def architecture(result):
    weights = result.reference.candidate.weights
    return result.reference.shapes(), weights.frame().iloc[:, :4]


@study.question(
    {
        "fr": "Avec sparse_categorical_crossentropy, que deviennent les entrées et les sorties, et pourquoi ?",
        "en": "With sparse_categorical_crossentropy, what becomes of inputs and targets, and why?",
    }
)
def inputs_and_targets(result):
    return result.reference.preparation()


@study.question(
    {
        "fr": "Quelles sont les neuf premières images, avec leur nom ?",
        "en": "What are the first nine images, with their names?",
    }
)
def first_images(result):
    return result.dataset.show(9)


@study.question(
    {
        "fr": "De quel type doit être la couche de sortie ?",
        "en": "What must the output layer be?",
    }
)
def output_layer(result):
    return result.reference.output_layer()


@study.question(
    {
        "fr": "Combien y a-t-il de poids à caler, par couche et par filtre ou neurone ?",
        "en": "How many weights are there to fit, by layer and by filter or neuron?",
    }
)
def weights(result):
    return result.reference.candidate.weights


@study.question(
    {
        "fr": "Que valent les résultats de ce premier modèle ?",
        "en": "What are the results of this first model worth?",
    }
)
def first_results(result):
    model = result.reference
    return model.curves(), model.overfitting(), model.per_class()


@study.question(
    {
        "fr": "Que constate-t-on avec du dropout après chaque pooling et chaque couche dense ?",
        "en": "What does dropout after each pooling and each dense layer do?",
    }
)
def effect_of_dropout(result):
    return result.worth("dropout"), result.overfits_less("dropout"), result["dropout"].curves()


@study.question(
    {
        "fr": "Les erreurs de test et de validation concordent-elles ? Est-il judicieux de dépasser 20 époques ?",
        "en": "Do the errors on test and on validation agree? Is it wise to go past 20 epochs?",
    }
)
def more_epochs(result):
    return [(result[name].consistency(), result[name].overfitting()) for name in ("two_convolutions", "dropout")]


@study.question(
    {
        "fr": "Une couche dense de 128 neurones de plus améliore-t-elle le modèle ?",
        "en": "Does one more dense layer of 128 neurons improve the model?",
    }
)
def one_more_dense_layer(result):
    return result.worth("third_dense_layer", against="dropout")


@study.question(
    {
        "fr": "Au vu des images, le modèle peut-il être amélioré ?",
        "en": "Judging from the images, can the model be improved?",
    }
)
def room_for_improvement(result):
    model = result["dropout"]
    confusion = model.confusion()
    confused = [pair[:2] for pair in confusion.most_confused(3)]
    doubts = [model.hesitation(true, predicted) for true, predicted in confused]
    return confusion, doubts, model.gallery(pairs=confused, n=25)


@study.question(
    {
        "fr": "Garder la forme de l'image aide-t-il ?",
        "en": "Does keeping the shape of the image help?",
    }
)
def shape_of_the_image(result):
    return result.worth("without_convolutions")
