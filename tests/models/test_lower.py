"""Whole models: lowered, trained, saved, written back, refused."""

import copy
import os
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import torch
from keras import layers
from numpy.testing import assert_allclose, assert_array_equal
from torch import nn
from torch.nn import functional as F

from etalon.errors import ModelError
from etalon.models.lower import Network, lower, rebuild, wrap, write_back
from etalon.models.lowering.activations import Activation
from etalon.models.lowering.graph import named_variables
from etalon.models.lowering.normalization import BatchNorm, ConvolutionNorm
from etalon.models.lowering.spatial import Convolution, ConvolutionRelu, Pool, ReluMaxPool
from tests.models.conftest import as_network_input, images, keras_answer, scramble
from tests.models.random_models import random_model

IMAGE = (12, 10, 3)


def cnn(head: str | None = "softmax") -> Any:
    """The form of the document's reference network, smaller."""
    return keras.Sequential(
        [
            layers.Input(IMAGE),
            layers.Conv2D(4, 3, activation="relu"),
            layers.MaxPooling2D(),
            layers.BatchNormalization(),
            layers.Conv2D(6, 3, activation="relu", padding="same"),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dense(8, activation="relu"),
            layers.Dropout(0.5),
            layers.Dense(5, activation=head),
        ]
    )


def with_head(network: Network, x: np.ndarray) -> np.ndarray:
    """What the Keras model would answer: the head put back on the logits."""
    network.eval()
    with torch.no_grad():
        logits = network(as_network_input(x))
    heads = {"softmax": lambda z: z.softmax(1), "sigmoid": torch.sigmoid, "linear": lambda z: z}
    return np.asarray(heads[network.head](logits))


def assert_same_answers(model: Any, image_shape: tuple[int, int, int] = IMAGE) -> Network:
    scramble(model)
    x = images(image_shape)
    network = lower(model, image_shape)
    theirs = keras_answer(model, x.reshape(4, *model.input_shape[1:]) if None not in model.input_shape[1:] else x)
    assert_allclose(with_head(network, x), theirs, rtol=1e-5, atol=1e-5)
    return network


class TestHead:
    @pytest.mark.parametrize("head", ["softmax", "sigmoid"])
    @pytest.mark.parametrize("way", ["in the layer", "Activation", "Softmax"])
    def test_is_set_apart(self, head: str, way: str) -> None:
        if way == "in the layer":
            model = cnn(head)
        else:
            model = cnn(None)
            model.add(layers.Softmax() if (way, head) == ("Softmax", "softmax") else layers.Activation(head))
        assert assert_same_answers(model).head == head

    @pytest.mark.parametrize("head", [None, "relu", "log_softmax"])
    def test_is_linear_otherwise(self, head: str | None) -> None:
        assert assert_same_answers(cnn(head)).head == "linear"

    def test_softmax_inside_stays(self) -> None:
        network = lower(cnn(None), IMAGE)
        model = keras.Sequential([layers.Input(IMAGE), layers.Flatten(), layers.Softmax(), layers.Dense(3)])
        assert assert_same_answers(model).head == network.head == "linear"


