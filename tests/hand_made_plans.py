"""nnU-Net plans of a tiny 2D network, made by hand, for trainers without data."""

DATASET = {"channel_names": {"0": "zscore"}, "labels": {"background": 0, "x": 1}, "file_ending": ".png"}


def plans(name="P", features=8, **asked) -> dict:
    """Plans whose configuration `2d` asks for an LLM layer if `asked` names fields."""
    architecture = {
        "network_class_name": "dynamic_network_architectures.architectures.unet.PlainConvUNet",
        "arch_kwargs": {
            "n_stages": 3,
            "features_per_stage": [4, 6, features],
            "conv_op": "torch.nn.modules.conv.Conv2d",
            "kernel_sizes": [[3, 3]] * 3,
            "strides": [[1, 1], [2, 2], [2, 2]],
            "n_conv_per_stage": [1, 1, 1],
            "n_conv_per_stage_decoder": [1, 1],
            "norm_op": "torch.nn.modules.instancenorm.InstanceNorm2d",
            "norm_op_kwargs": {"affine": True},
            "nonlin": "torch.nn.LeakyReLU",
        },
        "_kw_requires_import": ["conv_op", "norm_op", "nonlin"],
        **({"llm4seg": asked} if asked else {}),
    }
    configuration = {
        "data_identifier": "P_2d",
        "batch_size": 2,
        "patch_size": [16, 16],
        "batch_dice": True,
        "architecture": architecture,
    }
    return {
        "dataset_name": "Dataset001_X",
        "plans_name": name,
        "label_manager": "LabelManager",
        "configurations": {"2d": configuration},
        "continue_training": False,
    }
