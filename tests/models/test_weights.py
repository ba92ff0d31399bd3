"""The weights table against Keras's own counts, and against receptive fields worked out by hand."""

import keras
import pytest
from keras import Input, Sequential, layers
from torch import nn

import etalon
from etalon.errors import ModelError
from etalon.locales import use
from etalon.models.weights import WeightsTable, weights


def reference() -> keras.Model:
    """The mini-project's network."""
    return Sequential(
        [
            Input((28, 28, 1)),
            layers.Conv2D(32, (3, 3), activation="relu"),
            layers.MaxPooling2D((2, 2)),
            layers.Conv2D(64, (3, 3), activation="relu"),
            layers.MaxPooling2D((2, 2)),
            layers.Flatten(),
            layers.Dense(128, activation="relu"),
            layers.Dense(10, activation="softmax"),
        ]
    )


def row(table: WeightsTable, kind: str, which: int = 0) -> tuple[int, int, int | None, int | None]:
    layer = [layer for layer in table.layers if layer.kind == kind][which]
    return layer.weights, layer.biases, layer.units, layer.per_unit


def test_it_is_public() -> None:
    assert etalon.weights is weights


def test_the_reference_cnn() -> None:
    table = weights(reference())
    assert table.total == table.trainable == reference().count_params() == 225_034
    assert row(table, "Conv2D") == (288, 32, 32, 3 * 3 * 1 + 1)
    assert row(table, "Conv2D", 1) == (18_432, 64, 64, 3 * 3 * 32 + 1)
    assert row(table, "Dense") == (204_800, 128, 128, 1600 + 1)
    assert row(table, "Dense", 1) == (1_280, 10, 10, 128 + 1)
    assert row(table, "Flatten") == (0, 0, None, None)
    assert [layer.output_shape for layer in table.layers][:2] == [(26, 26, 32), (13, 13, 32)]


def test_the_dense_network_of_the_first_exercise() -> None:
    model = Sequential([layers.Flatten(), layers.Dense(256), layers.Dense(256), layers.Dense(10)])
    assert weights(model, image_shape=(28, 28, 1)).total == 269_322


def test_the_receptive_field_of_convolutions_and_poolings() -> None:
    sizes = [layer.receptive_field for layer in weights(reference()).layers]
    assert sizes == [(3, 3), (4, 4), (8, 8), (10, 10), None, None, None]


@pytest.mark.parametrize(
    ("chain", "expected"),
    [
        ([layers.Conv2D(1, (5, 3)), layers.Conv2D(1, 3)], (7, 5)),
        ([layers.Conv2D(1, 3, dilation_rate=2), layers.Conv2D(1, 3)], (7, 7)),
        ([layers.Conv2D(1, 3, strides=2), layers.BatchNormalization(), layers.Conv2D(1, 3, strides=2)], (7, 7)),
        ([layers.MaxPooling2D(3, strides=2), layers.Conv2D(1, 3)], (7, 7)),
        ([layers.MaxPooling2D(2), layers.UpSampling2D(2), layers.Conv2D(1, 3)], (4, 4)),
    ],
)
def test_the_receptive_field_with_strides_and_dilation(chain: list[keras.Layer], expected: tuple[int, int]) -> None:
    model = Sequential([Input((32, 32, 1)), *(layer.__class__.from_config(layer.get_config()) for layer in chain)])
    assert weights(model).layers[-1].receptive_field == expected


def test_the_branches_of_a_residual_block_keep_the_wider_field() -> None:
    images = Input((32, 32, 3))
    start = layers.Conv2D(8, 3, padding="same")(images)
    deep = layers.Conv2D(8, 3, padding="same")(layers.Conv2D(8, 3, padding="same")(start))
    model = keras.Model(images, layers.Dense(10)(layers.Flatten()(layers.Add()([start, deep]))))
    table = weights(model)
    fields = {layer.kind: layer.receptive_field for layer in table.layers}
    assert fields["Add"] == (7, 7)
    assert table.total == model.count_params()


def test_normalisation_and_slopes_are_neither_weights_nor_biases() -> None:
    model = Sequential([Input((8, 8, 4)), layers.BatchNormalization(), layers.PReLU(shared_axes=[1, 2])])
    norm, slopes = weights(model).layers
    assert (norm.other, norm.trainable, norm.total, norm.per_unit) == (16, 8, 16, None)
    assert (slopes.other, slopes.trainable) == (4, 4)


@pytest.mark.parametrize(
    ("layer", "units", "per_unit"),
    [
        (layers.DepthwiseConv2D(3), 4, 10),
        (layers.DepthwiseConv2D(3, depth_multiplier=2), 8, 10),
        (layers.SeparableConv2D(6, 3), 6, None),  # filters share the depthwise kernels
        (layers.Conv2DTranspose(5, 3), 5, 4 * 9 + 1),
        (layers.Conv2D(6, 3, groups=2, use_bias=False), 6, 2 * 9),
    ],
)
def test_units_of_other_convolutions(layer: keras.Layer, units: int, per_unit: int | None) -> None:
    model = Sequential([Input((8, 8, 4)), layer.__class__.from_config(layer.get_config())])
    (only,) = weights(model).layers
    assert (only.units, only.per_unit, only.total) == (units, per_unit, model.count_params())


def test_nested_and_frozen_layers() -> None:
    block = Sequential([Input((8, 8, 1)), layers.Conv2D(4, 3, name="inner")], name="block")
    block.trainable = False
    model = Sequential([Input((8, 8, 1)), block, layers.Flatten(), layers.Dense(2)])
    table = weights(model)
    assert table.layers[0].name == "block/inner"
    assert (table.total, table.total - table.trainable) == (model.count_params(), 40)


def test_a_published_architecture_has_its_published_size() -> None:
    model = keras.applications.MobileNetV2(weights=None, input_shape=(32, 32, 3), classes=10)
    table = weights(model)
    assert table.total == model.count_params()
    assert table.trainable == sum(int(w.value.numel()) for w in model.trainable_weights)


def test_a_torch_module() -> None:
    table = weights(nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(16, 5)))
    assert [(layer.kind, layer.weights, layer.biases, layer.other, layer.per_unit) for layer in table.layers] == [
        ("Conv2d", 36, 4, 0, 10),
        ("BatchNorm2d", 0, 0, 8, None),
        ("Linear", 80, 5, 0, 17),
    ]


def test_as_a_table_in_both_languages() -> None:
    table = weights(reference())
    frame = table.frame()
    assert frame["total"].sum() == 225_034
    assert frame["output"].iloc[0] == "26 × 26 × 32"
    assert "225,034 parameters" in str(table)
    assert len(str(table).splitlines()) == 2 + 7 + 1
    assert table._repr_html_().count("<tr>") == 1 + 7
    with use("fr"):
        assert "225\u202f034" in str(table)


def test_a_model_without_shapes_or_no_model_is_refused() -> None:
    with pytest.raises(ModelError, match="no input shape"):
        weights(Sequential([layers.Dense(3)]))
    with pytest.raises(ModelError, match="instead of a model"):
        weights("model")
