#!/bin/sh
# Tells what files of a folder begin with.
# Given: folder.
# Words, in pairs: a number of bytes, and a path.
# Answers: for each a line `start SUM`, the checksum of that many bytes; or problem.
# shellcheck disable=SC2154 # the client sets what is given

locate "$folder"
cd "$path" || problem no-folder "$path"
while [ $# -gt 1 ]; do
  printf 'start %s\n' "$(head -c "$1" "./$2" 2>/dev/null | cksum)"
  shift 2
done
