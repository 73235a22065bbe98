# Run on a session bus of its own by other_clients_test.cc, in a folder with a file `text`.
set -e
case $URL in https*) dav=davs ;; *) dav=dav ;; esac
dav=$dav://${ACCOUNT:+$ACCOUNT@}${URL#*://}
printf '%s\n' "$PASSWORD" | gio mount "$dav"
gio mkdir "${dav}d"
gio copy text "${dav}d/a.txt"
test "$(gio cat "${dav}d/a.txt")" = 'some text'
printf changed | gio save "${dav}d/a.txt"
gio move "${dav}d/a.txt" "${dav}d/b.txt"
gio rename "${dav}d/b.txt" 'c ä%.txt'
test "$(gio list "${dav}d")" = 'c ä%.txt'
gio copy "${dav}d/c%20%C3%A4%25.txt" back
gio copy text "${dav}gone.txt"
gio remove "${dav}gone.txt"
gio mount -u "$dav"
echo all done
