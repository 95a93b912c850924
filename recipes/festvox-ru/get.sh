#!/bin/sh
# Gets the recordings of Debian's festvox-ru, 16 kHz WAV with their texts, without installing anything and without root:
#     get.sh FOLDER        leaves FOLDER/msu_ru_nsh_clunits/{wav,etc} and FOLDER/copyright, or nothing.
set -eu

fail() {
    echo "get.sh: $*" >&2
    exit 2
}

[ $# -eq 1 ] || fail "usage: get.sh FOLDER, as in: get.sh data"
[ ! -e "$1" ] || fail "$1: exists already; name a new folder"
for tool in apt-get dpkg-deb; do
    command -v "$tool" > /dev/null || fail "$tool: not found; this script needs Debian or a distribution made from it"
done
work=$(mktemp -d "$1.XXXXXX" 2> /dev/null) || fail "$1: cannot be made; name a folder that you may write"
work=$(cd -- "$work" && pwd)
trap 'rm -rf -- "$work"' EXIT
trap 'exit 130' INT TERM
chmod 755 "$work"

(cd -- "$work" && apt-get download -q festvox-ru > apt.log 2>&1) ||
    fail "festvox-ru: cannot be downloaded: $(grep '^E:' "$work/apt.log" | tail -n 1); try first: sudo apt-get update"
dpkg-deb -x "$work"/*.deb "$work/unpacked" 2> "$work/dpkg.log" ||
    fail "festvox-ru: cannot be unpacked: $(tail -n 1 "$work/dpkg.log")"
voice=$work/unpacked/usr/share/festival/voices/russian/msu_ru_nsh_clunits
[ -f "$voice/etc/txt.done.data" ] || fail "festvox-ru: holds no recordings; its contents have changed"
mkdir -p "$work/data/msu_ru_nsh_clunits"
mv -- "$voice/wav" "$voice/etc" "$work/data/msu_ru_nsh_clunits/"
mv -- "$work/unpacked/usr/share/doc/festvox-ru/copyright" "$work/data/"
mv -- "$work/data" "$1"
echo "$1: unpacked; next: wavegen prepare cmu-arctic $1 corpus"