class TestInput:
    def test_sequential_that_is_not_built(self) -> None:
        model = keras.Sequential([layers.Conv2D(3, 3), layers.GlobalMaxPooling2D()])
        assert_same_answers_after_building = lower(model, IMAGE)
        assert model.built
        assert assert_same_answers_after_building(torch.zeros(2, 3, 12, 10)).shape == (2, 3)

    def test_input_shape_given_to_the_first_layer(self, stray_shape_warning: Any) -> None:
        with stray_shape_warning():
            model = keras.Sequential([layers.Conv2D(3, 3, input_shape=IMAGE), layers.GlobalMaxPooling2D()])
        assert_same_answers(model)

    @pytest.mark.parametrize("shape", [(8, 6), (48,), (8, 6, 1)])
    def test_flat_or_without_channel(self, shape: tuple[int, ...]) -> None:
        model = keras.Sequential([layers.Input(shape), layers.Flatten(), layers.Dense(3, activation="softmax")])
        assert_same_answers(model, (8, 6, 1))

    def test_flat_colours_keep_keras_order(self) -> None:
        model = keras.Sequential([layers.Input((360,)), layers.Dense(3)])
        assert_same_answers(model, IMAGE)

    def test_free_size(self) -> None:
        x = layers.Input((None, None, 3))
        y = layers.Conv2D(4, 3, strides=2, padding="same")(x)
        assert_same_answers(keras.Model(x, layers.GlobalAveragePooling2D()(y)))

    @pytest.mark.parametrize("shape", [(12, 10, 1), (10, 12, 3), (3, 12, 10), (100,)])
    def test_refused_if_it_does_not_fit(self, shape: tuple[int, ...]) -> None:
        model = keras.Sequential([layers.Input(shape), layers.Flatten(), layers.Dense(3)])
        with pytest.raises(ModelError, match="images are"):
            lower(model, IMAGE)

    def test_memory_format_of_the_images_does_not_matter(self) -> None:
        network = lower(cnn(), IMAGE).eval()
        x = as_network_input(images(IMAGE))
        assert_allclose(network(x.contiguous()).detach(), network(x).detach(), atol=1e-6)

    def test_maps_stay_in_channels_last_memory(self) -> None:
        """With one channel too, where torch guesses the format from the strides."""
        model = keras.Sequential(
            [layers.Input((9, 9, 1)), layers.Conv2D(4, 3), layers.MaxPooling2D(), layers.GlobalMaxPooling2D()]
        )
        network, seen = lower(model, (9, 9, 1)), []
        for module in network.modules():
            if isinstance(module, Pool):
                module.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0].stride()))
        network(torch.zeros(2, 1, 9, 9))
        assert seen == [(196, 1, 28, 4)]


class TestRefusals:
    def test_subclassed_model(self) -> None:
        class Own(keras.Model):
            pass

        with pytest.raises(ModelError, match="neither Sequential nor functional"):
            lower(Own(), IMAGE)

    def test_not_a_model(self) -> None:
        with pytest.raises(ModelError, match="torch nn"):
            lower(nn.Linear(3, 3), IMAGE)

    def test_several_inputs_or_outputs(self) -> None:
        x, y = layers.Input(IMAGE), layers.Input(IMAGE)
        z = layers.Flatten()(layers.Add()([x, y]))
        with pytest.raises(ModelError, match="2 inputs and 1 outputs"):
            lower(keras.Model([x, y], z), IMAGE)
        flat = layers.Flatten()(x)
        with pytest.raises(ModelError, match="1 inputs and 2 outputs"):
            lower(keras.Model(x, [layers.Dense(2)(flat), layers.Dense(3)(flat)]), IMAGE)

    def test_output_that_is_a_map(self) -> None:
        with pytest.raises(ModelError, match="global pooling"):
            lower(keras.Sequential([layers.Input(IMAGE), layers.Conv2D(3, 3)]), IMAGE)

    def test_layers_that_keras_cannot_build(self) -> None:
        model = keras.Sequential([layers.Conv2D(3, 11), layers.Conv2D(3, 5), layers.Flatten()])
        with pytest.raises(ModelError, match="Keras cannot build it"):
            lower(model, IMAGE)

    @pytest.mark.parametrize("how", ["number", "operation"])
    def test_calls_that_say_more_than_a_layer(self, how: str) -> None:
        x = layers.Input(IMAGE)
        flat = layers.Flatten()(x)
        ends = {
            "number": lambda: flat * 2.0,
            "operation": lambda: keras.ops.sin(flat),
        }
        with pytest.raises(ModelError, match="torch nn"):
            lower(keras.Model(x, ends[how]()), IMAGE)


