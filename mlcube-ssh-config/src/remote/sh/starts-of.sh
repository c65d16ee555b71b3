#!/bin/sh
# Prints checksums of the first bytes of files in a folder.
# Given:
#   folder  where the files are
# Words: in pairs: a number of bytes and a path.
# Replies:
#   start SUM             for each pair: the checksum of that many bytes
#   problem KIND SUBJECT  instead, if it fails
# shellcheck disable=SC2154 # the client sets what is given

locate "$folder"
cd "$path" || problem no-folder "$path"
while [ $# -gt 1 ]; do
  printf 'start %s\n' "$(head -c "$1" "./$2" 2>/dev/null | cksum)"
  shift 2
done
