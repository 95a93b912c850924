#!/bin/sh
# Trains every model of the table, two side by side on one core each, and compares them: two hours of training.
# Usage: table.sh CORPUS RUNS. Run again after an interruption, it goes on where it stopped.
set -eu
[ $# -eq 2 ] || { echo "usage: $0 CORPUS RUNS" >&2; exit 2; }
corpus=$1 runs=$2 recipes=$(dirname "$0")
mkdir -p "$runs"

{
    for seed in 0 1 2; do
        for model in wavenet gru markov; do echo "$model $seed 20"; done
    done
    echo lstm 0 20
    for model in wavenet-gaussians wavenet-mu-law nade nade-context markov-linear; do echo "$model 0 10"; done
} | xargs -P 2 -L 1 sh -c '
    wavegen train "$0/$3.toml" --corpus "$1" --run "$2/$3-$4" --resume \
        --set training.seed="$4" --set training.minutes="$5" --set training.threads=1' "$recipes" "$corpus" "$runs"

wavegen compare "$runs"/*-[0-9] allison --corpus "$corpus" --against wavenet-0 --html "$runs/table.html"
