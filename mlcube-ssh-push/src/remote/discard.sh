#!/bin/sh
# Removes what tar has brought and rsync has put in place. $1 the folder.

incoming=$(absolute "$1")
# Folders that may not be written, as they are here.
chmod -R u+rwx "$incoming" 2>/dev/null
rm -rf "$incoming"
exit 0
