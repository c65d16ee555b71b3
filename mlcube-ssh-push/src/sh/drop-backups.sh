#!/bin/sh
# Removes useless backups of a push: files that the local side has sent itself.
# Given:
#   backups  the folder that holds them
#   all      `yes` if it holds nothing else
# Words: their paths in it.
# shellcheck disable=SC2154 # the client sets what is given

locate "$backups"
if [ "$all" = yes ]; then
  rm -rf "$path"
else
  cd "$path" || exit
  [ $# = 0 ] || printf './%s\0' "$@" | xargs -0 rm -f --
  # Removes the folders that are empty now.
  find . -depth -type d -exec rmdir {} + 2>/dev/null || :
fi
