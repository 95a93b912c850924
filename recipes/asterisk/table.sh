#!/bin/sh
# Trains every model of the table, two side by side on one core each, and compares them: about three hours.
# Usage: table.sh CORPUS RUNS. Run again after an interruption, it goes on where it stopped.
set -eu
[ $# -eq 2 ] || { echo "usage: $0 CORPUS RUNS" >&2; exit 2; }
corpus=$1 runs=$2 recipes=$(dirname "$0")
mkdir -p "$runs"

{
    for seed in 0 1 2; do
        for model in wavenet gru markov; do echo "$model $seed 20"; done
    done
    for model in wavenet-gaussians wavenet-mu-law lstm nade nade-context markov-linear; do echo "$model 0 10"; done
} | while read -r model seed minutes; do
    echo "$model" "$seed" "$minutes" "$recipes" "$corpus" "$runs"
done | xargs -P 2 -L 1 sh -c '
    wavegen train "$3/$0.toml" --corpus "$4" --run "$5/$0-$1" --resume \
        --set training.seed="$1" --set training.minutes="$2" --set training.threads=1'

wavegen compare "$runs"/*-[0-9] --corpus "$corpus" --against wavenet-0 --html "$runs/table.html"
