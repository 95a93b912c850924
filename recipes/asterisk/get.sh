#!/bin/sh
# Gets the Asterisk sounds of one language from Debian, 8 kHz WAV, without installing anything and without root:
#     get.sh LANGUAGE FOLDER        LANGUAGE: en es fr it ru it-menardi, or music: what callers hear who wait
# leaves FOLDER/<voice>/… (music: FOLDER/moh/…) and FOLDER/copyright-LANGUAGE, or nothing.
set -eu

fail() {
    echo "get.sh: $*" >&2
    exit 2
}

[ $# -eq 2 ] || fail "usage: get.sh LANGUAGE FOLDER, as in: get.sh en sounds"
language=$1
sounds='sounds/*/'
case $language in
    en | es | fr | it | ru) package=asterisk-core-sounds-$language-wav ;;
    it-menardi) package=asterisk-prompt-it-menardi-wav ;;
    music) package=asterisk-moh-opsound-wav sounds=moh/ ;;
    *) fail "$language: no such language; known: en es fr it ru it-menardi music" ;;
esac
for tool in apt-get dpkg-deb; do
    command -v "$tool" > /dev/null || fail "$tool: not found; this script needs Debian or a distribution made from it"
done

existed=$(ls -d -- "$2" 2> /dev/null || :)
mkdir -p -- "$2" 2> /dev/null || fail "$2: cannot be made; name a folder that you may write"
folder=$(cd -- "$2" && pwd)
[ ! -e "$folder/copyright-$language" ] || fail "$2: has the sounds of $language already; remove them to get them again"
work=$(mktemp -d "$folder/.get.XXXXXX" 2> /dev/null) || fail "$2: cannot be written; name a folder that you may write"
trap 'rm -rf -- "$work"; [ -n "$existed" ] || rmdir -- "$folder" 2> /dev/null || :' EXIT
trap 'exit 130' INT TERM

cd "$work"
chmod 755 .
apt-get download -q "$package" > apt.log 2>&1 ||
    fail "$package: cannot be downloaded: $(grep '^E:' apt.log | tail -n 1); try first: sudo apt-get update"
dpkg-deb -x ./*.deb unpacked 2> dpkg.log || fail "$package: cannot be unpacked: $(tail -n 1 dpkg.log)"

doc=unpacked/usr/share/doc/$package/copyright
[ -f "$doc" ] || fail "$package: holds no copyright file; its contents have changed"
for voice in unpacked/usr/share/asterisk/$sounds; do
    [ -d "$voice" ] || fail "$package: holds no sounds; its contents have changed"
    name=$(basename "$voice")
    [ ! -e "$folder/$name" ] || fail "$2/$name: exists already; remove it or name another folder"
done
mv unpacked/usr/share/asterisk/$sounds "$folder/" || fail "$2: cannot be written; is the disk full?"
mv "$doc" "$folder/copyright-$language" || fail "$2: cannot be written; is the disk full?"
echo "$2: $(ls *.deb | sed 's/_all.deb//; s/%3a/:/') unpacked; next: wavegen prepare $2 corpus"
