#!/bin/sh
# Lists those entries of a folder that exist.
# Given: folder; format, that of the listing.
# Words: their paths.
# Replies: a line `listing` and the listing; or problem.
# shellcheck disable=SC2154 # the client sets what is given

locate "$folder"
cd "$path" || problem no-folder "$path"
printf 'listing\n'
list_places "$format" "$@"
