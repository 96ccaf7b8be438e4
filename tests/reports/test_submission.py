"""Archives for the servers."""

import io
import zipfile

import numpy as np
import pytest
from PIL import Image

from atrous.data.sample import Sample
from atrous.engine.evaluate import Measured
from atrous.errors import ConfigError, DatasetError, ResourceError
from atrous.labels import bit_palette
from atrous.metrics.confusion import ConfusionMatrix
from atrous.reports.submission import Submission, find_target


def picture(name, predicted):
    image = np.zeros((*predicted.shape, 3), np.uint8)
    sample = Sample(name, image, predicted)
    return Measured(sample, predicted, predicted, None, ConfusionMatrix(21), 0.0)


def submitted(tmp_path, protocol, *pictures):
    with Submission(tmp_path / "s.zip", find_target(protocol)) as submission:
        for one in pictures:
            submission.see(one)
    with zipfile.ZipFile(tmp_path / "s.zip") as archive:
        return {name: Image.open(io.BytesIO(archive.read(name))) for name in archive.namelist()}


def test_voc_gets_palette_pictures_in_its_tree(tmp_path):
    predicted = np.arange(21, dtype=np.uint8).reshape(3, 7)
    files = submitted(tmp_path, "voc", picture("2008_000001", predicted))

    (image,) = files.values()
    assert list(files) == ["results/VOC2012/Segmentation/comp5_test_cls/2008_000001.png"]
    assert image.mode == "P"
    np.testing.assert_array_equal(np.asarray(image), predicted)
    assert tuple(image.getpalette()[45:48]) == bit_palette(16)[15]


def test_what_saw_other_data_goes_to_voc_as_comp6(tmp_path):
    place = find_target("voc-ms", competition="comp6").place

    assert place("2008_000001") == "results/VOC2012/Segmentation/comp6_test_cls/2008_000001.png"


@pytest.mark.parametrize(("protocol", "asked"), [("voc", "comp4"), ("cityscapes", "comp6")])
def test_competitions_that_no_server_has_are_refused(protocol, asked):
    with pytest.raises(ConfigError, match=f"comp5 or comp6 with --protocol voc, not '{asked}'"):
        find_target(protocol, competition=asked)


def test_cityscapes_gets_label_ids_at_full_size(tmp_path):
    predicted = np.zeros((1024, 2048), np.uint8)
    predicted[0, :19] = range(19)
    name = "berlin/berlin_000000_000019_leftImg8bit"
    files = submitted(tmp_path, "cityscapes-ms", picture(name, predicted))

    assert list(files) == ["berlin_000000_000019_pred_labelIds.png"]
    ids = np.asarray(files["berlin_000000_000019_pred_labelIds.png"])
    assert ids[0, :19].tolist()[::6] == [7, 19, 25, 33]  # road, traffic light, rider, bicycle
    assert set(np.unique(ids)) <= set(range(7, 34))


def test_the_ids_are_those_of_cityscapes_own_table(tmp_path):
    labels = pytest.importorskip("cityscapesscripts.helpers.labels")
    predicted = np.zeros((1024, 2048), np.uint8)
    predicted[0, :19] = range(19)
    (image,) = submitted(tmp_path, "cityscapes", picture("a", predicted)).values()

    expected = [labels.trainId2label[index].id for index in range(19)]
    assert np.asarray(image)[0, :19].tolist() == expected


def test_pictures_of_another_size_are_refused_for_cityscapes(tmp_path):
    with pytest.raises(DatasetError, match=r"a: is 8 x 4; .* 2048 x 1024"):
        submitted(tmp_path, "cityscapes", picture("a", np.zeros((4, 8), np.uint8)))


def test_two_pictures_of_one_name_are_refused(tmp_path):
    one = np.zeros((4, 8), np.uint8)
    with pytest.raises(DatasetError, match="x/a: another picture has the same name"):
        submitted(tmp_path, "voc", picture("a", one), picture("x/a", one))


def test_an_archive_that_is_there_is_not_replaced(tmp_path):
    (tmp_path / "s.zip").write_bytes(b"precious")

    with pytest.raises(ResourceError, match="is there already"):
        Submission(tmp_path / "s.zip", find_target("voc"))
    assert (tmp_path / "s.zip").read_bytes() == b"precious"


def test_a_measurement_that_fails_leaves_no_archive(tmp_path):
    with pytest.raises(KeyboardInterrupt), Submission(tmp_path / "s.zip", find_target("voc")):
        raise KeyboardInterrupt

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("protocol", [None, "camvid"])
def test_other_protocols_have_no_server(protocol):
    with pytest.raises(ConfigError, match="--submit needs --protocol voc or cityscapes"):
        find_target(protocol)


def test_a_submission_is_a_zip_file(tmp_path):
    with pytest.raises(ConfigError, match=r"is a \.zip file"):
        Submission(tmp_path / "s.tar", find_target("voc"))
