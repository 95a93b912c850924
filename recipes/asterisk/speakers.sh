#!/bin/sh
# Gets all six sets of Asterisk sounds and sorts them by who speaks, so that `prepare` finds five speakers:
#     speakers.sh FOLDER        leaves FOLDER/<speaker>/… and FOLDER/copyright-<language>, or nothing.
set -eu

if [ $# -ne 1 ]; then
    echo "speakers.sh: usage: speakers.sh FOLDER, as in: speakers.sh voices" >&2
    exit 2
fi
if [ -e "$1" ]; then
    echo "speakers.sh: $1: exists already; name a new folder" >&2
    exit 2
fi
here=$(cd -- "$(dirname -- "$0")" && pwd)
part=$1.part
rm -rf -- "$part"
trap 'rm -rf -- "$part"' EXIT
trap 'exit 130' INT TERM

for language in en es fr it ru it-menardi; do
    sh "$here/get.sh" "$language" "$part" > /dev/null
done
mkdir "$part/allison"
mv -- "$part"/en_*_Allison "$part/allison/en"
mv -- "$part"/es_*_Allison "$part/allison/es"
mv -- "$part"/fr_*_June "$part/june"
mv -- "$part"/it_*_Carlo "$part/carlo"
mv -- "$part"/it_*_Menardi "$part/menardi"
mv -- "$part"/ru_*_IvrvoiceRU "$part/ivrvoice"
mv -- "$part" "$1"
echo "$1: five speakers; next: wavegen prepare $1 speakers"
