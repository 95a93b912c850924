#!/bin/sh
# Trains a small WaveNet on each source of known density and says how far above the truth it ends.
# Usage: excess.sh FOLDER [MINUTES]: five minutes a source unless said otherwise. Run again, it goes on.
set -eu
[ $# -ge 1 ] || { echo "usage: $0 FOLDER [MINUTES]" >&2; exit 2; }
folder=$1 minutes=${2:-5} recipes=$(dirname "$0")
mkdir -p "$folder"
for source in white-gaussian white-laplace ar2 ar16 markov-chain; do
    [ -e "$folder/$source" ] || wavegen prepare "source:$source" "$folder/$source"
    wavegen train "$recipes/wavenet.toml" --corpus "$folder/$source" --run "$folder/run-$source" --resume \
        --set training.minutes="$minutes" --set training.threads=1
    wavegen compare "wavenet=$folder/run-$source" --corpus "$folder/$source" --html "$folder/$source.html"
done
