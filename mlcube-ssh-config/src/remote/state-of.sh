#!/bin/sh
# Lists some entries of a folder, those that there are.
# Given: folder; format, that of the list.
# Words: their paths.
# Answers: a line `listing` and the list; or problem.
# shellcheck disable=SC2154,SC2016 # the client sets what is given; the inner shell expands

locate "$folder"
cd "$path" || problem no-folder "$path"
printf 'listing\n'
for place; do
  if [ -e "$place" ] || [ -L "$place" ]; then printf './%s\0' "$place"; fi
done | xargs -0 -r sh -c 'format=$1; shift; find "$@" -maxdepth 0 -printf "$format"' sh "$format"
