"""What is known of the sets known by name: where they are published, their checksums, their classes."""

from collections.abc import Mapping
from dataclasses import dataclass

from etalon.data.names import Classes, translated


@dataclass(frozen=True)
class Published:
    """A set in four IDX files: where it is published, and the sha256 of each file once decompressed."""

    title: str
    folder: str
    url: str
    sums: Mapping[str, str]
    classes: Classes


DIGITS = translated([str(digit) for digit in range(10)])

IDX = {
    "mnist": Published(
        "MNIST",
        "mnist",
        "https://ossci-datasets.s3.amazonaws.com/mnist/",
        {
            "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
            "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
            "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
            "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
        },
        DIGITS,
    ),
    "fashion_mnist": Published(
        "Fashion-MNIST",
        "fashion-mnist",
        "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
        {
            "train-images-idx3-ubyte": "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
            "train-labels-idx1-ubyte": "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
            "t10k-images-idx3-ubyte": "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
            "t10k-labels-idx1-ubyte": "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
        },
        translated(
            {
                "en": [
                    "T-shirt/top",
                    "Trouser",
                    "Pullover",
                    "Dress",
                    "Coat",
                    "Sandal",
                    "Shirt",
                    "Sneaker",
                    "Bag",
                    "Ankle boot",
                ],
                "fr": [
                    "T-shirts",
                    "Pantalons",
                    "Pulls",
                    "Robes",
                    "Manteaux",
                    "Sandales",
                    "Chemises",
                    "Baskets",
                    "Sacs",
                    "Bottines",
                ],
            }
        ),
    ),
}

CIFAR_URL = "https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz"
CIFAR_ARCHIVE = "cifar-10-python.tar.gz"
CIFAR_MD5 = "md5:c58f30108f718f92721af3b95e74349a"
CIFAR_BATCHES = {  # md5 of each file of the python version
    "data_batch_1": "c99cafc152244af753f735de768cd75f",
    "data_batch_2": "d4bba439e000b95fd0a9bffe97cbabec",
    "data_batch_3": "54ebc095f3ab1f0389bbae665268c751",
    "data_batch_4": "634d18415352ddfa80567beed471001a",
    "data_batch_5": "482c414d41f54cd18b22e5b47cb7c3cb",
    "test_batch": "40351d587109b95175f43aff81a1287e",
}
CIFAR_JPEG = "cifar-10-jpeg.tar.xz"
CIFAR_JPEG_SHA256 = "402906567b28e08236939113b1f8888f7b5d306dba9f386cd9ebd49fe4279898"
CIFAR_CLASSES = translated(
    {
        "en": ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"],
        "fr": ["Avion", "Voiture", "Oiseau", "Chat", "Biche", "Chien", "Grenouille", "Cheval", "Bateau", "Camion"],
    }
)
