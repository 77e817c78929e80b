#!/usr/bin/env bash
# The paper's arms on converted BUSI (or another 2D data set of 256x256 pixels), each on the same data, patch, batch
# and epochs: vanilla, frozen, Trainable, RandomTrainable, Random and Shuffled. docs/protocol.md says what is the paper's
# protocol and what is not.
#
# Before: llm4seg convert busi SOURCE -d 41 --size 256 --splits official
#         and nnUNet_raw, nnUNet_preprocessed and nnUNet_results exported.
# Usage:  scripts/reproduce_paper.sh DATASET [options]
#   --epochs N          one of 1 5 10 20 50 100 250 500 1000 (default 100: the next above the paper's 68), or `smoke`:
#                       four iterations, to see that every step works before days of training
#   --folds "0 1 2"     default "0 1 2", the three published splits
#   --device DEVICE     cuda (default), cpu or mps
#   --model NAME        hub id or folder of the language model (default: the paper's LLaMA-3.2-1B)
#   --layer INDEX       counted from 0 (default: 14)
#   --token-grid N      16 for the paper's 16x16 tokens (default: nnU-Net's own depth, 4x4)
# A second start continues where the first one stopped.
set -euo pipefail

usage() { sed -n '2,/^set /p' "$0" | sed '$d; s/^# \{0,1\}//'; }
stop() { echo "reproduce_paper.sh: $1" >&2; exit 2; }
count() { compgen -G "$1" | wc -l; }

[[ $# -gt 0 && $1 != -h && $1 != --help ]] || { usage; exit 0; }
dataset=$1; shift
epochs=100 folds="0 1 2" device=cuda plan_options=() grid=""
while [[ $# -gt 0 ]]; do
    [[ $# -gt 1 ]] || stop "$1 needs a value."
    case $1 in
        --epochs) epochs=$2 ;;
        --folds) folds=$2 ;;
        --device) device=$2 ;;
        --model | --layer) plan_options+=("$1" "$2") ;;
        --token-grid) plan_options+=("$1" "$2"); grid=_grid$2 ;;
        *) stop "there is no option $1; the options are --epochs --folds --device --model --layer --token-grid." ;;
    esac
    shift 2
done
vanilla=nnUNetTrainer
case $epochs in
    smoke) suffix=_smoke vanilla=nnUNetTrainerVanilla ;;
    1) suffix=_1epoch ;;
    5 | 10 | 20 | 50 | 100 | 250 | 500) suffix=_${epochs}epochs ;;
    1000) suffix="" ;;
    *) stop "--epochs $epochs is not allowed; choose 1, 5, 10, 20, 50, 100, 250, 500, 1000 or smoke." ;;
esac
for variable in nnUNet_raw nnUNet_preprocessed nnUNet_results; do
    [[ -n ${!variable:-} ]] || stop "$variable is not set; export it as for nnU-Net."
done

if [[ $dataset =~ ^[0-9]+$ ]]; then
    pattern=$(printf 'Dataset%03d_*' "$((10#$dataset))")
else
    pattern=$dataset
fi
name=$(cd "$nnUNet_raw" && compgen -G "$pattern") || stop "dataset: there is no $pattern in $nnUNet_raw; convert it first."
number=${name#Dataset} number=${number%%_*}

preprocessed=$nnUNet_preprocessed/$name
# nnU-Net writes the .pkl last of a case's files; a run that was killed leaves fewer of them than cases.
cases=$(count "$nnUNet_raw/$name/imagesTr/*_0000.*") || stop "dataset: there are no images in $nnUNet_raw/$name/imagesTr; convert it."
if [[ ! -f $preprocessed/nnUNetPlans.json || $(count "$preprocessed/nnUNetPlans_2d/*.pkl") -lt $cases ]]; then
    nnUNetv2_plan_and_preprocess -d "$number" -c 2d --verify_dataset_integrity
fi
llm4seg plan "$name" -c 2d --protocol paper "${plan_options[@]}"

baseline=nnUNetPlans_paper$grid
arms=("$vanilla${suffix}__$baseline")
for variant in "" Trainable RandomTrainable Random Shuffled; do
    arms+=("nnUNetTrainerLLM4Seg$variant${suffix}__${baseline}_LLM4Seg")
done
for fold in $folds; do
    for arm in "${arms[@]}"; do
        folder=$nnUNet_results/$name/${arm}__2d/fold_$fold
        [[ -f $folder/validation/summary.json ]] && continue
        more=()
        compgen -G "$folder/checkpoint_*.pth" >/dev/null && more=(--c)
        llm4seg train "$name" 2d "$fold" -tr "${arm%%__*}" -p "${arm#*__}" -device "$device" "${more[@]}"
    done
done

options=(--baseline "${arms[0]}")
for arm in "${arms[@]:1}"; do options+=(--candidate "$arm"); done
for fold in $folds; do options+=(--folds "$fold"); done
llm4seg compare "$name" 2d "${options[@]}" -o "$nnUNet_results/$name/reproduction$grid$suffix"
