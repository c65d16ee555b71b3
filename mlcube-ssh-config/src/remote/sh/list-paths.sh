#!/bin/sh
# Lists those entries of a folder that exist.
# Given:
#   folder  that holds the entries
#   format  of the listing
# Words: their paths.
# Replies:
#   listing               then the listing
#   problem KIND SUBJECT  instead, if it fails
# shellcheck disable=SC2154 # the client sets what is given

locate "$folder"
cd "$path" || problem no-folder "$path"
printf 'listing\n'
list_places "$format" "$@"
