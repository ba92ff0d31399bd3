"""Mini-projet : améliorer un lecteur de chiffres manuscrits, un changement à la fois.

etalon run studies/mini_projet.py --data mnist --seeds 5
"""

import etalon
from etalon import Rotation, Shift, Zoom
from keras.layers import BatchNormalization, Conv2D, Dense, Dropout, Flatten, MaxPooling2D
from keras.models import Sequential
from keras.regularizers import L2

study = etalon.Study(
    {
        "fr": "Lire les chiffres manuscrits d'un formulaire",
        "en": "Reading the handwritten digits of a form",
    },
    context={
        "fr": "L'entreprise veut lire automatiquement les chiffres manuscrits de ses formulaires papier. Un premier "
        "réseau existe ; sa précision est jugée insuffisante pour la production. Chaque proposition ci-dessous change "
        "une seule chose à ce réseau, pour que l'on sache à quoi attribuer ce qui s'améliore.",
        "en": "The company wants to read the handwritten digits of its paper forms automatically. A first network "
        "exists; its accuracy is thought too low for production. Each proposal below changes one thing in that "
        "network, so that one knows what to credit for an improvement.",
    },
    data="mnist",
    size=28,
    seeds=5,
    epochs=5,
    batch_size=128,
)


# The document's own function, unchanged.
# fmt: off
@study.reference
def create_baseline_model():
    model = Sequential([
        Conv2D(32, kernel_size=(3, 3), activation='relu', input_shape=(28, 28, 1)),
        MaxPooling2D(pool_size=(2, 2)),
        Conv2D(64, kernel_size=(3, 3), activation='relu'),
        MaxPooling2D(pool_size=(2, 2)),
        Flatten(),
        Dense(128, activation='relu'),
        Dense(10, activation='softmax')
    ])

    model.compile(
        optimizer='adam',
        loss='categorical_crossentropy',
        metrics=['accuracy']
    )

    return model
# fmt: on


def network(filters=(32, 64), kernel=3, dropout=0.0, normalised=False, l2=0.0):
    """The same network, one knob for each architectural or regularising proposal."""
    model = Sequential()
    for position, count in enumerate(filters):
        first = {"input_shape": (28, 28, 1)} if position == 0 else {}
        model.add(Conv2D(count, kernel_size=(kernel, kernel), activation="relu", **first))
        if normalised:
            model.add(BatchNormalization())
        model.add(MaxPooling2D(pool_size=(2, 2)))
    model.add(Flatten())
    model.add(Dense(128, activation="relu", kernel_regularizer=L2(l2) if l2 else None))
    if dropout:
        model.add(Dropout(dropout))
    model.add(Dense(10, activation="softmax"))
    model.compile(optimizer="adam", loss="categorical_crossentropy", metrics=["accuracy"])
    return model


@study.variant(
    because={
        "fr": "un chiffre a plus de formes que 32 et 64 filtres n'en décrivent",
        "en": "a digit has more shapes than 32 and 64 filters can describe",
    }
)
def more_filters():
    return network(filters=(64, 128))


@study.variant(
    because={
        "fr": "un noyau de 5 × 5 voit un trait entier là où 3 × 3 n'en voit qu'un bord",
        "en": "a 5 × 5 kernel sees a whole stroke where 3 × 3 sees only an edge of it",
    }
)
def larger_kernels():
    return network(kernel=5)


@study.variant(
    because={
        "fr": "l'écart entre apprentissage et validation montre que la couche dense apprend par cœur",
        "en": "the gap between training and validation shows that the dense layer learns by heart",
    }
)
def dropout():
    return network(dropout=0.5)


@study.variant(
    because={
        "fr": "des activations centrées et réduites supportent de plus grands pas et convergent plus vite",
        "en": "centred and scaled activations bear larger steps and converge faster",
    }
)
def batch_normalisation():
    return network(normalised=True)


@study.variant(
    because={
        "fr": "de petits poids donnent une fonction plus lisse, qui devrait mieux généraliser",
        "en": "small weights make a smoother function, which should generalise better",
    }
)
def l2_penalty():
    return network(l2=1e-3)


@study.variant(
    because={
        "fr": "RMSprop est l'optimiseur d'origine des réseaux convolutifs de Keras : fait-il mieux qu'Adam ?",
        "en": "RMSprop was the usual choice for Keras's convolutional networks: does it beat Adam?",
    },
    optimizer="rmsprop",
)
def rmsprop():
    return create_baseline_model()


@study.variant(
    because={
        "fr": "en cinq époques, un pas trois fois plus grand va plus loin",
        "en": "in five epochs, a step three times as large goes further",
    },
    learning_rate=3e-3,
)
def larger_steps():
    return create_baseline_model()


@study.variant(
    because={
        "fr": "des lots quatre fois plus petits donnent quatre fois plus de mises à jour",
        "en": "batches four times smaller give four times as many updates",
    },
    batch_size=32,
)
def small_batches():
    return create_baseline_model()


@study.variant(
    because={
        "fr": "sur un formulaire, les chiffres sont penchés, décalés, plus ou moins grands",
        "en": "on a form, digits are slanted, shifted, larger or smaller",
    },
    augmentation=[Rotation(degrees=10), Zoom(amount=0.1), Shift(amount=0.1)],
)
def augmentation():
    return create_baseline_model()


@study.variant(
    because={
        "fr": "la perte de validation baisse encore à la cinquième époque",
        "en": "the validation loss is still falling at the fifth epoch",
    },
    epochs=10,
)
def more_epochs():
    return create_baseline_model()


@study.variant(
    because={
        "fr": "finir par de petits pas permet de se poser au fond de la vallée",
        "en": "ending with small steps lets the weights settle at the bottom of the valley",
    },
    schedule="cosine",
)
def cosine_schedule():
    return create_baseline_model()
