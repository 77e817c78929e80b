"""The folder for `nnUNet_extTrainer`; nnU-Net searches every module in it for trainers."""