class TestGraphs:
    def test_nested_models(self) -> None:
        inner = keras.Sequential([layers.Conv2D(4, 3, padding="same", activation="relu"), layers.BatchNormalization()])
        entry = layers.Input((12, 10, 4))
        residual = keras.Model(entry, layers.Add()([entry, layers.Conv2D(4, 3, padding="same")(entry)]))
        x = layers.Input(IMAGE)
        y = layers.GlobalAveragePooling2D()(residual(inner(x)))
        network = assert_same_answers(keras.Model(x, layers.Dense(3, activation="softmax")(y)))
        assert list(network.layers()) == ["0.conv2d", "1.batch_normalization", "2.conv2d", "3.dense"]

    def test_sequential_of_models(self) -> None:
        body = keras.Sequential([layers.Input(IMAGE), layers.Conv2D(4, 3), layers.MaxPooling2D()])
        network = assert_same_answers(keras.Sequential([body, layers.Flatten(), layers.Dense(3, activation="softmax")]))
        assert network.head == "softmax"

    def test_layer_called_twice_has_one_weight(self) -> None:
        """On maps of two sizes, so that the same convolution pads differently; gradients of both calls add up."""
        shared = layers.Conv2D(3, 3, strides=2, padding="same", kernel_regularizer="l2")
        x = layers.Input((9, 9, 3))
        y = shared(x)
        model = keras.Model(x, layers.Flatten()(shared(layers.Cropping2D(((0, 1), (0, 0)))(y))))
        network = assert_same_answers(model, (9, 9, 3))
        assert [tuple(p.shape) for p in network.parameters()] == [(3, 3, 3, 3), (3,)]
        penalty = network.penalty()
        assert penalty is not None
        assert penalty.item() == pytest.approx(sum(model.losses).item(), rel=1e-5)
        for twin in (pickle.loads(pickle.dumps(network)), copy.deepcopy(network)):
            assert len(list(twin.parameters())) == 2
            twin.load({name: value + 1 for name, value in twin.weights().items()})
            assert_allclose(twin(torch.ones(1, 3, 9, 9)).detach(), _plus_one(network), rtol=1e-5)

    def test_value_read_by_two_layers_is_not_overwritten(self) -> None:
        x = layers.Input(IMAGE)
        y = layers.Conv2D(4, 3, padding="same")(x)
        z = layers.ReLU()(y)
        both = layers.Concatenate()([layers.MaxPooling2D()(z), layers.MaxPooling2D()(y), layers.AveragePooling2D(2)(z)])
        assert_same_answers(keras.Model(x, layers.Flatten()(both)))

    def test_training_false_in_a_call_is_passed_over_as_in_keras(self) -> None:
        """`fit` runs every layer in training mode whatever its call said; only `trainable=False` holds it still."""
        x = layers.Input(IMAGE)
        model = keras.Model(x, layers.Flatten()(layers.BatchNormalization()(x, training=False)))
        network = lower(model, IMAGE).train()
        mine = network(as_network_input(images(IMAGE))).detach().numpy()
        assert_allclose(mine, keras_answer(model, images(IMAGE), training=True), rtol=1e-4, atol=1e-5)
        for value, variable in zip(network.weights().values(), model.weights, strict=True):
            assert_allclose(value, variable.numpy(), rtol=1e-5, atol=1e-6)


def _plus_one(network: Network) -> torch.Tensor:
    other = copy.deepcopy(network)
    with torch.no_grad():
        for p in other.parameters():
            p.add_(1)
    return other(torch.ones(1, 3, 9, 9)).detach()


