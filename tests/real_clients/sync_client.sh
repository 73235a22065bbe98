# Two-way sync by a command-line client (CLIENT: nextcloudcmd or owncloudcmd) of two computers, A and B,
# and changes on the server in between. Run by other_clients_test.cc.
set -e
user=${ACCOUNT:-holdfast} password=${PASSWORD:-none}
ask() { curl -sfS ${CERTIFICATE:+--cacert "$CERTIFICATE"} -u "$user:$password" "$@" -o /dev/null; }
sync() {
  HOME=$PWD/home-$1 "$CLIENT" --non-interactive --silent --trust --user "$user" \
    --password "$password" --exclude exclude "$1" "${URL%/}" >"log-$1" 2>&1 || { tail -50 "log-$1"; return 1; }
}
both() { sync A && sync B && sync A; }
same() { diff -r --exclude='.*' A B || { echo "not the same: $1"; exit 1; }; echo "$1"; }
mkdir -p A B home-A home-B
umask 022
# owncloudcmd needs a list of files to leave out; the distribution's lies in another package.
echo '.sync_*' >exclude

mkdir -p A/dir/deep A/empty
echo one >A/dir/one.txt
printf 'x' >'A/dir/ä ö %41 #&+.txt'
both && same 'new files and folders'
test -d B/empty

echo changed >>B/dir/one.txt
sync B && sync A && same 'edited on the other side'

printf 'by the server' | ask -T - "${URL}dir/deep/new.txt"
both && grep -q 'by the server' A/dir/deep/new.txt && same 'a new file deep in the tree'

mv A/dir A/renamed
both && test ! -e B/dir && same 'a folder renamed'

ask -X MOVE -H "Destination: ${URL}moved.txt" "${URL}renamed/one.txt"
both && test -f A/moved.txt && test ! -e A/renamed/one.txt && same 'a file moved on the server'

head -c 25000000 /dev/urandom >A/large
both && same 'a large file'
printf 'head' | dd of=B/large conv=notrunc status=none && printf tail >>B/large
sync B && sync A && same 'a large file changed'

rm A/moved.txt && rm -r B/renamed/deep
both && test ! -e B/moved.txt && test ! -e A/renamed/deep && same 'removed on either side'

echo 'of A' >A/both.txt && both
echo 'again A' >A/both.txt && sleep 1 && echo 'again of B' >B/both.txt
sync A && sync B && sync A && sync B
cat B/both*.txt | grep -q 'again A' && cat B/both*.txt | grep -q 'again of B'
echo 'edited on both sides: nothing is lost'
echo all done
