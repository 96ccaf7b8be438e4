"""Weights, gradients and optimizer state that are split over processes: torch's FSDP2.

`accelerate` 1.15 knows FSDP on GPUs only: on CPUs it takes its plugin for DDP without a word. So
torch's `fully_shard` is called here, which works on both.
"""

import copy

import torch
from torch import Tensor, nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard
from torch.distributed.tensor import DTensor, distribute_tensor
from torch.optim import Optimizer

from atrous.engine.trainee import Trainee


def shard(trainee: Trainee, device: torch.device, processes: int) -> None:
    """Split what is trained over all processes, which must call this together.

    Every weight is gathered when its block runs, and every gradient is left where its weight is. A
    whole copy of the network stays in each process, for `Trainee.gather`.

    Args:
        trainee: Restored, but not yet prepared for several processes; changed in place.
        device: Where this process trains.
        processes: How many there are.
    """
    network = trainee.network.to(device).to(memory_format=torch.contiguous_format)
    trainee.model.to(device)
    trainee.whole = copy.deepcopy(network).requires_grad_(False)
    mesh = init_device_mesh(device.type, (processes,))
    before = list(network.parameters())
    for block in _blocks(network):
        fully_shard(block, mesh=mesh)
    fully_shard(trainee.model, mesh=mesh)
    after = list(network.parameters())
    _follow(trainee.optimizer, dict(zip(before, after, strict=True)))


def _blocks(network: nn.Module) -> list[nn.Module]:
    """The blocks of an encoder, which run one after the other and are gathered one by one."""
    stages = network.get_submodule("encoder").children()
    return [block for stage in stages if isinstance(stage, nn.ModuleList) for block in stage]


def _follow(optimizer: Optimizer, places: dict[Tensor, Tensor]) -> None:
    """Have an optimizer move the parts in place of the whole weights, and split its state alike."""
    for group in optimizer.param_groups:
        group["params"] = [places[weight] for weight in group["params"]]
    for weight, state in list(optimizer.state.items()):
        part = places[weight]
        del optimizer.state[weight]
        optimizer.state[part] = {name: _split(value, part) for name, value in state.items()}


def _split(value: object, part: Tensor) -> object:
    """What belongs to this process of a value that is kept for each element of a weight."""
    if isinstance(value, Tensor) and isinstance(part, DTensor) and value.shape == part.shape:
        return distribute_tensor(value.to(part.device), part.device_mesh, part.placements)
    return value
