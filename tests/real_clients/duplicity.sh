# Run by other_clients_test.cc: a full backup and one of what changed, verified and restored.
set -e
export FTP_PASSWORD=$PASSWORD LC_ALL=C.UTF-8
case $URL in https*) dav=webdavs ;; *) dav=webdav ;; esac
there=$dav://${ACCOUNT:+$ACCOUNT@}${URL#*://}backups/one
backup() { duplicity "$@" --no-encryption --volsize 1 ${CERTIFICATE:+--ssl-cacert-file "$CERTIFICATE"}; }
mkdir -p files
head -c 3000000 /dev/urandom >files/large
cp text 'files/ä b.txt'
backup full files "$there"
echo more >>'files/ä b.txt'
backup incr files "$there"
backup verify --compare-data "$there" files
backup restore "$there" restored
diff -r files restored
# An older state, and the end of the older chain.
backup full files "$there"
backup remove-all-but-n-full 1 --force "$there"
rm -r restored
backup restore "$there" restored
diff -r files restored
# Somebody else's machine: it has nothing but what is there.
rm -rf "$HOME/.cache/duplicity" restored
backup restore "$there" restored
diff -r files restored
echo all done
