#!/bin/sh
# Removes backups of a push that are of no use to anybody: the other side has sent them itself.
# Given: backups, the folder in which they are; all, yes if there is nothing else in it.
# Words: their paths in it.
# shellcheck disable=SC2154 # the client sets what is given

locate "$backups"
if [ "$all" = yes ]; then
  rm -rf "$path"
else
  cd "$path" || exit
  [ $# = 0 ] || printf './%s\0' "$@" | xargs -0 rm -f --
  # The folders that are empty now.
  find . -depth -type d -exec rmdir {} + 2>/dev/null || :
fi
