#!/bin/sh
# Lists some entries of a folder, those that there are.
# Given: folder; format, that of the list.
# Words: their paths.
# Answers: a line `listing` and the list; or problem.
# shellcheck disable=SC2154 # the client sets what is given

locate "$folder"
cd "$path" || problem no-folder "$path"
printf 'listing\n'
list_places "$format" "$@"