class TestSchedule:
    def test_convolution_relu_and_pooling_are_one_step(self) -> None:
        stages = list(lower(cnn(), IMAGE)._stages)
        assert [type(stage) for stage in stages[:3]] == [ConvolutionRelu, BatchNorm, ConvolutionRelu]
        assert isinstance(stages[0], ConvolutionRelu)
        assert stages[0].pools

    @pytest.mark.parametrize(
        ("about", "expected"),
        {
            "relu norm pool": (True, False, True),
            "norm relu pool": (False, True, True),
            "norm pool relu": (False, True, True),
            "norm relu": (False, True, False),
            "relu norm": (True, False, False),
            "norm": (False, False, False),
        }.items(),
        ids=str,
    )
    def test_a_convolution_and_its_normalisation_are_one_step_that_computes_the_same(
        self, about: str, expected: tuple[bool, bool, bool]
    ) -> None:
        made = {"relu": layers.ReLU, "norm": layers.BatchNormalization, "pool": layers.MaxPooling2D}
        parts = [made[name]() for name in about.split()]
        ends = [layers.Flatten(), layers.Dense(5)]
        model = keras.Sequential([layers.Input(IMAGE), layers.Conv2D(4, 3), *parts, *ends])
        network = lower(model, IMAGE)
        joined = next(iter(network._stages))
        assert isinstance(joined, ConvolutionNorm)
        assert (joined.relu_before, joined.relu_after, joined.pools) == expected
        for training in (True, False):
            network.train(training)
            mine = network(as_network_input(images(IMAGE))).detach().numpy()
            assert_allclose(mine, keras_answer(model, images(IMAGE), training=training), rtol=1e-4, atol=1e-5)

    def test_frozen_normalisation_is_not_joined(self) -> None:
        model = keras.Sequential([layers.Input(IMAGE), layers.Conv2D(4, 3), layers.BatchNormalization(trainable=False)])
        model.add(layers.Flatten())
        model.add(layers.Dense(5))
        assert [type(m) for m in lower(model, IMAGE)._stages][:2] == [Convolution, BatchNorm]

    def test_relu_comes_after_another_pooling_and_in_place(self) -> None:
        model = keras.Sequential([layers.Input(IMAGE), layers.Conv2D(4, 3, activation="relu")])
        model.add(layers.MaxPooling2D(3))
        model.add(layers.Flatten())
        model.add(layers.Dense(5))
        stages = [type(m) if not isinstance(m, Activation) else m.arguments for m in lower(model, IMAGE)._stages]
        assert stages[:3] == [Convolution, Pool, {"inplace": True}]

    def test_what_others_read_is_not_joined(self) -> None:
        x = layers.Input(IMAGE)
        y = layers.Conv2D(4, 3, padding="same")(x)
        z = layers.MaxPooling2D()(layers.ReLU()(y))
        model = keras.Model(x, layers.Dense(5)(layers.Flatten()(layers.Add()([z, layers.AveragePooling2D(2)(y)]))))
        assert [type(m) for m in lower(model, IMAGE)._stages][:2] == [Convolution, ReluMaxPool]

    def test_a_chain_needs_one_slot(self) -> None:
        assert lower(cnn(), IMAGE)._n_slots == 1

    def test_gradients_are_those_of_the_plain_network(self) -> None:
        """Relu after pooling, in place, against the same network written plainly."""
        model = cnn()
        scramble(model)
        network = lower(model, IMAGE).eval()
        frozen = [v.name.startswith("moving") for v in model.weights]
        w = [torch.tensor(v.numpy(), requires_grad=not f) for v, f in zip(model.weights, frozen, strict=True)]
        x, y = as_network_input(images(IMAGE, 16)), torch.arange(16) % 5
        h = F.max_pool2d(F.relu(F.conv2d(x, w[0].permute(3, 2, 0, 1), w[1])), 2)
        h = F.batch_norm(h, w[4], w[5], w[2], w[3], eps=1e-3)
        h = F.max_pool2d(F.relu(F.conv2d(h, w[6].permute(3, 2, 0, 1), w[7], padding=1)), 2)
        h = F.relu(h.permute(0, 2, 3, 1).flatten(1) @ w[8] + w[9])
        F.cross_entropy(h @ w[10] + w[11], y).backward()
        F.cross_entropy(network(x), y).backward()
        for (name, tensor, layout), plain in zip(network.tensors(), w, strict=True):
            if plain.grad is not None:
                assert tensor.grad is not None
                assert_allclose(layout.to_keras(tensor.grad), plain.grad, rtol=1e-4, atol=1e-6, err_msg=name)


