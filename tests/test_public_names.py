import subprocess
import sys

import pytest

import atrous


def test_the_public_names_are_these():
    assert sorted(atrous.__all__) == [
        "AtrousError",
        "ConfigError",
        "DatasetError",
        "DeepLabV3",
        "DeepLabV3Plus",
        "DependencyError",
        "ExportError",
        "InputError",
        "LabelSet",
        "ModelConfig",
        "Predictor",
        "ResourceError",
        "Segmentation",
        "WeightsError",
        "__version__",
        "build_model",
        "load",
        "load_classifier",
        "load_model",
        "save_model",
    ]


@pytest.mark.parametrize("name", atrous.__all__)
def test_every_public_name_can_be_used(name):
    assert getattr(atrous, name) is not None


def test_a_name_that_is_not_there_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'Segmentor'"):
        atrous.Segmentor  # noqa: B018


def test_without_torch_the_message_says_what_to_install():
    program = (
        "import sys; sys.modules['torch'] = None\n"
        "import atrous\n"
        "try: atrous.build_model\n"
        "except atrous.DependencyError as error: assert \"'atrous[train]'\" in str(error), error\n"
        "else: raise SystemExit('no error')"
    )

    subprocess.run([sys.executable, "-c", program], check=True)
