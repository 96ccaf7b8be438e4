"""Parameter groups and optimizer."""

from torch import nn
from torch.optim import SGD, Adam, AdamW, Optimizer

from atrous.engine.config import TrainConfig
from atrous.engine.rmsprop import RMSprop


def build_optimizer(model: nn.Module, config: TrainConfig) -> Optimizer:
    """An optimizer whose groups tell encoder from head, and what decays from what does not.

    As in the released code the weights of dense convolutions decay; norms, biases and depthwise
    kernels do not. Its multipliers of gradients are factors on the learning rate here, which is
    the same for SGD and has an effect with the others too. The first group is of the head, as
    every network has norms there.
    """
    groups: dict[tuple[bool, bool, bool], list[nn.Parameter]] = {}
    for module_name, module in model.named_modules():
        in_encoder = module_name.startswith("encoder.")
        for name, parameter in module.named_parameters(recurse=False):
            decays = name == "weight" and _is_dense(module)
            hurries = name == "bias" and config.bias_factor != 1.0 and _has_plain_bias(module)
            groups.setdefault((in_encoder, hurries, decays), []).append(parameter)
    parameters = [
        {
            "params": members,
            "lr": config.learning_rate
            * (config.encoder_factor if in_encoder else config.last_layer_factor)
            * (config.bias_factor if hurries else 1.0),
            "weight_decay": config.weight_decay if decays else 0.0,
        }
        for (in_encoder, hurries, decays), members in sorted(groups.items())
    ]
    rate, momentum = config.learning_rate, config.momentum
    match config.optimizer:
        case "sgd":
            return SGD(parameters, lr=rate, momentum=momentum, nesterov=config.nesterov)
        case "adam":
            return Adam(parameters, lr=rate, eps=config.epsilon or 1e-8)
        case "adamw":
            return AdamW(parameters, lr=rate, eps=config.epsilon or 1e-8)
        case "rmsprop":
            return RMSprop(
                parameters,
                lr=rate,
                decay=config.rmsprop_decay,
                momentum=momentum,
                epsilon=config.epsilon or 1.0,
            )


def _is_dense(module: nn.Module) -> bool:
    return isinstance(module, nn.Linear) or (isinstance(module, nn.Conv2d) and module.groups == 1)


def _has_plain_bias(module: nn.Module) -> bool:
    return isinstance(module, nn.Linear | nn.Conv2d)
