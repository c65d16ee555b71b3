#!/bin/sh
# Removes what tar has brought and rsync has put in place. $1 the folder.

incoming=$(absolute "$1")
# Folders that may not be written, as they are here; files have names elsewhere now, and stay as they are.
find "$incoming" -type d -exec chmod u+rwx {} +
rm -rf "$incoming"
exit 0
