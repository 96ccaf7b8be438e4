"""Checkpoints of other packages for torch, by the package."""

from collections.abc import Mapping

from atrous.weights.peers import bubbliiiing, jfzhang95, smp, torchvision, transformers, vainf
from atrous.weights.peers.peer import Network, Peer, translate, words_of_left_out

PEERS: Mapping[str, Peer] = {
    "segmentation_models.pytorch": Peer(smp.recognize, smp.describe),
    "VainF's DeepLabV3Plus-Pytorch": Peer(vainf.recognize, vainf.describe),
    "torchvision": Peer(torchvision.recognize, torchvision.describe),
    "jfzhang95's pytorch-deeplab-xception": Peer(jfzhang95.recognize, jfzhang95.describe),
    "Hugging Face transformers": Peer(transformers.recognize, transformers.describe),
    "bubbliiiing's deeplabv3-plus-pytorch": Peer(bubbliiiing.recognize, bubbliiiing.describe),
}
"""By what people call them."""

__all__ = ["PEERS", "Network", "Peer", "translate", "words_of_left_out"]
