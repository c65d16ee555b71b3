#!/bin/sh
# Removes what was unpacked from an archive, once rsync has put it in place.
# Given:
#   incoming  the folder
# shellcheck disable=SC2154 # the client sets what is given

locate "$incoming"
incoming=$path
# Folders may be read-only, as they are locally, and are made writable. Files keep their modes: rsync has linked them to
# their places.
find "$incoming" -type d -exec chmod u+rwx {} +
rm -rf "$incoming" "$incoming.changed"