class TestWeights:
    def test_names_do_not_depend_on_keras_counters(self) -> None:
        first, second = lower(cnn(), IMAGE).weights(), lower(cnn(), IMAGE).weights()
        assert list(first) == list(second)
        assert list(first)[:6] == [
            "0.conv2d.kernel",
            "0.conv2d.bias",
            "1.batch_normalization.gamma",
            "1.batch_normalization.beta",
            "1.batch_normalization.moving_mean",
            "1.batch_normalization.moving_variance",
        ]

    def test_layouts_and_order_are_keras_own(self) -> None:
        model = cnn()
        weights = lower(model, IMAGE).weights()
        for mine, theirs in zip(weights.values(), model.get_weights(), strict=True):
            assert_array_equal(mine, theirs)
            assert mine.flags["C_CONTIGUOUS"]

    def test_parameters_come_in_the_order_of_trainable_variables(self) -> None:
        x = layers.Input(IMAGE)
        late, early = layers.Dense(3), layers.Conv2D(2, 3)
        y = layers.Flatten()(early(x))
        z = layers.Dense(4)(layers.Flatten()(x))
        model = keras.Model(x, late(layers.Concatenate()([y, layers.Dense(5)(z)])))
        network = lower(model, IMAGE)
        sizes = [p.numel() for p in network.parameters()]
        assert sizes == [int(np.prod(v.shape)) for v in model.trainable_variables]

    def test_they_are_copies(self) -> None:
        model = cnn()
        network = lower(model, IMAGE)
        before = network.weights()
        with torch.no_grad():
            for tensor in [*network.parameters(), *network.buffers()]:
                tensor.add_(1)
        assert_array_equal(before["0.conv2d.kernel"], model.get_weights()[0])

    def test_load_is_the_reverse(self) -> None:
        model = cnn()
        network, other = lower(model, IMAGE), lower(cnn(), IMAGE)
        strides = [p.stride() for p in other.parameters()]
        other.load(network.weights())
        assert_array_equal(with_head(other, images(IMAGE)), with_head(network, images(IMAGE)))
        assert [p.stride() for p in other.parameters()] == strides

    @pytest.mark.parametrize("fault", ["missing", "unknown", "shape"])
    def test_load_refuses_what_does_not_fit(self, fault: str) -> None:
        network = lower(cnn(), IMAGE)
        weights = network.weights()
        if fault == "missing":
            del weights["2.conv2d.bias"]
        elif fault == "unknown":
            weights["9.dense.kernel"] = np.zeros(3, np.float32)
        else:
            weights["2.conv2d.kernel"] = weights["2.conv2d.kernel"][..., :-1]
        with pytest.raises(ModelError, match="same architecture") as caught:
            network.load(weights)
        assert {"missing": "2.conv2d.bias", "unknown": "9.dense.kernel", "shape": "(3, 3, 4, 5)"}[
            fault
        ] in caught.value.received

    def test_frozen_layers_keep_still(self) -> None:
        model = cnn()
        model.layers[0].trainable = False
        model.layers[2].trainable = False
        frozen = [p.requires_grad for p in lower(model, IMAGE).parameters()]
        assert frozen == [False] * 4 + [True] * 6

    def test_written_back_after_training_they_give_the_same_answers(self) -> None:
        model = cnn()
        network = lower(model, IMAGE).train()
        optimizer = torch.optim.SGD(network.parameters(), 0.1)
        for seed in range(3):
            x = as_network_input(images(IMAGE, 8, seed))
            F.cross_entropy(network(x), torch.arange(8) % 5).backward()
            optimizer.step()
        other = cnn()
        for target in (model, other):
            write_back(network, target)
            assert_allclose(keras_answer(target, images(IMAGE)), with_head(network, images(IMAGE)), atol=1e-5)
        for mine, theirs in zip(network.weights().values(), other.get_weights(), strict=True):
            assert_array_equal(mine, theirs)

    def test_write_back_refuses_another_architecture(self) -> None:
        network = lower(cnn(), IMAGE)
        model = keras.Sequential([layers.Input(IMAGE), layers.Flatten(), layers.Dense(5)])
        with pytest.raises(ModelError, match="same architecture"):
            write_back(network, model)


class TestRebuild:
    def test_the_model_comes_back_trained_from_another_process(self) -> None:
        model = cnn()
        model.compile("adam", loss=lambda y, p: p.sum())  # nothing that could be saved
        network = pickle.loads(pickle.dumps(lower(model, IMAGE)))
        network.load({name: value + 0.01 for name, value in network.weights().items()})
        twin = rebuild(network)
        assert [layer.name for layer in twin.layers] == [layer.name for layer in model.layers]
        assert_allclose(keras_answer(twin, images(IMAGE)), with_head(network, images(IMAGE)), atol=1e-5)

    @pytest.mark.parametrize("seed", [1, 3, 5, 7])
    def test_graphs_too(self, seed: int) -> None:
        model, shape = random_model(seed)
        scramble(model)
        network = lower(model, shape)
        assert_allclose(
            keras_answer(rebuild(network), images(shape)), keras_answer(model, images(shape)), rtol=1e-5, atol=1e-5
        )

    def test_constants_of_the_layers_too(self) -> None:
        scaled = [layers.Rescaling(np.full(3, 0.5)), layers.Normalization(mean=np.ones(3), variance=[1.0, 2.0, 3.0])]
        base = keras.Sequential([layers.Input(IMAGE), *scaled, layers.Conv2D(2, 3, kernel_regularizer="l1")])
        model = keras.Sequential([base, layers.Flatten(), layers.Dense(3, kernel_constraint="max_norm")])
        twin = rebuild(lower(model, IMAGE))
        assert_allclose(keras_answer(twin, images(IMAGE)), keras_answer(model, images(IMAGE)), rtol=1e-5, atol=1e-5)

    def test_not_of_a_torch_module(self) -> None:
        with pytest.raises(ModelError, match="no Keras model"):
            rebuild(wrap(Own()))


