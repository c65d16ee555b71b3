#!/bin/sh
# Removes what an archive has brought and rsync has put in place.
# Given: incoming, the folder.
# shellcheck disable=SC2154 # the client sets what is given

locate "$incoming"
incoming=$path
# Folders that may not be written, as they are here; files have names elsewhere now, and stay as they are.
find "$incoming" -type d -exec chmod u+rwx {} +
rm -rf "$incoming" "$incoming.changed"