class TestTransport:
    def test_pickled_and_copied_networks_are_the_same(self) -> None:
        network = lower(cnn(), IMAGE)
        F.cross_entropy(network(torch.zeros(2, 3, 12, 10)), torch.tensor([0, 1])).backward()
        x = images(IMAGE)
        for twin in (pickle.loads(pickle.dumps(network)), copy.deepcopy(network)):
            assert_array_equal(with_head(twin, x), with_head(network, x))
            assert [p.stride() for p in twin.parameters()] == [p.stride() for p in network.parameters()]
            twin.load({name: value * 0 for name, value in twin.weights().items()})
        assert np.any(with_head(network, x) != 0.2)

    def test_after_a_forward_with_activity_penalties(self) -> None:
        model = keras.Sequential([layers.Input(IMAGE), layers.Flatten(), layers.Dense(3, activity_regularizer="l2")])
        network = lower(model, IMAGE)
        network(torch.ones(2, 3, 12, 10))
        assert network.penalty() is not None
        assert pickle.loads(pickle.dumps(network)).penalty() is None
        assert copy.deepcopy(network).penalty() is None

    def test_a_process_that_runs_one_does_not_import_keras(self, tmp_path: Path) -> None:
        x = images(IMAGE)
        model = keras.Sequential(
            [
                layers.Input(IMAGE),
                layers.RandomFlip(),
                layers.GaussianNoise(0.1),
                *cnn().layers,
                layers.Activation("mish"),
            ]
        )
        network = lower(model, IMAGE)
        (tmp_path / "network.pickle").write_bytes(pickle.dumps(network))
        np.save(tmp_path / "x.npy", x)
        code = (
            "import pickle, sys, numpy, torch\n"
            "network = pickle.load(open('network.pickle', 'rb')).train()\n"
            "x = torch.from_numpy(numpy.load('x.npy')).permute(0, 3, 1, 2)\n"
            "network(x).sum().backward(); network.penalty(); network.constrain()\n"
            "network.load(network.weights())\n"
            "print(sorted({m.split('.')[0] for m in sys.modules} & {'keras', 'tensorflow', 'jax', 'matplotlib'}))\n"
        )
        environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
        done = subprocess.run(
            [sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
        )
        assert (done.stdout.strip(), done.stderr) == ("[]", "")


class Own(nn.Module):
    """A user's module, as torch users write them."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU())
        self.out = nn.Linear(4 * 10 * 8, 5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.out(self.features(x).view(len(x), -1))


class TestTorchModules:
    def test_same_interface(self) -> None:
        network = wrap(Own())
        assert network.head == "linear"
        assert network.penalty() is None
        network.constrain()
        assert list(network.layers()) == ["features.0", "features.1", "out"]
        assert list(network.weights()) == list(Own().state_dict())
        x = as_network_input(images(IMAGE))
        assert_array_equal(network.eval()(x).detach(), network.module(x.contiguous()).detach())

    def test_view_of_a_one_channel_image(self) -> None:
        module = nn.Sequential(nn.Conv2d(1, 2, 3), nn.MaxPool2d(2), View(), nn.Linear(32, 3))
        assert wrap(module)(as_network_input(images((10, 10, 1)))).shape == (4, 3)

    def test_weights_go_round(self) -> None:
        network, other = wrap(Own()), wrap(Own())
        network(as_network_input(images(IMAGE)))
        other.load(network.weights())
        twin = pickle.loads(pickle.dumps(network))
        x = images(IMAGE)
        assert_array_equal(with_head(other, x), with_head(network, x))
        assert_array_equal(with_head(twin, x), with_head(network, x))
        with pytest.raises(ModelError):
            wrap(nn.Linear(3, 3)).load(network.weights())


class View(nn.Module):
    """Flattens as only contiguous maps allow."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.view(len(x), -1)


@pytest.mark.parametrize("seed", range(40))
def test_random_architectures(seed: int) -> None:
    model, shape = random_model(seed)
    network = assert_same_answers(model, shape)
    assert list(network.weights()) == list(named_variables(model))
    assert all(a is b for a, b in zip(named_variables(model).values(), model.weights, strict=True))
    sizes = [p.numel() for p in network.parameters()]
    assert sizes == [int(np.prod(v.shape)) for v in model.trainable_variables]
    network.train()
    x = as_network_input(images(shape), requires_grad=True)
    network(x).square().sum().backward()
    assert all(p.grad is not None and torch.isfinite(p.grad).all() for p in network.parameters())
